"""Settled reads and days of energy, laid out for the checks of registers and of days, and what those
found.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import FloatArray, IntArray
from pipelines.codes import Channel
from pipelines.periods import DAY_MINUTES
from pipelines.tables.base import STRING
from pipelines.transforms.days.curve_days import received_days, summarise_days
from pipelines.transforms.days.day_energy import settle_days
from pipelines.transforms.days.rate_days import RATE_DAYS_SCHEMA, compare_rates
from pipelines.transforms.ground.day_types import type_codes
from pipelines.transforms.ground.finding_rows import equals, findings_of, series_of
from pipelines.transforms.ground.keyed_rows import place_of, ranks
from pipelines.transforms.ground.local_days import DAY_SPAN, day_numbers
from pipelines.transforms.ground.micros import PER_UNIT, to_micros
from pipelines.transforms.registers.rate_clock import RateClock
from pipelines.vee.blocks import DayBlock
from pipelines.vee.settings import VeeSettings
from pipelines.vee.validation.checks import DAY_CHECKS

_SERIES = ("meter_point_id", "channel_code")


def judge_days(
    reads: pa.Table,
    curves: pa.Table,
    points: pa.Table,
    day_types: Mapping[date, str],
    settings: VeeSettings,
    clock: RateClock | None = None,
) -> tuple[pa.Table, pa.Table]:
    """gold_day_energy of a set of meter points, and what the checks of days find in it; arguments as
    ``settle_days`` and ``find_in_days``.

    reads, curves, points  silver_register_energy, silver_day_curves and silver_meter_points.
    clock                  Which rate counts an interval; none: the registers of the rates are not looked at.
    """
    curve_days = summarise_days(curves, None)
    days, place = settle_days(curve_days, reads, points)
    rate_days = None if clock is None else compare_rates(curves, reads, clock)
    return days, find_in_days(
        days, curve_days, reads, points.take(place), day_types, settings, rate_days, received_days(curves)
    )


def find_in_days(
    days: pa.Table,
    curve_days: pa.Table,
    reads: pa.Table,
    meters: pa.Table,
    day_types: Mapping[date, str],
    settings: VeeSettings,
    rate_days: pa.Table | None = None,
    received: FloatArray | None = None,
) -> pa.Table:
    """Findings on days of energy, as FINDINGS_SCHEMA.

    days        gold_day_energy (run columns may lack), ordered by meter point, channel and day.
    curve_days  Curve days as ``summarise_days`` gives them.
    reads       silver_register_energy of the same meter points.
    meters      The row of silver_meter_points in force on each of the days; null where there is none.
    day_types   DayType of each local day; others follow the week alone.
    rate_days   Days whose registers of the rates were held against the curve, as ``compare_rates`` gives
                them; none: no such days.
    received    (curve days) what was received for each, as ``received_days`` gives it; none: not known. [kWh
                or kvarh]
    """
    rate_days = RATE_DAYS_SCHEMA.empty_table() if rate_days is None else rate_days
    count = days.num_rows
    day_key, read_key, curve_key, rate_key = _keys(
        (days, "energy_date"), (reads, "energy_date"), (curve_days, "curve_date"), (rate_days, "curve_date")
    )
    series, day = day_key // DAY_SPAN, day_key % DAY_SPAN
    starts = (
        np.flatnonzero(np.concatenate(([True], series[1:] != series[:-1])))
        if count
        else np.empty(0, dtype=np.int64)
    )
    read_at, curve_at = place_of(day_key, read_key), place_of(day_key, curve_key)
    span, register, resolution = _of_reads(reads, read_at)
    # The span of a missed read that was split over its days leaves one day to each; its read settles no
    # single day.
    # The days of a series stand one after the other, so the day before has the row before or none.
    split = (span > 1) & (np.diff(day_key, prepend=-2) == 1)
    intervals = _taken(curve_days["intervals"].cast(pa.float64()), curve_at)
    curve = days["curve_kwh_or_kvarh"].to_numpy()
    span_curve, span_measured = _over_spans(day_key, span, curve, curve_days, curve_key)
    block = DayBlock(
        series_starts=np.append(starts, count),
        meter_points=ranks(days["meter_point_id"])[0][starts],
        day_numbers=day,
        day_types=type_codes(day, day_types) if count else np.empty(0, dtype=np.int64),
        energy=days["energy_kwh_or_kvarh"].to_numpy(),
        span_days=np.where(split, 1, np.maximum(span, 1)),
        curve=curve,
        register=np.where(span == 1, register, np.nan),
        span_register=register,
        span_curve=span_curve,
        span_measured=span_measured,
        span_received=_received_over_spans(
            day_key,
            span,
            curve_key,
            np.full(curve_key.size, np.nan) if received is None else received,
        ),
        resolution=resolution,
        estimated_ratio=days["estimated_ratio"].to_numpy(),
        interval_minutes=np.nan_to_num(DAY_MINUTES / intervals).astype(np.int64),
        multiplier=meters["multiplier_ratio"].to_numpy(),
        capacity_kva=meters["capacity_kva"].to_numpy(),
        counts_use=equals(days["channel_code"], Channel.ACTIVE_FORWARD.value),
        rate_apart=_taken(rate_days["apart_kwh_or_kvarh"], place_of(day_key, rate_key)),
    )
    return findings_of(days, block, DAY_CHECKS, settings)


def _over_spans(
    day_key: IntArray, span: IntArray, curve: FloatArray, curve_days: pa.Table, curve_key: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Of the days that the read of each day closes: the curves' energy where all are whole, else what of it
    was not estimated. [kWh or kvarh]

    span   (days) how many days its read closes, 0 where there is none.
    curve  (days) energy of its own curve, NaN where it is not whole.
    """
    whole, measured = np.where(span == 1, curve, np.nan), np.full(span.size, np.nan)
    looked = np.flatnonzero((span > 1) | ((span == 1) & np.isnan(curve)))
    if not looked.size or not curve_days.num_rows:
        return whole, measured
    count = span[looked]
    of_read = np.repeat(np.arange(looked.size), count)
    back = np.arange(of_read.size) - np.repeat(np.cumsum(count) - count, count)
    place = place_of(day_key[looked][of_read] - back, curve_key)
    there = place >= 0
    total, estimated, missing = (
        _taken(curve_days[name].cast(pa.float64()), place)
        for name in ("total_kwh_or_kvarh", "estimated_kwh_or_kvarh", "missing_intervals")
    )

    def summed(values: FloatArray) -> FloatArray:
        return np.asarray(
            np.bincount(of_read, weights=np.where(there, values, 0.0), minlength=looked.size),
            dtype=np.float64,
        )

    every = np.bincount(of_read, weights=there & (missing == 0), minlength=looked.size) == count
    some = np.bincount(of_read, weights=there, minlength=looked.size) > 0
    whole[looked] = np.where(every, summed(total), np.nan)
    measured[looked] = np.where(some & ~every, summed(total - estimated), np.nan)
    return whole, measured


