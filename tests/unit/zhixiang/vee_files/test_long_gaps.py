"""A works whose curve is silent for seven weeks while its registers go on: the right values are its own."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines.codes import IntervalStatus
from pipelines.facts import load_facts
from pipelines.settings import load_settings, packaged
from zhixiang.vee_files.run import run_vee

CONF = load_settings(packaged("conf"))
FACTS = load_facts(CONF.facts_dir)
SILENT = (date(2026, 5, 20), date(2026, 7, 9))
STEEL = packaged("samples") / "steel"


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[pa.Table, np.ndarray]]:
    """Channel -> the silent days as ``vee`` fills them, and what was measured. (days x 96)"""
    folder = tmp_path_factory.mktemp("silent")
    for path in STEEL.glob("*.csv"):
        kept = [
            line
            for line in path.read_text(encoding="utf-8").splitlines(keepends=True)
            if not path.name.startswith("E_MP_POWER_CURVE") or not _is_silent(line)
        ]
        if len(kept) > 1:
            (folder / path.name).write_text("".join(kept), encoding="utf-8")
    filled, whole = (_days(sorted(place.glob("*.csv"))) for place in (folder, STEEL))
    return {
        name: (
            filled.filter(pc.equal(filled["channel_code"], name)),
            _matrix(whole.filter(pc.equal(whole["channel_code"], name)), "measured_kwh_or_kvarh"),
        )
        for name in sorted(set(filled["channel_code"].to_pylist()))
    }


def _is_silent(line: str) -> bool:
    days = [cell for cell in line.split(",") if cell[:5] == "2026-" and len(cell) == 10]
    return bool(days) and SILENT[0].isoformat() <= days[0] <= SILENT[1].isoformat()


def _days(paths: list[Path]) -> pa.Table:
    curves = run_vee(paths, None, CONF, FACTS, date(2026, 11, 1)).curves
    first, last = (pa.scalar(day, pa.date32()) for day in SILENT)
    inside = pc.and_(pc.greater_equal(curves["curve_date"], first), pc.less_equal(curves["curve_date"], last))
    return curves.filter(inside).sort_by([("channel_code", "ascending"), ("curve_date", "ascending")])


def _matrix(days: pa.Table, column: str) -> np.ndarray:
    return np.array(days[column].to_pylist(), dtype=np.float64).reshape(-1, 96)


@pytest.mark.parametrize(
    ("channel", "error"), [("active_forward", 0.30), ("reactive_lagging", 0.37), ("reactive_leading", 0.49)]
)
def test_seven_weeks_run_as_own_days_do(
    pairs: dict[str, tuple[pa.Table, np.ndarray]], channel: str, error: float
) -> None:
    """Spread evenly, they were off by 0.91, 0.88 and 1.31 of the mean load."""
    days, truth = pairs[channel]
    final = _matrix(days, "final_kwh_or_kvarh")
    assert set(_matrix(days, "interval_status_codes").reshape(-1)) == {IntervalStatus.ESTIMATED_LIKE_DAY}
    assert np.abs(final - truth).mean() / truth.mean() < error
    np.testing.assert_allclose(final.sum(axis=1), truth.sum(axis=1), atol=0.011)  # one step of a register


@pytest.mark.parametrize("channel", ["active_forward", "reactive_lagging", "reactive_leading"])
def test_nine_of_ten_true_values_lie_inside_their_bands(
    pairs: dict[str, tuple[pa.Table, np.ndarray]], channel: str
) -> None:
    days, truth = pairs[channel]
    low, high = (_matrix(days, f"expected_{side}_kwh_or_kvarh") for side in ("low", "high"))
    assert not np.isnan(low).any()
    assert 0.85 <= ((low <= truth) & (truth <= high)).mean() <= 0.96
