"""``zhixiang vee`` on files whose registers carry rates: a gap over three rates takes from each what it
counted.
"""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.facts import load_facts
from pipelines.settings import load_settings, packaged
from tests.rated_works import STEP_KWH, by_rate, true_kwh, write_month
from zhixiang.vee_files.outputs import long_intervals, write_vee
from zhixiang.vee_files.run import run_vee

CONF = load_settings(packaged("conf"))
FACTS = load_facts(CONF.facts_dir)
DAY, FIRST = date(2026, 9, 16), date(2026, 9, 10)
POINTS = range(53, 73)  # 13:00 to 18:00: valley, flat and peak


def final_of(result: Any) -> list[dict[str, Any]]:
    rows = [
        row for row in long_intervals(result.curves).to_pylist() if row["channel_code"] == "active_forward"
    ]
    return [row for row in rows if row["interval_start_local"].date() == DAY]


def test_each_rate_keeps_its_energy_only_where_the_class_is_known(tmp_path: Path) -> None:
    paths = write_month(tmp_path / "in", DAY, POINTS, FIRST)
    rated = run_vee(paths, None, CONF, FACTS, date(2026, 11, 1))
    plain = run_vee(
        [path for path in paths if path.name != "customers.csv"], None, CONF, FACTS, date(2026, 11, 1)
    )
    true = true_kwh(DAY)
    apart = {}
    for name, result in (("rated", rated), ("plain", plain)):
        rows = final_of(result)
        kept = [row["measured_kwh_or_kvarh"] for slot, row in enumerate(rows) if slot + 1 not in POINTS]
        assert kept == pytest.approx(
            [value for slot, value in enumerate(true) if slot + 1 not in POINTS], rel=1e-12
        )
        assert [row["final_kwh_or_kvarh"] for slot, row in enumerate(rows) if slot + 1 not in POINTS] == kept
        final = [row["final_kwh_or_kvarh"] for row in rows]
        assert sum(final) == pytest.approx(sum(true), abs=1.01 * STEP_KWH)
        apart[name] = np.abs(np.array(by_rate(final)) - np.array(by_rate(true))).max()
    # A rate's register is cut off twice, so its energy is true within a step, and the intervals meet it
    # within another.
    assert apart["rated"] <= 2 * STEP_KWH
    assert apart["plain"] > 5.0
    assert not [
        row for row in rated.findings.to_pylist() if row["check_id"] in ("VEE-V22", "VEE-V23", "VEE-V34")
    ]

    write_vee(rated, tmp_path / "out")
    with (tmp_path / "out" / "register_energy.csv").open(encoding="utf-8-sig", newline="") as lines:
        told = {
            row["energy_date"]: row
            for row in csv.DictReader(lines)
            if row["channel_code"] == "active_forward"
        }
    assert told[str(FIRST)]["rate_energy_kwh_or_kvarh"] == ""
    rates = [float(value) for value in told[str(DAY)]["rate_energy_kwh_or_kvarh"].split(";")]
    assert rates == pytest.approx(by_rate(true), abs=3.01 * STEP_KWH)
    assert sum(rates) == pytest.approx(float(told[str(DAY)]["energy_kwh_or_kvarh"]), abs=1e-9)