def _received_over_spans(
    day_key: IntArray, span: IntArray, curve_key: IntArray, received: FloatArray
) -> FloatArray:
    """What was received for the days that the read of each day closes, NaN where it is not all there. [kWh or
    kvarh]
    """
    looked = np.flatnonzero(span > 0)
    count = span[looked]
    of_read = np.repeat(np.arange(looked.size), count)
    back = np.arange(of_read.size) - np.repeat(np.cumsum(count) - count, count)
    place = place_of(day_key[looked][of_read] - back, curve_key)
    found = np.full(span.size, np.nan)
    if looked.size and received.size:
        values = np.where(place >= 0, received[np.maximum(place, 0)], np.nan)
        found[looked] = np.bincount(of_read, weights=values, minlength=looked.size)
    return found


def _of_reads(reads: pa.Table, place: IntArray) -> tuple[IntArray, FloatArray, FloatArray]:
    """Span, energy and resolution of the read that closes each day: 0, NaN and NaN where none does. [d, kWh
    or kvarh, kWh or kvarh]
    """
    energy, known = to_micros(reads["energy_kwh_or_kvarh"])
    resolution, _ = to_micros(reads["resolution_kwh_or_kvarh"])
    span = pc.fill_null(reads["span_days"], 0).to_numpy().astype(np.int64)
    at = np.maximum(place, 0)
    if not span.size:
        return np.zeros(place.size, dtype=np.int64), np.full(place.size, np.nan), np.full(place.size, np.nan)
    has = (place >= 0) & known[at]
    return (
        np.where(has, span[at], 0),
        np.where(has, energy[at] / PER_UNIT, np.nan),
        np.where(has, resolution[at] / PER_UNIT, np.nan),
    )


def _keys(*tables: tuple[pa.Table, str]) -> list[IntArray]:
    """Series and day of the rows of each table under common numbers; with each table the name of its column
    of days.
    """
    point, channel = (
        pa.chunked_array([chunk for table, _ in tables for chunk in table[name].chunks], STRING)
        for name in _SERIES
    )
    key = series_of(point, channel) * DAY_SPAN + np.concatenate(
        [day_numbers(table[day]) for table, day in tables]
    )
    return np.split(key, np.cumsum([table.num_rows for table, _ in tables])[:-1])


def _taken(column: pa.ChunkedArray, place: IntArray) -> FloatArray:
    values = column.to_numpy()
    return (
        np.where(place >= 0, values[np.maximum(place, 0)], np.nan)
        if values.size
        else np.full(place.size, np.nan)
    )
