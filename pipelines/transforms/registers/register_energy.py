"""Energy between frozen registers: difference times multiplier, rollover, meter exchange; exact in whole
millionths.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import IntArray
from pipelines.codes import Channel, RegisterRule, RejectReason
from pipelines.tables.base import INTEGER, LONG, STRING
from pipelines.tables.silver import SilverRegisterEnergy
from pipelines.transforms.ground.keyed_rows import ranks
from pipelines.transforms.ground.local_days import month_column
from pipelines.transforms.ground.micros import PER_UNIT, from_micros, to_micros
from pipelines.transforms.registers import register_kernel as kernel
from pipelines.transforms.registers.rate_registers import rate_lists, rate_matrix
from pipelines.vee.settings import VeeSettings

STAGE = SilverRegisterEnergy.name
ENERGY_SCHEMA = pa.schema(
    [field for field in SilverRegisterEnergy.arrow_schema() if field.name != "computed_run_id"]
)

DERIVED_SCHEMA = pa.schema(
    [
        *(field.with_nullable(True) for field in ENERGY_SCHEMA),
        pa.field("content_hash", STRING),
        pa.field("line_number", LONG),
        pa.field("reason_code", STRING),
        pa.field("column_name", STRING),
        pa.field("reason", STRING),
        pa.field("rolls_over_at", LONG),
    ]
)
"""``rolls_over_at`` is the number at which the registers of the meter begin again, 0 where unknown. [1e-6,
before the multiplier]
"""

_RULES = {
    kernel.FIRST_READ: RegisterRule.FIRST_READ,
    kernel.NORMAL: RegisterRule.NORMAL,
    kernel.ROLLOVER: RegisterRule.ROLLOVER,
    kernel.METER_EXCHANGE: RegisterRule.METER_EXCHANGE,
    kernel.DECREASE: RegisterRule.DECREASE,
    kernel.UNKNOWN_METER: RegisterRule.DECREASE,
    kernel.JUMP: RegisterRule.JUMP,
    kernel.OVER_CAPACITY: RegisterRule.OVER_CAPACITY,
    kernel.RESTART: RegisterRule.RESTART,
}


def derive_reads(reads: pa.Table, meters: pa.Table, settings: VeeSettings) -> pa.Table:
    """Energy of each read over the read before, per meter point and channel: one row per read, with a reason
    where it is held back.

    reads     Settled rows of bronze_register_reads, one per meter point, channel and day; the registers of
              the rates among them.
    meters    silver_meter_points.
    settings  How far a rollover may advance.

    The register of a day is read at its end, so a meter that counts from day V on may be read on V - 1 for
    the first time.
    A read below the one before is a rollover at 10 to the power of the register's digits if the advance stays
    plausible; else it is held
    back and the next read is compared with the last good one. So is a read that most of those after it lie
    below, while they go on from the one
    before: one read too high would else hold back all that follow; the first read of a series is held against
    those after it alone. Where a register
    falls and those after it go on from there, it began anew, as at an exchange that nobody reported: no
    energy, and the walk goes on from it; the same
    where more energy lies between two reads than ``registers.rollover_capacity_factor`` times the capacity
    can have carried. A read after an exchange closes the old meter at
    ``previous_end_register_unscaled`` and opens the new one at ``start_register_unscaled``; these are active
    forward registers, so for the
    other channels, or where one is unknown, the day of the exchange has no energy. The registers of the rates
    follow the same walk.
    """
    names, meter_of, order, channel_names = _ordered(reads)
    meter_point, channel = meter_of
    rows = reads.take(pa.array(order))
    day = rows["read_date"].cast(pa.int32()).to_numpy().astype(np.int64)
    register, _ = to_micros(rows["register_unscaled"])
    installed = _meters_of(meters, names)
    forward = np.array([name == Channel.ACTIVE_FORWARD.value for name in channel_names], dtype=np.bool_)
    places = kernel.meters_in_force(meter_point, day, installed.meter_point, installed.begins, installed.ends)
    rule, before, energy, known = kernel.settle_reads(
        meter_point * max(1, len(channel_names)) + channel,
        day,
        register,
        places,
        forward[channel] if forward.size else np.zeros(0, np.bool_),
        installed.multiplier,
        installed.span,
        installed.start,
        installed.has_start,
        installed.previous_end,
        installed.has_previous_end,
        installed.capacity_kva,
        settings.registers.rollover_max_share,
        settings.registers.rollover_capacity_factor,
        settings.registers.look_ahead_reads,
    )
    rates, told = rate_matrix(rows["rate_registers_unscaled"])
    if rates.shape[1]:
        limits = settings.registers.rollover_max_share, settings.registers.rollover_capacity_factor
        rates = kernel.settle_rates(
            rates,
            day,
            places,
            rule,
            before,
            installed.multiplier,
            installed.span,
            installed.capacity_kva,
            *limits,
        )
    return _derived_rows(
        rows, day, register, places, installed, rule, before, energy, known, rate_lists(rates, told)
    )


def _ordered(reads: pa.Table) -> tuple[list[str], tuple[Any, Any], Any, list[str]]:
    meter_point, names = ranks(reads["meter_point_id"])
    channel, channel_names = ranks(reads["channel_code"])
    day = reads["read_date"].cast(pa.int32()).to_numpy()
    order = np.lexsort((day, channel, meter_point))
    return names, (meter_point[order], channel[order]), order, channel_names


def _meters_of(meters: pa.Table, names: list[str]) -> kernel.Meters:
    """The meters of these meter points, by meter point and first day."""
    place = pc.index_in(
        meters["meter_point_id"].combine_chunks().cast(pa.string()), value_set=pa.array(names, pa.string())
    )
    ours = meters.append_column("_place", place).filter(place.is_valid())
    ours = ours.sort_by([("_place", "ascending"), ("valid_from_date", "ascending")])
    start, has_start = to_micros(ours["start_register_unscaled"])
    previous_end, has_previous_end = to_micros(ours["previous_end_register_unscaled"])
    digits = pc.fill_null(ours["register_digits"], 0).to_numpy().astype(np.int64)
    decimals = pc.fill_null(ours["register_decimals"], 6).to_numpy().astype(np.int64)
    return kernel.Meters(
        meter_point=ours["_place"].to_numpy().astype(np.int64),
        begins=ours["valid_from_date"].cast(pa.int32()).to_numpy().astype(np.int64),
        ends=pc.fill_null(ours["valid_to_date"].cast(pa.int32()), 2**30).to_numpy().astype(np.int64),
        multiplier=np.rint(ours["multiplier_ratio"].to_numpy() * PER_UNIT).astype(np.int64),
        span=np.where(digits > 0, 10 ** np.minimum(digits, 12) * PER_UNIT, 0),
        step=10 ** (6 - np.clip(decimals, 0, 6)),
        start=start,
        has_start=has_start,
        previous_end=previous_end,
        has_previous_end=has_previous_end,
        capacity_kva=ours["capacity_kva"].cast(pa.float64()).to_numpy(),
    )


def _derived_rows(
    rows: pa.Table,
    day: IntArray,
    register: IntArray,
    places: IntArray,
    installed: kernel.Meters,
    rule: Any,
    before: IntArray,
    energy: IntArray,
    known: Any,
    rates: pa.Array,
) -> pa.Table:
    from_read = before >= 0
    at = np.maximum(places, 0)
    empty = installed.multiplier.size == 0
    multiplier = np.zeros(day.size, np.int64) if empty else installed.multiplier[at]
    resolution = np.zeros(day.size, np.int64) if empty else kernel.times(installed.step[at], multiplier)
    rolls_over_at = np.zeros(day.size, np.int64) if empty else installed.span[at]
    earlier = np.maximum(before, 0)
    which = np.searchsorted(np.array(sorted(_RULES)), rule)
    rule_codes = pa.array([_RULES[number].value for number in sorted(_RULES)]).take(pa.array(which))
    reasons = {
        kernel.DECREASE: (
            RejectReason.REGISTER_DECREASE.value,
            "register_unscaled",
            "The register is below the one before and cannot have rolled over.",
        ),
        kernel.JUMP: (
            RejectReason.REGISTER_JUMP.value,
            "register_unscaled",
            "The register is above the reads that follow it.",
        ),
        kernel.UNKNOWN_METER: (
            RejectReason.UNKNOWN_METER_POINT.value,
            "meter_point_id",
            "No meter is known for this meter point on this day.",
        ),
    }
    texts = [reasons.get(number, (None, None, None)) for number in sorted(_RULES)]
    held = [pa.array([text[part] for text in texts], pa.string()).take(pa.array(which)) for part in range(3)]
    return pa.table(
        [
            rows["meter_point_id"],
            rows["channel_code"],
            rows["read_date"],
            pa.array(
                (day - day[earlier]).astype(np.int32) if day.size else np.empty(0, np.int32),
                INTEGER,
                mask=~from_read,
            ),
            from_micros(register[earlier] if day.size else register, from_read),
            rows["register_unscaled"],
            pa.array(multiplier / PER_UNIT),
            from_micros(energy, known),
            rates,
            from_micros(resolution),
            rule_codes,
            month_column(day),
            rows["content_hash"],
            rows["line_number"],
            *held,
            pa.array(rolls_over_at),
        ],
        names=DERIVED_SCHEMA.names,
    ).cast(DERIVED_SCHEMA)
