"""Settled reads, laid out for the checks of registers, and what those found."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, IntArray
from pipelines.codes import RegisterRule, RejectReason
from pipelines.tables.base import STRING
from pipelines.transforms.ground.finding_rows import equals, findings_of, series_of
from pipelines.transforms.ground.keyed_rows import place_of, ranks
from pipelines.transforms.ground.local_days import day_numbers
from pipelines.transforms.ground.micros import to_micros
from pipelines.transforms.registers.rate_registers import NOT_KNOWN, rate_matrix
from pipelines.vee.blocks import RegisterBlock
from pipelines.vee.settings import VeeSettings
from pipelines.vee.validation.checks import REGISTER_CHECKS


def find_in_reads(derived: pa.Table, received: pa.Table, settings: VeeSettings) -> pa.Table:
    """Findings on settled register reads, as FINDINGS_SCHEMA.

    derived   Rows of ``derive_reads``, ordered by meter point, channel and day.
    received  bronze_register_reads, the same reads among them; the registers of the rates come from there.
    """
    series = series_of(derived["meter_point_id"], derived["channel_code"])
    register, _ = to_micros(derived["end_register_unscaled"])
    decreased = equals(derived["reason_code"], RejectReason.REGISTER_DECREASE.value)
    jumped = equals(derived["reason_code"], RejectReason.REGISTER_JUMP.value)
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
        rolled_over=equals(derived["register_rule_code"], RegisterRule.ROLLOVER.value) & ~decreased,
        exchanged=equals(derived["register_rule_code"], RegisterRule.METER_EXCHANGE.value) & ~decreased,
        over_capacity=equals(derived["register_rule_code"], RegisterRule.OVER_CAPACITY.value),
        restarted=equals(derived["register_rule_code"], RegisterRule.RESTART.value),
        step=np.rint(resolution / multiplier).astype(np.int64),
        rolls_over_at=derived["rolls_over_at"].to_numpy(),
        rates=rates,
        rate_known=_rate_known(derived, rates),
    )
    return findings_of(derived, block, REGISTER_CHECKS, settings)


def _read_before(series: IntArray, stands: BoolArray) -> IntArray:
    """Place of the last read of the series before each one that stands, -1 where there is none."""
    place = np.where(stands, np.arange(series.size), -1)
    latest = np.maximum.accumulate(np.concatenate(([-1], place[:-1]))) if series.size else place
    return np.where((latest >= 0) & (series[np.maximum(latest, 0)] == series), latest, -1)


def _sent_rates(derived: pa.Table, received: pa.Table) -> IntArray:
    """(reads x rates) registers in millionths, NOT_KNOWN where none was sent; no column where no read has
    any.
    """
    sent = received.filter(pc.is_valid(received["rate_registers_unscaled"]))
    if not sent.num_rows:
        return np.empty((derived.num_rows, 0), dtype=np.int64)
    content, channel = (
        ranks(pa.chunked_array([*derived[name].chunks, *pc.fill_null(sent[name], "").chunks], STRING))
        for name in ("content_hash", "channel_code")
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


_LINE_SPAN = 1 << 36
