"""Gaps whose energy the estimates may miss: which are told, and in what words."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipelines.codes import IntervalStatus
from pipelines.tables.estimation import ERRORS_SCHEMA
from pipelines.vee.estimation_settings import BiasSettings
from zhixiang.vee_files.estimate_bias import long_gaps, told_bias

BIAS = BiasSettings(limit_ratio=0.05, certain_ratio=2, caution_ratio=0.75, most_ratio=1.5)
MEASURED, OWN = IntervalStatus.MEASURED.value, IntervalStatus.ESTIMATED_DAY_MEDIAN.value


def curves(*days: tuple[str, str]) -> pa.Table:
    """Days of four intervals, by meter point: `e` an estimate, `m` measured."""
    status = [[OWN if each == "e" else MEASURED for each in day] for _, day in days]
    return pa.table(
        {
            "meter_point_id": [name for name, _ in days],
            "channel_code": ["active_forward"] * len(days),
            "interval_minutes": [360] * len(days),
            "interval_status_codes": pa.array(status, pa.list_(pa.int8())),
        }
    )


def registers(*names: str) -> pa.Table:
    return pa.table({"meter_point_id": pa.array(names, pa.string())})


def errors(*rows: tuple[int, float, float | None]) -> pa.Table:
    """Length of gap [min], bias and its standard error of what is chosen."""
    return pa.Table.from_pylist(
        [
            {
                "customer_class_code": "none",
                "interval_minutes": 360,
                "gap_minutes": minutes,
                "estimator_id": "chosen",
                "series_count": 1,
                "masked_gaps": 32,
                "bias_ratio": bias,
                "bias_error_ratio": error,
                "is_flagged": False,
                "is_band_flagged": False,
            }
            for minutes, bias, error in rows
        ],
        ERRORS_SCHEMA,
    )


def test_a_gap_runs_over_midnight_and_ends_with_its_series() -> None:
    of = curves(("A", "mmee"), ("A", "eeem"), ("B", "meme"), ("B", "meee"), ("C", "eeem"))
    assert long_gaps(of, registers()) == {360: [5 * 360]}
    of = curves(("A", "eeee"), ("A", "eeee"), ("B", "eeee"))
    assert long_gaps(of, registers()) == {360: [8 * 360, 4 * 360]}


def test_of_meter_points_with_registers_nothing_is_told() -> None:
    of = curves(("A", "eeee"), ("B", "eeee"), ("B", "mmmm"))
    assert long_gaps(of, registers("A")) == {360: [1440]}
    assert long_gaps(of, registers("A", "B")) == {}


@pytest.mark.parametrize(
    ("bias", "error", "told"),
    [(0.01, 0.01, False), (0.01, 0.03, True), (-0.08, 0.01, True), (0.08, 0.0, True), (0.0, None, True)],
)
def test_a_bias_is_told_that_may_be_beyond_the_limit(bias: float, error: float | None, told: bool) -> None:
    found = told_bias({360: [1440, 2880]}, errors((1440, bias, error)), BIAS)
    assert bool(found) is told
    assert all(sentence.startswith("bias: the energy of 2 estimated gaps") for sentence in found)


def test_where_no_gap_could_be_masked_the_bias_is_told_as_unknown() -> None:
    (found,) = told_bias({360: [1440]}, errors((360, 0.0, 0.0)), BIAS)
    assert "not known" in found
    assert told_bias({}, errors(), BIAS) == []
