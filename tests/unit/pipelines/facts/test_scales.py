"""Worked examples of published scales, and the two sides of each limit."""

from __future__ import annotations

import json
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.errors import FactFileError, UsageError
from pipelines.facts import load_facts
from pipelines.facts.fact_index import read_fact_file
from pipelines.settings import packaged
from zhixiang.cli.main import run_app

D = Decimal
SCALES = load_facts(packaged("conf") / "facts").scales
DAY = date(2026, 9, 1)


@pytest.mark.parametrize(
    ("ratio", "level"),
    [
        ("0", "1"),
        ("0.6", "1"),
        ("0.61", "2"),
        ("0.8", "2"),
        ("0.81", "3"),
        ("1.2", "3"),
        ("1.21", "4"),
        ("2.0", "4"),
        ("2.01", "5"),
        ("9", "5"),
    ],
)
def test_levels_of_the_carbon_code(ratio: str, level: str) -> None:
    assert SCALES.carbon_level.on(DAY).name_of(D(ratio)) == level


@pytest.mark.parametrize(
    ("intensity", "name"),
    [("0.6", "低碳 low"), ("0.61", "中碳 medium"), ("2", "中碳 medium"), ("2.01", "高碳 high")],
)
def test_classes_of_the_carbon_code(intensity: str, name: str) -> None:
    assert SCALES.carbon_intensity.on(DAY).name_of(D(intensity)) == name


@pytest.mark.parametrize(
    ("score", "grade"),
    [("59.99", "一般 fair"), ("60", "良好 good"), ("84.99", "良好 good"), ("85", "优秀 excellent")],
)
def test_grades_of_the_bill(score: str, grade: str) -> None:
    assert SCALES.bill_grade.on(DAY).name_of(D(score)) == grade


def test_the_index_of_resumed_work_of_2020_02_10() -> None:
    """40,541.65 of 128,807.02 x 10,000 kWh and 64,590 of 333,427 enterprises: 31.47 % and 19.37 %, 25.42."""
    index = SCALES.resumption.on(date(2020, 2, 10))
    assert index.value(D("40541.65"), D("128807.02"), 64_590, 333_427).quantize(D("0.01")) == D("25.42")
    assert index.value(D(7), D(7), 3, 3) == 100
    with pytest.raises(UsageError, match="above 0"):
        index.value(D(1), D(0), 1, 1)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["carbon-code", "120", "100", "--industry-mean", "1"], {"class": "中碳 medium", "level": "3"}),
        (["carbon-code", "121", "100", "--industry-mean", "1"], {"level": "4"}),
        (["carbon-code", "60", "100"], {"class": "低碳 low"}),
        (["bill-grade", "85"], {"grade": "优秀 excellent"}),
        (["resumption", "40541.65", "128807.02", "64590", "333427"], {"index": "25.42"}),
    ],
)
def test_the_command_tells_the_figure_and_its_fact(
    arguments: list[str],
    told: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["zhixiang", "index", *arguments, "--json"])
    assert run_app() == 0
    answer = json.loads(capsys.readouterr().out)
    assert {name: answer[name] for name in told} == told
    assert all(fact["source"] and fact["confidence"] for fact in answer["facts"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["bill-grade", "101"], "from 0 to 100"),
        (["bill-grade", "x"], "SCORE must be a number"),
        (["carbon-code", "1", "0"], "VALUE must be a number above 0"),
    ],
)
def test_what_is_no_figure_is_refused(
    arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["zhixiang", "index", *arguments])
    assert run_app() == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("limits: [0.6, 2.0]", "limits: [2.0, 0.6]", "limits must be rising"),
        ("limits: [0.6, 2.0]", "limits: [0.6]", "1 limits part 2 names, not 3"),
        ("limit_belongs: above", "limit_belongs: beside", "must be below or above"),
        ("users_weight: 0.5", "users_weight: 0.4", "must sum to 1"),
    ],
)
def test_a_scale_that_is_none_is_named_with_its_line(old: str, new: str, says: str, tmp_path: Path) -> None:
    text = (packaged("conf") / "facts" / "published_scales.yaml").read_text(encoding="utf-8")
    (tmp_path / "published_scales.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(FactFileError, match=rf"published_scales\.yaml:\d+: .*{says}"):
        read_fact_file(tmp_path, "published_scales.yaml")
