"""Silver curves to the published error of their estimates."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import IntArray
from pipelines.codes import Channel, IntervalStatus
from pipelines.periods import DAY_MINUTES
from pipelines.tables.estimation import CHOSEN, ERRORS_SCHEMA, NO_CLASS
from pipelines.transforms.ground.day_types import type_codes
from pipelines.transforms.ground.keyed_rows import ranks
from pipelines.vee.estimation.back_test import ErrorSummary, back_test
from pipelines.vee.estimation.choice import Series
from pipelines.vee.estimation.estimators import CURVE_ESTIMATORS
from pipelines.vee.settings import VeeSettings

CURVE_COLUMNS = (
    "meter_point_id",
    "channel_code",
    "curve_date",
    "interval_minutes",
    "measured_kwh_or_kvarh",
    "interval_status_codes",
)
"""What is needed of silver_day_curves."""

_METHOD_IDS = {-1: CHOSEN} | {estimator.row: estimator.id for estimator in CURVE_ESTIMATORS}


def sampled_meter_points(meter_points: Sequence[str], classes: Mapping[str, str], most: int) -> list[str]:
    """At most so many meter points of each class, the same ones on every host and in every run."""
    of_class: dict[str, list[str]] = {}
    for meter_point in sorted(set(meter_points), key=lambda name: (zlib.crc32(name.encode()), name)):
        of_class.setdefault(classes.get(meter_point, NO_CLASS), []).append(meter_point)
    return sorted(name for names in of_class.values() for name in names[:most])


def measure_estimation_errors(
    curves: pa.Table, classes: Mapping[str, str], day_types: Mapping[date, str], settings: VeeSettings
) -> pa.Table:
    """silver_estimation_errors without ``computed_run_id``, ordered by its key.

    curves   ``CURVE_COLUMNS`` of silver_day_curves of the sample; active energy drawn alone is looked at.
    classes  Meter point -> customer class; none: ``none``.
    """
    curves = curves.filter(pc.equal(curves["channel_code"], Channel.ACTIVE_FORWARD.value))
    rows = []
    for minutes in sorted(pc.unique(curves["interval_minutes"]).to_pylist()):
        chosen = curves.filter(pc.equal(curves["interval_minutes"], minutes)).combine_chunks()
        series, meter_points = usable_series(chosen, minutes, day_types)
        names = [classes.get(name, NO_CLASS) for name in meter_points]
        known = sorted(set(names))
        groups = np.array([known.index(name) for name in names], dtype=np.int64)
        rows += [
            _row(summary, known[summary.group], minutes, settings)
            for summary in back_test(series, groups, minutes / 60, settings)
        ]
    return pa.Table.from_pylist(rows, ERRORS_SCHEMA).sort_by(
        [(name, "ascending") for name in ERRORS_SCHEMA.names[:4]]
    )


def usable_series(curves: pa.Table, minutes: int, day_types: Mapping[date, str]) -> tuple[Series, list[str]]:
    """Measured values of curves of one interval length, each series with every day of its span, and the meter
    point of each series.
    """
    slots = DAY_MINUTES // minutes
    place, names = ranks(curves["meter_point_id"])
    day = curves["curve_date"].cast(pa.int32()).to_numpy().astype(np.int64)
    order = np.lexsort((day, place))
    place, day = place[order], day[order]
    values = pc.list_flatten(curves["measured_kwh_or_kvarh"]).to_numpy().reshape(-1, slots)[order]
    status = pc.list_flatten(curves["interval_status_codes"]).to_numpy().reshape(-1, slots)[order]
    first = (
        np.flatnonzero(np.concatenate(([True], place[1:] != place[:-1])))
        if place.size
        else np.empty(0, dtype=np.int64)
    )
    last = np.concatenate((first[1:], [place.size])) - 1 if first.size else first
    spans = day[last] - day[first] + 1
    starts = np.concatenate(([0], np.cumsum(spans))).astype(np.int64)
    rows: IntArray = starts[place] + day - day[first][place] if place.size else np.empty(0, dtype=np.int64)
    usable = np.full((int(starts[-1]), slots), np.nan)
    usable[rows] = np.where(status == IntervalStatus.MEASURED, values, np.nan)
    block_day = np.arange(starts[-1]) - np.repeat(starts[:-1], spans) + np.repeat(day[first], spans)
    clean = ~np.isnan(usable).any(axis=1)
    return Series(usable.reshape(-1), slots, starts * slots, type_codes(block_day, day_types), clean), names


def _row(
    summary: ErrorSummary, customer_class: str, minutes: int, settings: VeeSettings
) -> dict[str, object]:
    numbers = {
        "error_ratio": summary.error,
        "linear_error_ratio": summary.linear_error,
        "energy_error_ratio": summary.energy_error,
        "bias_ratio": summary.bias,
        "bias_error_ratio": summary.bias_error,
        "covered_ratio": summary.covered,
        "chosen_ratio": summary.chosen,
    }
    return {
        "customer_class_code": customer_class,
        "interval_minutes": minutes,
        "gap_minutes": round(summary.gap_hours * 60),
        "estimator_id": _METHOD_IDS[summary.method],
        "series_count": summary.series,
        "masked_gaps": summary.gaps,
        "is_flagged": summary.is_over(settings),
        "is_band_flagged": summary.is_off_band(settings),
    } | {name: None if np.isnan(number) else number for name, number in numbers.items()}
