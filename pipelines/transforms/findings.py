"""Settled reads and days of energy, laid out for the checks of registers and of days, and what those found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.codes import Channel, RegisterRule, RejectReason
from pipelines.tables.base import STRING
from pipelines.tables.findings import FINDINGS_SCHEMA
from pipelines.transforms.curve_days import summarise_days
from pipelines.transforms.curves import type_codes
from pipelines.transforms.energy import place_of, settle_days
from pipelines.transforms.local_days import DAY_SPAN, day_numbers, month_column
from pipelines.transforms.micros import PER_UNIT, BoolArray, IntArray, to_micros
from pipelines.transforms.rate_clock import RateClock
from pipelines.transforms.rate_days import RATE_DAYS_SCHEMA, compare_rates
from pipelines.transforms.rate_registers import NOT_KNOWN, rate_matrix
from pipelines.transforms.settlement import ranks
from pipelines.vee.blocks import DayBlock, RegisterBlock
from pipelines.vee.check import Check
from pipelines.vee.checks import DAY_CHECKS, REGISTER_CHECKS, find_failures
from pipelines.vee.settings import VeeSettings

_LINE_SPAN = 1 << 36
_DAY_MINUTES = 1440
_SERIES = ("meter_point_id", "channel_code")


def find_in_reads(derived: pa.Table, received: pa.Table, settings: VeeSettings) -> pa.Table:
    """Findings on settled register reads, as FINDINGS_SCHEMA.

    derived   Rows of ``derive_reads``, ordered by meter point, channel and day.
    received  bronze_register_reads, the same reads among them; the registers of the rates come from there.
    """
    series = _series(derived["meter_point_id"], derived["channel_code"])
    register, _ = to_micros(derived["end_register_unscaled"])
    decreased = _is(derived["reason_code"], RejectReason.REGISTER_DECREASE.value)
    jumped = _is(derived["reason_code"], RejectReason.REGISTER_JUMP.value)
    multiplier = np.maximum(derived["multiplier_ratio"].to_numpy(), 1e-9)
    resolution, _ = to_micros(derived["resolution_kwh_or_kvarh"])
    rates = _sent_rates(derived, received)
    block = RegisterBlock(
        series=series,
        day_numbers=day_numbers(derived["energy_date"]),
        register=register,
        before=_read_before(series, ~(decreased | jumped)),
        decreased=decreased,
        jumped=jumped,
        rolled_over=_is(derived["register_rule_code"], RegisterRule.ROLLOVER.value) & ~decreased,
        exchanged=_is(derived["register_rule_code"], RegisterRule.METER_EXCHANGE.value) & ~decreased,
        over_capacity=_is(derived["register_rule_code"], RegisterRule.OVER_CAPACITY.value),
        restarted=_is(derived["register_rule_code"], RegisterRule.RESTART.value),
        step=np.rint(resolution / multiplier).astype(np.int64),
        rolls_over_at=derived["rolls_over_at"].to_numpy(),
        rates=rates,
        rate_known=_rate_known(derived, rates),
    )
    return _findings(derived, block, REGISTER_CHECKS, settings)


def judge_days(
    reads: pa.Table, curves: pa.Table, points: pa.Table, day_types: Mapping[date, str], settings: VeeSettings, clock: RateClock | None = None
) -> tuple[pa.Table, pa.Table]:
    """gold_day_energy of a set of meter points, and what the checks of days find in it; arguments as ``settle_days`` and ``find_in_days``.

    reads, curves, points  silver_register_energy, silver_day_curves and silver_meter_points.
    clock                  Which rate counts an interval; none: the registers of the rates are not looked at.
    """
    curve_days = summarise_days(curves, None)
    days, place = settle_days(curve_days, reads, points)
    rate_days = None if clock is None else compare_rates(curves, reads, clock)
    return days, find_in_days(days, curve_days, reads, points.take(place), day_types, settings, rate_days)


def find_in_days(
    days: pa.Table,
    curve_days: pa.Table,
    reads: pa.Table,
    meters: pa.Table,
    day_types: Mapping[date, str],
    settings: VeeSettings,
    rate_days: pa.Table | None = None,
) -> pa.Table:
    """Findings on days of energy, as FINDINGS_SCHEMA.

    days        gold_day_energy (run columns may lack), ordered by meter point, channel and day.
    curve_days  Curve days as ``summarise_days`` gives them.
    reads       silver_register_energy of the same meter points.
    meters      The row of silver_meter_points in force on each of the days; null where there is none.
    day_types   DayType of each local day; others follow the week alone.
    rate_days   Days whose registers of the rates were held against the curve, as ``compare_rates`` gives them; none: no such days.
    """
    rate_days = RATE_DAYS_SCHEMA.empty_table() if rate_days is None else rate_days
    count = days.num_rows
    day_key, read_key, curve_key, rate_key = _keys(
        (days, "energy_date"), (reads, "energy_date"), (curve_days, "curve_date"), (rate_days, "curve_date")
    )
    series, day = day_key // DAY_SPAN, day_key % DAY_SPAN
    starts = np.flatnonzero(np.concatenate(([True], series[1:] != series[:-1]))) if count else np.empty(0, dtype=np.int64)
    read_at, curve_at = place_of(day_key, read_key), place_of(day_key, curve_key)
    span, register, resolution = _of_reads(reads, read_at)
    # The span of a missed read that was split over its days leaves one day to each; its read settles no single day.
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
        resolution=resolution,
        estimated_ratio=days["estimated_ratio"].to_numpy(),
        interval_minutes=np.nan_to_num(_DAY_MINUTES / intervals).astype(np.int64),
        multiplier=meters["multiplier_ratio"].to_numpy(),
        capacity_kva=meters["capacity_kva"].to_numpy(),
        counts_use=_is(days["channel_code"], Channel.ACTIVE_FORWARD.value),
        rate_apart=_taken(rate_days["apart_kwh_or_kvarh"], place_of(day_key, rate_key)),
    )
    return _findings(days, block, DAY_CHECKS, settings)


def _over_spans(
    day_key: IntArray, span: IntArray, curve: NDArray[np.float64], curve_days: pa.Table, curve_key: IntArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of the days that the read of each day closes: the curves' energy where all are whole, else what of it was not estimated. [kWh or kvarh]

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
        _taken(curve_days[name].cast(pa.float64()), place) for name in ("total_kwh_or_kvarh", "estimated_kwh_or_kvarh", "missing_intervals")
    )

    def summed(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(of_read, weights=np.where(there, values, 0.0), minlength=looked.size), dtype=np.float64)

    every = np.bincount(of_read, weights=there & (missing == 0), minlength=looked.size) == count
    some = np.bincount(of_read, weights=there, minlength=looked.size) > 0
    whole[looked] = np.where(every, summed(total), np.nan)
    measured[looked] = np.where(some & ~every, summed(total - estimated), np.nan)
    return whole, measured


def _findings(rows: pa.Table, block: RegisterBlock | DayBlock, checks: Sequence[Check], settings: VeeSettings) -> pa.Table:
    failed, check = find_failures(block, settings, checks)
    found = rows.select(["meter_point_id", "channel_code", "energy_date", "energy_kwh_or_kvarh"]).take(pa.array(failed))
    columns = {
        "meter_point_id": found["meter_point_id"],
        "channel_code": found["channel_code"],
        "finding_date": found["energy_date"],
        "check_id": pa.array([each.id for each in checks], STRING).take(pa.array(check)),
        "judged_kwh_or_kvarh": found["energy_kwh_or_kvarh"].cast(pa.float64()),
        "limit_text": pa.array([each.limits(settings) for each in checks], STRING).take(pa.array(check)),
        "finding_month": month_column(day_numbers(found["energy_date"])),
    }
    return pa.table({name: columns[name] for name in FINDINGS_SCHEMA.names}).cast(FINDINGS_SCHEMA).combine_chunks()


def _of_reads(reads: pa.Table, place: IntArray) -> tuple[IntArray, NDArray[np.float64], NDArray[np.float64]]:
    """Span, energy and resolution of the read that closes each day: 0, NaN and NaN where none does. [d, kWh or kvarh, kWh or kvarh]"""
    energy, known = to_micros(reads["energy_kwh_or_kvarh"])
    resolution, _ = to_micros(reads["resolution_kwh_or_kvarh"])
    span = pc.fill_null(reads["span_days"], 0).to_numpy().astype(np.int64)
    at = np.maximum(place, 0)
    if not span.size:
        return np.zeros(place.size, dtype=np.int64), np.full(place.size, np.nan), np.full(place.size, np.nan)
    has = (place >= 0) & known[at]
    return np.where(has, span[at], 0), np.where(has, energy[at] / PER_UNIT, np.nan), np.where(has, resolution[at] / PER_UNIT, np.nan)


def _read_before(series: IntArray, stands: BoolArray) -> IntArray:
    """Place of the last read of the series before each one that stands, -1 where there is none."""
    place = np.where(stands, np.arange(series.size), -1)
    latest = np.maximum.accumulate(np.concatenate(([-1], place[:-1]))) if series.size else place
    return np.where((latest >= 0) & (series[np.maximum(latest, 0)] == series), latest, -1)


def _sent_rates(derived: pa.Table, received: pa.Table) -> IntArray:
    """(reads x rates) registers in millionths, NOT_KNOWN where none was sent; no column where no read has any."""
    sent = received.filter(pc.is_valid(received["rate_registers_unscaled"]))
    if not sent.num_rows:
        return np.empty((derived.num_rows, 0), dtype=np.int64)
    content, channel = (
        ranks(pa.chunked_array([*derived[name].chunks, *pc.fill_null(sent[name], "").chunks], STRING)) for name in ("content_hash", "channel_code")
    )
    line = np.concatenate([derived["line_number"].to_numpy(), sent["line_number"].to_numpy()])
    # A line of the wide form tells of several channels.
    key = (content[0] * max(1, len(channel[1])) + channel[0]) * _LINE_SPAN + line
    matrix, _ = rate_matrix(sent["rate_registers_unscaled"])
    place = place_of(key[: derived.num_rows], key[derived.num_rows :])
    return np.where((place >= 0)[:, None], matrix[np.maximum(place, 0)], NOT_KNOWN)


def _rate_known(derived: pa.Table, rates: IntArray) -> BoolArray:
    """(reads x rates) whether the walk settled the rate's energy."""
    energy, _ = rate_matrix(derived["rate_energy_kwh_or_kvarh"])
    known = np.zeros(rates.shape, dtype=np.bool_)
    known[:, : energy.shape[1]] = energy != NOT_KNOWN
    return known


def _keys(*tables: tuple[pa.Table, str]) -> list[IntArray]:
    """Series and day of the rows of each table under common numbers; with each table the name of its column of days."""
    point, channel = (pa.chunked_array([chunk for table, _ in tables for chunk in table[name].chunks], STRING) for name in _SERIES)
    key = _series(point, channel) * DAY_SPAN + np.concatenate([day_numbers(table[day]) for table, day in tables])
    return np.split(key, np.cumsum([table.num_rows for table, _ in tables])[:-1])


def _series(meter_points: pa.ChunkedArray, channels: pa.ChunkedArray) -> IntArray:
    point, _ = ranks(meter_points)
    channel, names = ranks(channels)
    return point * max(1, len(names)) + channel


def _taken(column: pa.ChunkedArray, place: IntArray) -> NDArray[np.float64]:
    values = column.to_numpy()
    return np.where(place >= 0, values[np.maximum(place, 0)], np.nan) if values.size else np.full(place.size, np.nan)


def _is(column: pa.ChunkedArray, value: str) -> BoolArray:
    return np.asarray(pc.fill_null(pc.equal(column, value), False).to_numpy(), dtype=np.bool_)
