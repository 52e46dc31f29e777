"""Curves held against the registers of the rates, day by day."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.periods import DAY_MINUTES
from pipelines.tables.base import DATE, DOUBLE, STRING
from pipelines.transforms.ground.micros import PER_UNIT, to_micros
from pipelines.transforms.registers.rate_clock import RateClock
from pipelines.transforms.registers.rate_registers import NOT_KNOWN, rate_matrix
from pipelines.vee.estimation.rate_reconciliation import NO_RATE
from pipelines.vee.estimation.reconciliation import LEAST_TOLERANCE

RATE_DAYS_SCHEMA = pa.schema(
    [
        pa.field("meter_point_id", STRING),
        pa.field("channel_code", STRING),
        pa.field("curve_date", DATE),
        pa.field("apart_kwh_or_kvarh", DOUBLE),
    ]
)
"""``apart_kwh_or_kvarh`` is the largest difference between the intervals of a rate and its register."""

_KEY = ("meter_point_id", "channel_code", "curve_date")
_READ_COLUMNS = ("energy_kwh_or_kvarh", "rate_energy_kwh_or_kvarh", "resolution_kwh_or_kvarh")


def compare_rates(curves: pa.Table, reads: pa.Table, clock: RateClock) -> pa.Table:
    """RATE_DAYS_SCHEMA of the days with a whole curve, a read that closes this day alone, rates that sum to
    its total, and a schedule.

    curves  silver_day_curves.
    reads   silver_register_energy.
    """
    told = pc.and_(
        pc.is_valid(reads["rate_energy_kwh_or_kvarh"]), pc.fill_null(pc.equal(reads["span_days"], 1), False)
    )
    mine = reads.filter(told)
    if not mine.num_rows:
        return RATE_DAYS_SCHEMA.empty_table()
    mine = mine.select([*_KEY[:2], "energy_date"]).append_column("_read", pa.array(np.arange(mine.num_rows)))
    keys = curves.select(list(_KEY)).append_column("_curve", pa.array(np.arange(curves.num_rows)))
    pairs = keys.join(mine, list(_KEY), [*_KEY[:2], "energy_date"], join_type="inner").sort_by("_curve")
    chosen = (
        curves.select([*_KEY, "interval_minutes", "final_kwh_or_kvarh"])
        .take(pairs["_curve"])
        .append_column("_read", pairs["_read"])
    )
    settled = reads.filter(told).select(list(_READ_COLUMNS))
    parts = [
        _compared(chosen.filter(pc.equal(chosen["interval_minutes"], minutes)), settled, int(minutes), clock)
        for minutes in sorted(pc.unique(chosen["interval_minutes"]).to_pylist())
    ]
    return pa.concat_tables([RATE_DAYS_SCHEMA.empty_table(), *parts])


def _compared(curves: pa.Table, settled: pa.Table, minutes: int, clock: RateClock) -> pa.Table:
    """One length of intervals; ``_read`` is the place of each day's read."""
    read = settled.take(curves["_read"])
    rates, _ = rate_matrix(read["rate_energy_kwh_or_kvarh"])
    total, known = to_micros(read["energy_kwh_or_kvarh"])
    resolution, _ = to_micros(read["resolution_kwh_or_kvarh"])
    sent = rates != NOT_KNOWN
    registers = np.where(sent, rates, 0)
    slack = np.maximum(clock.slack * resolution, round(LEAST_TOLERANCE * PER_UNIT))
    values = np.asarray(pc.list_flatten(curves["final_kwh_or_kvarh"]).to_numpy(), dtype=np.float64).reshape(
        -1, DAY_MINUTES // minutes
    )
    day = curves["curve_date"].cast(pa.int32()).to_numpy().astype(np.int64)
    names = curves["meter_point_id"].combine_chunks()
    of_slot = clock.rates_of(names, day, minutes, sent)
    fit = known & sent.any(axis=1) & (np.abs(registers.sum(axis=1) - total) <= slack)
    fit &= ~np.isnan(values).any(axis=1) & (of_slot != NO_RATE).all(axis=1)
    by_rate = np.stack(
        [np.where(of_slot == rate, values, 0.0).sum(axis=1) for rate in range(rates.shape[1])], axis=1
    )
    apart = np.abs(by_rate - registers / PER_UNIT).max(axis=1)
    found = pa.table(
        [names, curves["channel_code"], curves["curve_date"], pa.array(apart)], schema=RATE_DAYS_SCHEMA
    )
    return found.filter(pa.array(fit))
