"""What the comparison measures, and what it makes of it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.metering import report
from benchmarks.metering.agreement import Result, compare


def result(flag: int = 0, energy: float = 1.0, measure: float = 1.0) -> Result:
    return Result(
        np.full((1, 96), flag, dtype=np.uint8), np.full((1, 96), energy), np.full((1, 1, 12), measure)
    )


def test_agreement_holds_up_to_a_billionth_and_no_further() -> None:
    assert compare(result(), result(energy=1.0 + 0.9e-9)).holds
    assert not compare(result(), result(energy=1.0 + 1.1e-9)).holds
    assert not compare(result(), result(measure=1.0 + 1.1e-9)).holds


def test_one_flag_or_one_hole_more_is_no_agreement() -> None:
    other = result()
    other.flags[0, 5] = 4
    found = compare(result(), other)
    assert (found.different_flags, found.holds) == (1, False)
    other = result()
    other.final[0, 5] = np.nan
    assert not compare(result(), other).holds


def run(engine: str, meters: int, reads: int, wall: float, largest: bool = False) -> dict[str, object]:
    return {
        "engine": engine,
        "meters": meters,
        "reads": reads,
        "wall_s": wall,
        "cpu_s": 2 * wall,
        "peak_gb": 2.0,
        "is_largest": largest,
        "stages": {"start-up": 5.0, "silver and gold files": 8.0, "silver and gold commit": 0.0},
        "facts": {},
    }


def test_growth_and_goals_by_hand() -> None:
    million = 1_000_000
    runs = [
        run("own", 500, 17 * million, 13.0),
        run("own", 1000, 34 * million, 17.0),
        run("own", 2000, 68 * million, 27.0, True),
        run("duckdb", 2000, 68 * million, 90.0, True),
    ]
    found = report.figures(runs, [], {}, 365, 1.0)
    (growth,) = found["growth"]
    assert growth["wall_s_per_million"] == pytest.approx([4 / 17, 10 / 34])
    assert growth["later_over_earlier"] == pytest.approx((10 / 34) / (4 / 17))
    goals = {goal["what"]: goal for goal in found["goals"]}
    assert goals["long input, received files to gold, wall over DuckDB"]["found"] == pytest.approx(0.3)
    assert goals["long input, received files to gold, wall over DuckDB"]["met"]
    assert not goals["marginal cost by wall, later over earlier doubling, own chain, long input"]["met"]
    by_cpu = goals["marginal cost by CPU, later over earlier doubling, own chain, long input"]
    assert by_cpu["found"] == pytest.approx(growth["later_over_earlier_cpu"])


def test_a_short_run_judges_no_speed() -> None:
    found = report.figures(
        [run("own", 20, 100_000, 11.0, True), run("duckdb", 20, 100_000, 1.0, True)], [], {}, 60, 1.0
    )
    assert found["goals"] == []
    assert "too short to judge" in report.markdown(found)
