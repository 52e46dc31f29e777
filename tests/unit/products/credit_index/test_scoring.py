"""Scale, grades, vetoes and warnings, each edge in a pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import SettingsError
from pipelines.settings import Settings, packaged
from products.credit_index.reasons import VETOES
from products.credit_index.scoring import grade_of, score_points, veto_of, veto_words, warning_of
from products.credit_index.settings import CreditIndexSettings
from products.credit_index.tables import CreditGrade, WarningLevel

SETTINGS = Settings(packaged("conf"), Path("unused")).section(CreditIndexSettings)
CLEAN = {veto.name: 0 for veto in VETOES}
BY_ID = {veto.id: veto for veto in VETOES}


def test_the_scale_stands_on_its_odds():
    """20 : 1 are 600 points, 40 : 1 are 650, 10 : 1 are 550."""
    odds = np.array([20.0, 40.0, 10.0])
    assert score_points(1 / (1 + odds), SETTINGS).tolist() == [600, 650, 550]


@pytest.mark.parametrize(("probability", "points"), [(0.0, 850), (1.0, 300)])
def test_the_scale_ends(probability, points):
    assert score_points(np.array([probability]), SETTINGS)[0] == points


@pytest.mark.parametrize("grade", list(CreditGrade)[:-1])
def test_a_grade_begins_at_its_floor(grade):
    below = list(CreditGrade)[list(CreditGrade).index(grade) + 1]
    floor = SETTINGS.grade_floors[grade]
    assert (grade_of(floor, None, SETTINGS), grade_of(floor - 1, None, SETTINGS)) == (grade, below)


@pytest.mark.parametrize("veto", VETOES, ids=lambda veto: veto.id)
def test_a_veto_wakes_above_its_limit_and_caps_the_grade(veto):
    limit = SETTINGS.veto_limits[veto.id]
    assert veto_of({**CLEAN, veto.name: limit}, SETTINGS) is None
    assert veto_of({**CLEAN, veto.name: limit + 1}, SETTINGS) == veto
    assert grade_of(850, veto, SETTINGS) is SETTINGS.veto_best_grades[veto.id]


def test_a_veto_never_lifts_a_grade():
    assert grade_of(300, BY_ID["CI-V07"], SETTINGS) is CreditGrade.D


def test_the_strictest_veto_is_named():
    assert veto_of({**CLEAN, "unpaid_bills": 1, "thefts_24m": 1}, SETTINGS) == BY_ID["CI-V01"]
    assert (
        veto_of({**CLEAN, "thefts_24m": 1, "unpaid_bills": 2, "unpaid_days": 31}, SETTINGS) == BY_ID["CI-V06"]
    )


def test_an_unknown_value_vetoes_nothing():
    assert veto_of(dict.fromkeys(CLEAN), SETTINGS) is None


def test_a_veto_is_worded_with_its_value():
    assert veto_words(BY_ID["CI-V06"], 31.0) == (
        "已违约：欠费逾期 31 天",
        "in default: a bill is overdue by 31 days",
    )


@pytest.mark.parametrize(
    ("probability", "change", "veto", "level"),
    [
        (0.0999, None, None, WarningLevel.NONE),
        (0.1000, None, None, WarningLevel.WATCH),
        (0.2499, None, None, WarningLevel.WATCH),
        (0.2500, None, None, WarningLevel.ALERT),
        (0.01, -59, None, WarningLevel.NONE),
        (0.01, -60, None, WarningLevel.WATCH),
        (0.01, None, "CI-V07", WarningLevel.WATCH),
        (0.01, None, "CI-V01", WarningLevel.ALERT),
    ],
)
def test_warnings(probability, change, veto, level):
    assert warning_of(probability, change, BY_ID.get(veto), SETTINGS) is level


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("CI-V07: B}", "CI-V08: B}"),
        ("AAA: 760", "AAA: 690"),
        ("tune_to_month: 18", "tune_to_month: 15"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(tmp_path, old, new):
    text = (packaged("conf") / "credit_index.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "credit_index.yaml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(SettingsError):
        Settings(tmp_path, tmp_path).section(CreditIndexSettings)
