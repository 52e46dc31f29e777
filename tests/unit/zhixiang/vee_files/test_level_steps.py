"""What VEE-V40 found is told as one sentence a step, with its first day and its factor."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from pipelines.facts import load_facts
from pipelines.formats import LongMapping
from pipelines.settings import load_settings, packaged
from zhixiang.vee_files.outputs import flags_of
from zhixiang.vee_files.result import VeeResult
from zhixiang.vee_files.run import run_vee

CONF = load_settings(packaged("conf"))
FACTS = load_facts(CONF.facts_dir)
FIRST = date(2026, 3, 2)
MAPPING = LongMapping.model_validate(
    {
        "id": "steps",
        "interval_minutes": 60,
        "meter_point": {"column": "meter"},
        "stamp": {"column": "ts", "place": "interval_start", "zone": "+08:00"},
        "values": [{"column": "kwh", "unit": "kWh", "channel": "active_forward"}],
    }
)


def validated(folder: Path, **factors: dict[int, float]) -> VeeResult:
    """Meters of forty days of 24 hours; from each day on that is named the values bear its factor."""
    rows = ["meter,ts,kwh"]
    for meter, stepped in factors.items():
        noise = np.random.default_rng(len(rows)).normal(1, 0.02, 40 * 24)
        factor = 1.0
        for hour in range(40 * 24):
            factor = stepped.get(hour // 24, factor) if hour % 24 == 0 else factor
            shape = 10 + 6 * np.sin(hour % 24 / 24 * 2 * np.pi)
            stamp = f"{FIRST + timedelta(days=hour // 24)} {hour % 24:02d}:00"
            rows.append(f"{meter},{stamp},{shape * noise[hour] * factor:.4f}")
    (folder / "steps.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return run_vee([folder / "steps.csv"], MAPPING, CONF, FACTS, date(2026, 11, 1))


def test_a_unit_that_changes_is_one_sentence_and_a_flag_on_every_day_after_it(tmp_path: Path) -> None:
    result = validated(tmp_path, A={20: 1000.0}, B={})
    assert [told for told in result.remarks if "VEE-V40" in told] == [
        "A active_forward: from 2026-03-22 to the end the days are × 1000 of those before (VEE-V40, 20 "
        "days): a unit, a multiplier or a phase"
    ]
    flagged = [
        (row["meter_point_id"], row["curve_date"])
        for row in flags_of(result.curves, result.findings).to_pylist()
        if row["check_id"] == "VEE-V40"
    ]
    assert flagged == [("A", FIRST + timedelta(days=day)) for day in range(20, 40)]


@pytest.mark.parametrize(
    ("factor", "told"),
    [(4.0, "× 4"), (0.25, "÷ 4"), (2.0, "× 2"), (0.5, "÷ 2"), (2 / 3, "× 2/3"), (0.001, "÷ 1000")],
)
def test_a_step_that_ends_is_told_with_its_last_day(factor: float, told: str, tmp_path: Path) -> None:
    (sentence,) = [told for told in validated(tmp_path, A={10: factor, 30: 1.0}).remarks if "VEE-V40" in told]
    assert sentence.startswith(
        f"A active_forward: from 2026-03-12 to 2026-03-31 the days are {told} of those before (VEE-V40, 20 "
    )


@pytest.mark.parametrize(("factor", "word"), [(100.0, "× 100"), (0.01, "÷ 100")])
def test_a_lost_decimal_point_of_hundredths_is_told(tmp_path: Path, factor: float, word: str) -> None:
    """12.34 kWh as 1234: on 252 buildings 98 of 100 such steps are found, and no day more is flagged."""
    (told,) = [each for each in validated(tmp_path, A={20: factor}).remarks if "VEE-V40" in each]
    assert told.startswith(
        f"A active_forward: from 2026-03-22 to the end the days are {word} of those before"
    )
