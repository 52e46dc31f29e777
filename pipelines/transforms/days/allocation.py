"""Settled energy to local days: a register that was read every day settles each day; a missed read is split
where that is possible.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, FloatArray, Int8Array, IntArray
from pipelines.money import split_by_largest_remainder
from pipelines.periods import EPOCH
from pipelines.transforms.ground.keyed_rows import place_of, ranks
from pipelines.transforms.ground.local_days import DAY_SPAN, day_numbers
from pipelines.transforms.ground.micros import decimal_of, to_micros

REGISTER_COLUMNS = (
    "meter_point_id",
    "channel_code",
    "energy_date",
    "span_days",
    "energy_kwh_or_kvarh",
    "resolution_kwh_or_kvarh",
)
"""What the days need of silver_register_energy."""
WHOLE, BY_CURVE, BY_DAYS = range(3)


@dataclass(frozen=True)
class SeriesDays:
    """Curve days and register days of one bucket under common numbers.

    series  Number of (meter point, channel): place of the meter point x channels + place of the channel, both
            sorted.
    """

    meter_points: list[str]
    channels: list[str]
    curve_series: IntArray
    curve_day: IntArray
    register_series: IntArray
    register_day: IntArray


@dataclass(frozen=True)
class Allocation:
    """Settled energy by day, ordered by series and day; arrays run over the days of every span that was
    settled.

    series, day  Series and local day; every day of a span is there, also one that the span gives nothing.
    energy       Energy of the day. [1e-6 kWh or kvarh]
    manner       WHOLE: all of a span on the day of its read; BY_CURVE: split as the curve runs; BY_DAYS:
                 split evenly.
    read         Place of the read among the register rows.
    holds        Whether the day holds energy; false for the days of an unsplit span before its read.
    """

    series: IntArray
    day: IntArray
    energy: IntArray
    manner: Int8Array
    read: IntArray
    holds: BoolArray


def number_series(curve_days: pa.Table, register_energy: pa.Table) -> SeriesDays:
    """Gives curve days and register days common series numbers."""
    together = pa.chunked_array(
        [*curve_days["meter_point_id"].chunks, *register_energy["meter_point_id"].chunks], pa.string()
    )
    meter_point, meter_names = ranks(together)
    channel, channel_names = ranks(
        pa.chunked_array(
            [*curve_days["channel_code"].chunks, *register_energy["channel_code"].chunks], pa.string()
        )
    )
    series = meter_point * max(1, len(channel_names)) + channel
    cut = curve_days.num_rows
    return SeriesDays(
        meter_names,
        channel_names,
        series[:cut],
        day_numbers(curve_days["curve_date"]),
        series[cut:],
        day_numbers(register_energy["energy_date"]),
    )


def allocate_to_days(series_days: SeriesDays, curve_days: pa.Table, register_energy: pa.Table) -> Allocation:
    """Settled energy of every day that a register covers.

    A span of several days is split as its curve runs if the curve is whole on all of them; without one, a
    span that crosses the end of a
    month is split evenly over its days, and any other stands wholly on the day of its read. Parts are
    multiples of the register's
    resolution and sum to what was settled.
    """
    energy, known = to_micros(register_energy["energy_kwh_or_kvarh"])
    resolution, _ = to_micros(register_energy["resolution_kwh_or_kvarh"])
    span = np.maximum(pc.fill_null(register_energy["span_days"], 1).to_numpy().astype(np.int64), 1)
    order = np.lexsort((series_days.register_day, series_days.register_series))
    order = order[known[order]]
    spans = span[order]
    read = np.repeat(order, spans)
    back = np.repeat(np.cumsum(spans), spans) - np.arange(int(spans.sum())) - 1
    day = series_days.register_day[read] - back
    holds = back == 0
    result = np.where(holds, energy[read], 0)
    manner = np.full(read.size, WHOLE, dtype=np.int8)
    long = np.flatnonzero(spans > 1)
    if long.size:
        first = np.cumsum(spans) - spans
        weights = _curve_totals(series_days, curve_days, series_days.register_series[read], day)
        for number in long.tolist():
            at = slice(int(first[number]), int(first[number] + spans[number]))
            row = int(order[number])
            how, parts = _split(int(energy[row]), int(resolution[row]), weights[at], day[at])
            if how != WHOLE:
                result[at], manner[at], holds[at] = parts, how, True
    return Allocation(series_days.register_series[read], day, result, manner, read, holds)


def _curve_totals(
    series_days: SeriesDays, curve_days: pa.Table, series: IntArray, day: IntArray
) -> FloatArray:
    """Total of the curve on each day, NaN where it has none or is not whole."""
    keys = series_days.curve_series * DAY_SPAN + series_days.curve_day
    whole = curve_days["missing_intervals"].to_numpy() == 0
    totals = np.where(whole, curve_days["total_kwh_or_kvarh"].to_numpy(), np.nan)
    # The last place, -1, stands for a day without a curve.
    return np.append(totals, np.nan)[place_of(series * DAY_SPAN + day, keys)]


def _split(energy: int, resolution: int, weights: FloatArray, days: IntArray) -> tuple[int, list[int]]:
    crosses = (EPOCH + timedelta(days=int(days[0]))).replace(day=1) != (
        EPOCH + timedelta(days=int(days[-1]))
    ).replace(day=1)
    by_curve = bool((weights >= 0).all()) and (weights.sum() > 0 or energy == 0)
    if not by_curve and not crosses:
        return WHOLE, []
    shares = weights.tolist() if by_curve else [1.0] * len(days)
    step = decimal_of(usable_step(energy, resolution))
    parts = split_by_largest_remainder(decimal_of(energy), shares, step)
    return (BY_CURVE if by_curve else BY_DAYS), [int(part.scaleb(6)) for part in parts]


def usable_step(energy: int, resolution: int) -> int:
    """The register's resolution where the energy is a multiple of it, else the smallest step there is (after
    an exchange). [1e-6]
    """
    return resolution if resolution > 0 and energy % resolution == 0 else 1
