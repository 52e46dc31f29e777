"""What a score has to stand before it is delivered, on both sides of each edge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.engine.rule_archive import keep_rules
from pipelines.facts import load_facts
from pipelines.settings import Settings, packaged
from products.credit_index.reasons import VETOES
from products.credit_index.scoring import score_points
from products.credit_index.settings import CreditIndexSettings
from products.credit_index.tables import CreditGrade
from zhixiang.delivery.score_checks import ScoreChecks, wrong_score

PRESENT = Settings(packaged("conf"), Path("/nowhere"))
SETTINGS = PRESENT.section(CreditIndexSettings)


def score(probability: float, **values: object) -> Any:
    points = int(score_points(np.array([probability]), SETTINGS)[0])
    grade = next(grade for grade in CreditGrade if points >= SETTINGS.grade_floors[grade])
    found = {
        "default_probability_ratio": probability,
        "score_points": points,
        "grade_code": grade.value,
        "veto_code": None,
        "warning_code": "none",
        "score_change_points": None,
        "horizon_months": SETTINGS.horizon_months,
        "scale_label": SETTINGS.scale_label,
        "computed_run_id": "run-1",
        "rules_digest": None,
    }
    return {**found, **values}


SAFE = SETTINGS.warning_watch_probability / 2


def test_a_score_that_follows_goes_out() -> None:
    assert wrong_score(score(SAFE), SETTINGS) is None
    alert = score(SETTINGS.warning_alert_probability, warning_code="alert")
    assert wrong_score(alert, SETTINGS) is None


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"grade_code": "D"}, "grade_code: D / "),
        ({"score_points": SETTINGS.max_score_points}, "score_points"),
        ({"score_points": int(score_points(np.array([SAFE]), SETTINGS)[0]) + 1}, "score_points"),
        ({"warning_code": "alert"}, "warning_code: alert / none"),
        ({"score_change_points": -SETTINGS.warning_drop_points}, "warning_code: none / watch"),
        ({"scale_label": "a bank's scale"}, "scale_label"),
        ({"veto_code": "CI-V99"}, "CI-V99"),
        ({"default_probability_ratio": 0.5}, "score_points"),
    ],
)
def test_a_score_that_contradicts_itself_stays(values: dict[str, object], named: str) -> None:
    assert named in (wrong_score(score(SAFE, **values), SETTINGS) or "")


def test_a_fall_one_point_short_of_a_warning_is_none() -> None:
    assert wrong_score(score(SAFE, score_change_points=1 - SETTINGS.warning_drop_points), SETTINGS) is None


@pytest.mark.parametrize("veto", [veto.id for veto in VETOES])
def test_no_grade_is_better_than_the_veto_allows(veto: str) -> None:
    allowed = SETTINGS.veto_best_grades[veto]
    best = score(1e-9, veto_code=veto, grade_code="AAA")
    told = wrong_score(best, SETTINGS) or ""
    assert ("grade_code: AAA" in told) is (allowed is not CreditGrade.AAA)
    assert "warning_code: none" in told


def test_a_score_is_held_to_the_settings_it_was_issued_by(tmp_path: Path) -> None:
    import shutil

    conf = tmp_path / "conf"
    shutil.copytree(packaged("conf"), conf)
    path = conf / "credit_index.yaml"
    text = path.read_text(encoding="utf-8")
    label = SETTINGS.scale_label
    assert label in text
    path.write_text(text.replace(label, "an earlier scale"), encoding="utf-8")
    then = Settings(conf, tmp_path / "home")
    digest = keep_rules(then, load_facts(then.facts_dir))
    present = Settings(packaged("conf"), tmp_path / "home")
    earlier = score(SAFE, scale_label="an earlier scale", rules_digest=digest)
    assert ScoreChecks(present).why_not(earlier) is None
    assert "scale_label" in (ScoreChecks(present).why_not(score(SAFE, rules_digest=digest)) or "")
    assert ScoreChecks(present).why_not({**earlier, "rules_digest": None}) is None, "one of those kept"
    assert ScoreChecks(present).why_not(score(SAFE, scale_label="x", rules_digest="0" * 64)) is None
    kept = tmp_path / "home" / "rules" / digest / "credit_index.yaml"
    kept.write_text(text, encoding="utf-8")
    other = Settings(packaged("conf"), tmp_path / "home2")
    shutil.copytree(tmp_path / "home" / "rules", tmp_path / "home2" / "rules")
    assert "无法核对" in (ScoreChecks(other).why_not(earlier) or "")
