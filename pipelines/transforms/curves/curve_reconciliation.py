"""Estimates of received curves against the registers of their meter points, and against the profile of their
class where nothing else is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, FloatArray, Int8Array, IntArray
from pipelines.codes import Channel
from pipelines.periods import DAY_MINUTES
from pipelines.tables.silver import SilverRegisterEnergy
from pipelines.transforms.ground.local_days import DAY_SPAN
from pipelines.transforms.ground.micros import PER_UNIT
from pipelines.transforms.registers.rate_clock import RateClock
from pipelines.transforms.registers.rate_registers import NOT_KNOWN, rate_matrix
from pipelines.vee.blocks import CurveBlock
from pipelines.vee.estimation.estimate import Estimates
from pipelines.vee.estimation.own_days import own_days, put_own_days
from pipelines.vee.estimation.rate_reconciliation import NO_RATE, RateSpans, reconcile_with_rates
from pipelines.vee.estimation.reconciliation import (
    LEAST_TOLERANCE,
    RegisterSpans,
    reconcile_with_registers,
    rows_of_spans,
)
from pipelines.vee.settings import VeeSettings

REGISTER_SCHEMA = pa.schema(
    [
        SilverRegisterEnergy.arrow_schema().field(name)
        for name in (
            "meter_point_id",
            "channel_code",
            "energy_date",
            "span_days",
            "energy_kwh_or_kvarh",
            "rate_energy_kwh_or_kvarh",
            "resolution_kwh_or_kvarh",
        )
    ]
)
"""What reconciliation needs of silver_register_energy."""

Shapes = Mapping[str, FloatArray]
"""Kind of day -> (slots) mean shape of a class's days, 1 on average."""


@dataclass(frozen=True)
class Registers:
    """Where the energy between reads and the shapes of classes come from; both are asked for only where an
    estimate needs them.

    energy    Meter points -> REGISTER_SCHEMA rows of silver_register_energy.
    classes   Meter point -> customer class.
    profiles  Customer class, interval length [min] -> shapes; none: what no method reaches is spread evenly.
    clock     Which rate counts an interval; none: the total alone is followed.
    """

    energy: Callable[[Sequence[str]], pa.Table]
    classes: Mapping[str, str]
    profiles: Callable[[str, int], Shapes] | None = None
    clock: RateClock | None = None


