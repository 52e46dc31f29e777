"""Tables on screens of any width: nothing cropped, no number broken or rounded without its mark."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhixiang.cli.table_writer import (
    NO,
    NOTHING,
    YES,
    as_json,
    cell_text,
    display_width,
    head_of,
    records,
    visible,
    with_separators,
    wrapped,
    written,
)

ROWS: list[dict[str, Any]] = [
    {
        "line": 1,
        "项目 charge": "电能量电费",
        "energy_kwh": Decimal("13613.860000"),
        "max_demand_kw": 671.4336,
        "amount_cny": Decimal("1234567.80"),
        "fact_id": "time_of_use.schedule.large_industry.months_2_3_4_5_6_9_10_11",
        "confidence": "illustrative",
        "is_genuine": True,
        "versions": ["1", "2"],
        "reason": None,
    },
    {
        "line": 12345,
        "项目 charge": "力调电费",
        "energy_kwh": Decimal("5"),
        "max_demand_kw": 12.0,
        "amount_cny": Decimal("-0.05"),
        "fact_id": "funds",
        "confidence": "secondary",
        "is_genuine": False,
        "versions": [],
        "reason": "金额与规定不符，因为功率因数低于标准，见 the clause of 1983 in its own words",
    },
]


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("width", [70, 80, 100, 120, 160, 200, 300, None])
def test_every_value_stands_whole_at_every_width(width: int | None) -> None:
    lines = written(ROWS, width=width)
    text = "\n".join(lines)
    if width is not None:
        assert max(map(display_width, lines)) <= width
    for whole in ("13,613.86", "671.4336", "1,234,567.80", "-0.05", "12345", YES, NO, "1, 2", NOTHING):
        assert re.search(rf"(?<![\d,.]){re.escape(whole)}(?![\d,.])", text), whole
    for value in (ROWS[0]["fact_id"], "illustrative", "secondary"):
        assert value in text
    if "reason: " in text:
        assert squeezed(ROWS[1]["reason"]) in squeezed(text)
    assert "…" not in text


def test_a_pipe_has_no_edge() -> None:
    head, rule, *lines = written(ROWS, width=None)
    assert len(lines) == len(ROWS)
    assert ROWS[1]["reason"] in lines[1]
    assert display_width(rule) >= display_width(lines[1])
    assert head.startswith(" line")


def test_numbers_stand_right_under_a_head_with_their_unit() -> None:
    head, _, first, second = written(ROWS, ["fact_id", "energy_kwh", "amount_cny"], width=120)
    assert head.split() == ["fact_id", "energy", "kWh", "amount", "CNY"]
    assert len(head) == len(first) == len(second)
    assert second.endswith("5         -0.05")


def test_columns_of_chinese_stand_below_one_another() -> None:
    head, rule, first, second = written(ROWS, ["项目 charge", "confidence"], width=80)
    at = {display_width(line[: line.index(word)]) for line, word in ((first, "illus"), (second, "secon"))}
    assert at == {display_width(head[: head.index("confidence")])}
    assert set(rule) == {"─", " "}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (frozenset(("b", "a")), "a, b"),
        ({"1": 6000}, "1 6,000"),
        ({"auc": 0.8578911870731443, "rows": 7907.0}, "auc ~0.857891, rows 7,907"),
        ([{"from": 1, "to": 2}], "(from 1, to 2)"),
        (0.1 + 0.2, "0.3"),
        (1e-7, "0.0000001"),
        (float("nan"), "nan"),
        (Decimal("0.5250"), "0.525"),
        (Decimal("12.00"), "12.00"),
        (Decimal("-0.000"), "0"),
        (date(2026, 9, 1), "2026-09-01"),
        ("", NOTHING),
        (12_345, "12,345"),
    ],
)
def test_no_cell_is_raw(value: object, said: str) -> None:
    assert cell_text(value) == said


def test_what_names_a_thing_has_no_separators() -> None:
    assert cell_text(12345, "line_number") == "12345"
    assert cell_text(12345, "received_rows") == "12,345"
    assert head_of("values_kwh_or_kvarh") == "values kWh/kvarh"


def test_a_word_wider_than_the_screen_stays_whole() -> None:
    digest = "a" * 64
    lines = records({"content_digest": digest, "x": 1}, width=40)
    assert [line for line in lines if digest in line] == [f"  {digest}"]
    assert lines[0] == "content_digest:"


def test_no_value_drives_the_terminal() -> None:
    lines = written([{"name": "a\x1b[31mb\nc\td", "[bold]": "[red]x[/red]"}], width=80)
    assert "\x1b" not in "".join(lines)
    assert "a\\x1b[31mb c d" in lines[-1]
    assert "[red]x[/red]" in lines[-1]
    assert visible("ok") == "ok"


def test_json_lists_are_lists() -> None:
    found = json.loads(
        as_json({"marks": frozenset(("b", "a")), "amount": Decimal("1.10"), "on": date(2026, 1, 2)})
    )
    assert found == {"marks": ["a", "b"], "amount": "1.10", "on": "2026-01-02"}


def test_a_formula_has_separators_and_leaves_names_alone() -> None:
    said = with_separators("13613.860000 kWh × 0.4 time_of_use.ratios.v1.2 = 2858.91 CNY on 2026.09.01")
    assert said == "13,613.86 kWh × 0.4 time_of_use.ratios.v1.2 = 2,858.91 CNY on 2026.09.01"


@given(
    st.text(st.sampled_from("ab 1,.9电价（）。，é\u0301"), max_size=80),
    st.integers(min_value=12, max_value=60),
)
def test_wrapping_loses_nothing_and_breaks_no_number(text: str, width: int) -> None:
    lines = wrapped(text, width, indent="  ")
    assert squeezed("".join(lines)) == squeezed(text)
    for line in lines:
        stripped = line.strip()
        assert display_width(line) <= width or not re.search(r"\s", stripped)
    numbers = re.findall(r"\d[\d,.]*", text)
    assert [n for line in lines for n in re.findall(r"\d[\d,.]*", line)] == numbers


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=4), min_size=1, max_size=12))
def test_numbers_are_exact(values: list[Decimal]) -> None:
    rows = [{f"column_{place}_cny": value for place, value in enumerate(values)}]
    text = "\n".join(written(rows, width=80))
    told = [
        Decimal(found.replace(",", ""))
        for found in re.findall(r"(?<=\s)-?[\d,]+(?:\.\d+)?(?=\s|$)", " " + text)
    ]
    assert all(value in told for value in values)


def test_a_command_to_be_pasted_stays_on_one_line() -> None:
    said = (
        "Bring it back, then see: ZHIXIANG_HOME=/h zhixiang bill show A --month 2026-09. Mind the rest of it."
    )
    lines = wrapped(said, 40, keeps_commands=True)
    assert "ZHIXIANG_HOME=/h zhixiang bill show A --month 2026-09." in "\n".join(lines)
    assert "zhixiang bill show A --month 2026-09" not in "\n".join(wrapped(said, 40))
    assert " ".join(" ".join(lines).split()) == said