@dataclass(frozen=True)
class Rows:
    """What the rows of a block stand for; ordered by series and day.

    meter_points, channels  Names; a series is place of the meter point x channels + place of the channel.
    series, day             (days) series and local day, counted from 1970-01-01.
    kinds                   (days) name of the kind of day.
    """

    meter_points: Sequence[str]
    channels: Sequence[str]
    series: IntArray
    day: IntArray
    kinds: Callable[[IntArray], list[str]]

    def names_of(self, rows: BoolArray) -> list[str]:
        """Meter points of some rows."""
        return [
            self.meter_points[place] for place in np.unique(self.series[rows] // len(self.channels)).tolist()
        ]


def reconcile(
    estimates: Estimates,
    invalid: BoolArray,
    rows: Rows,
    registers: Registers,
    block: CurveBlock,
    settings: VeeSettings,
) -> Estimates:
    """Estimates scaled to the registers; what was missing is filled where the registers leave energy for it:
    by own like-days, else by the profile of the class, else evenly.

    invalid  (days x slots) intervals that had to be estimated.
    """
    energy = registers.energy(rows.names_of(np.asarray(invalid.any(axis=1))))
    spans, place = register_spans(energy, rows)
    if not spans.first_row.size:
        return estimates
    missing = np.isnan(estimates.final)
    own = None if estimates.series is None else own_days(missing, spans, estimates.series, block, settings)
    unknown = missing.copy()
    if own is not None:
        unknown[own.rows] &= np.isnan(own.shape)
    minutes = block.interval_minutes
    profile = class_shapes(unknown, spans, rows, registers, minutes) if unknown.any() else None
    if own is not None:
        profile = np.full(missing.shape, np.nan) if profile is None else profile
        profile[own.rows] = np.where(np.isnan(own.shape), profile[own.rows], own.shape)
    rates = None if registers.clock is None else rate_spans(energy, place, spans, rows, registers.clock)
    if rates is None or registers.clock is None:
        done = reconcile_with_registers(estimates.final, estimates.status, spans, profile=profile)
    else:
        of_slot = rates_of_rows(spans, rates, rows, registers.clock, minutes)
        done = reconcile_with_rates(estimates.final, estimates.status, spans, rates, of_slot, profile).values
    kept = done.status.reshape(-1)[estimates.places] == estimates.status.reshape(-1)[estimates.places]
    margin = np.where(kept, estimates.margin * done.factor.reshape(-1)[estimates.places], np.nan)
    reconciled = Estimates(done.final, done.status, estimates.places, margin, done.factor, estimates.series)
    return reconciled if own is None else put_own_days(reconciled, missing, own)


def read_once(registers: Registers, meter_points: Sequence[str], today: date) -> Registers:
    """The same registers with the energy of some meter points at hand; of reads that close no day before
    today nothing is believed.
    """
    energy = registers.energy(meter_points)
    closed = energy.filter(pc.less(energy["energy_date"], pa.scalar(today, pa.date32())))
    return replace(registers, energy=lambda _names: closed)


def rows_in_spans(registers: Registers, rows: Rows) -> BoolArray:
    """(days) rows of a block that lie between two reads."""
    spans, _ = register_spans(registers.energy([]), rows)
    covered = np.zeros(rows.day.size, dtype=np.bool_)
    covered[rows_of_spans(spans.first_row, spans.last_row)[0]] = True
    return covered


def register_spans(energy: pa.Table, rows: Rows) -> tuple[RegisterSpans, IntArray]:
    """Spans between reads that lie whole within a block, and the row of ``energy`` that each one is.

    energy  REGISTER_SCHEMA.
    """
    point = pc.index_in(energy["meter_point_id"], pa.array(rows.meter_points, pa.string()))
    channel = pc.index_in(energy["channel_code"], pa.array(rows.channels, pa.string()))
    fit = pc.and_(
        pc.and_(pc.is_valid(point), pc.is_valid(channel)), pc.is_valid(energy["energy_kwh_or_kvarh"])
    )
    numbers = [pc.filter(column, fit) for column in (point, channel, energy["energy_date"].cast(pa.int32()))]
    place, channel_place, day = (column.to_numpy().astype(np.int64) for column in numbers)
    days = pc.fill_null(pc.filter(energy["span_days"], fit), 1).to_numpy().astype(np.int64)
    block_key = rows.series * DAY_SPAN + rows.day
    key = (place * len(rows.channels) + channel_place) * DAY_SPAN + day
    row = np.minimum(np.searchsorted(block_key, key), block_key.size - 1)
    first = np.maximum(row - days + 1, 0)
    whole = np.flatnonzero((block_key[row] == key) & (block_key[first] == key - days + 1))
    whole = whole[np.argsort(row[whole], kind="stable")]
    amounts = [
        pc.filter(energy[name], fit).cast(pa.float64()).to_numpy()[whole]
        for name in ("energy_kwh_or_kvarh", "resolution_kwh_or_kvarh")
    ]
    spans = RegisterSpans(first[whole], row[whole] + 1, amounts[0], np.maximum(amounts[1], LEAST_TOLERANCE))
    return spans, np.flatnonzero(fit.to_numpy())[whole]


def rate_spans(
    energy: pa.Table, place: IntArray, spans: RegisterSpans, rows: Rows, clock: RateClock
) -> RateSpans | None:
    """What the registers of the rates counted in the spans; none where no read tells.

    place  Row of ``energy`` that each span is.
    """
    told = energy.take(pa.array(place))
    matrix, _ = rate_matrix(told["rate_energy_kwh_or_kvarh"])
    if not matrix.shape[1]:
        return None
    resolution = told["resolution_kwh_or_kvarh"].cast(pa.float64()).to_numpy()
    amounts = np.where(matrix == NOT_KNOWN, np.nan, matrix / PER_UNIT)
    return RateSpans(
        amounts, np.maximum(clock.slack * resolution, LEAST_TOLERANCE), rows.series[spans.first_row]
    )


def rates_of_rows(
    spans: RegisterSpans, rates: RateSpans, rows: Rows, clock: RateClock, interval_minutes: int
) -> Int8Array:
    """(days x slots) rate that counts each interval of the spans whose rates are known; NO_RATE elsewhere."""
    sent = ~np.isnan(rates.energy)
    told = np.flatnonzero(sent.any(axis=1))
    places, of_row = rows_of_spans(spans.first_row[told], spans.last_row[told])
    names = pa.array(rows.meter_points, pa.string()).take(pa.array(rows.series[places] // len(rows.channels)))
    of_slot = np.full((rows.day.size, DAY_MINUTES // interval_minutes), NO_RATE, dtype=np.int8)
    of_slot[places] = clock.rates_of(names, rows.day[places], interval_minutes, sent[told][of_row])
    return of_slot


def class_shapes(
    missing: BoolArray, spans: RegisterSpans, rows: Rows, registers: Registers, interval_minutes: int
) -> FloatArray | None:
    """(days x slots) shape of the class for the days with missing intervals of active energy that a span
    covers; NaN elsewhere.
    """
    covered = np.zeros(missing.shape[0] + 1, dtype=np.int64)
    np.add.at(covered, spans.first_row, 1)
    np.add.at(covered, spans.last_row, -1)
    active = np.array([name == Channel.ACTIVE_FORWARD.value for name in rows.channels], dtype=np.bool_)
    wanted = np.flatnonzero(
        missing.any(axis=1) & (np.cumsum(covered)[:-1] > 0) & active[rows.series % len(rows.channels)]
    )
    if registers.profiles is None or not wanted.size:
        return None
    shapes = np.full(missing.shape, np.nan)
    kinds = rows.kinds(rows.day[wanted])
    for row, kind in zip(wanted.tolist(), kinds, strict=True):
        customer_class = registers.classes.get(rows.meter_points[int(rows.series[row]) // len(rows.channels)])
        shape = (
            registers.profiles(customer_class, interval_minutes).get(kind)
            if customer_class is not None
            else None
        )
        if shape is not None:
            shapes[row] = shape
    return shapes


def mean_shapes(
    curves: pa.Table, interval_minutes: int, kinds: Callable[[IntArray], list[str]], least_days: int
) -> dict[str, FloatArray]:
    """Mean shape of the whole days of some received curves by kind of day, each day first divided by its
    mean.

    curves      Columns of bronze_load_curves; active energy drawn alone is looked at. Power and energy have
                the same shape.
    least_days  A kind of day with fewer whole days has no shape.
    """
    slots = DAY_MINUTES // interval_minutes
    fit = pc.and_(
        pc.equal(curves["channel_code"], Channel.ACTIVE_FORWARD.value),
        pc.equal(curves["interval_minutes"], interval_minutes),
    )
    curves = curves.filter(pc.and_(fit, pc.equal(pc.list_value_length(curves["values_unscaled"]), slots)))
    if not curves.num_rows:
        return {}
    values = np.asarray(pc.list_flatten(curves["values_unscaled"]).to_numpy(), dtype=np.float64).reshape(
        -1, slots
    )
    day = curves["curve_date"].cast(pa.int32()).to_numpy().astype(np.int64)
    whole = (values >= 0).all(axis=1) & (values.sum(axis=1) > 0)  # a NaN is not >= 0
    values, names = values[whole], np.array(kinds(day[whole]), dtype=object)
    values = values / values.mean(axis=1, keepdims=True)
    # Sums of floating-point numbers depend on their order, which here is that of files; sorted, any order of
    # arrival gives the same bits.
    return {
        str(kind): np.sort(values[names == kind], axis=0).mean(axis=0)
        for kind in sorted(set(names))
        if (names == kind).sum() >= least_days
    }
