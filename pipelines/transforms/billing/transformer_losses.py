"""Losses of transformers that are metered on their low side, month by month, by the plates in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pipelines.money import whole_steps
from pipelines.periods import BillingDays
from pipelines.tables.rows.gold import GoldBillingDeterminantsComputed
from pipelines.tables.rows.silver import SilverMeterPointsRow
from pipelines.transforms.billing.metering import TransformerLoss
from pipelines.transforms.billing.month_segments import PointDays, register_segments
from pipelines.transforms.billing.month_totals import MonthTotalsRow
from pipelines.transforms.ground.in_force import spans_of

_DAY_HOURS = 24


@dataclass(frozen=True)
class Plate:
    """A transformer and the days of a month on which it was in operation; None where metering stood on the
    high side.
    """

    first_day: date
    last_day: date
    loss: TransformerLoss | None
    idle_days: int = 0


def has_plate(meter: SilverMeterPointsRow) -> bool:
    """Whether a row of silver_meter_points tells a transformer that is metered on its low side."""
    return meter["transformer_rated_kva"] is not None


def plate_of(meter: SilverMeterPointsRow) -> TransformerLoss | None:
    """The transformer of a row of silver_meter_points."""
    if not has_plate(meter):
        return None
    return TransformerLoss(
        rated_kva=_exact(meter["transformer_rated_kva"]),
        no_load_kw=_exact(meter["transformer_no_load_kw"]),
        load_kw=_exact(meter["transformer_load_kw"]),
        no_load_ratio=_exact(meter["transformer_no_load_ratio"] or 0.0),
        short_circuit_ratio=_exact(meter["transformer_short_circuit_ratio"] or 0.0),
        shape_factor=_exact(meter["transformer_shape_ratio"] or 1.0),
    )


def plates_of_month(
    meters: Sequence[SilverMeterPointsRow], month: BillingDays, suspended: Sequence[tuple[date, date]]
) -> list[Plate]:
    """The transformers of a meter point in a month, in order.

    meters     Rows of silver_meter_points of the point in order; the first also stands for days before it.
    suspended  Spans of days on which the customer's whole capacity was suspended: no transformer is under
               voltage then.
    """
    found: list[Plate] = []
    for row, begin, last in spans_of(meters, month.first_day, month.last_day):
        first = begin if found else month.first_day
        loss = plate_of(row)
        if found and found[-1].loss == loss:
            first = found.pop().first_day
        idle = sum(max(0, (min(last, end) - max(first, start)).days + 1) for start, end in suspended)
        found.append(Plate(first, last, loss, idle))
    return found


def month_loss(
    totals: MonthTotalsRow, whole: GoldBillingDeterminantsComputed, plates: Sequence[Plate], days: PointDays
) -> tuple[Decimal, Decimal | None] | None:
    """Active and reactive loss of a month in whole steps of the register; the reactive one is None without a
    lagging register. [kWh, kvarh]

    totals  Row of month totals; whole: its row of gold_billing_determinants.
    Where the plate changes inside the month, active energy is that of the registers' days, reactive energy
    follows the active one.
    """
    if not any(plate.loss for plate in plates):
        return None
    step, energy = whole["resolution_kwh"], whole["energy_kwh"]
    lagging, leading = whole["lagging_kvarh"], whole["leading_kvarh"]
    reactive = (lagging or Decimal(0)) + (leading or Decimal(0))
    if len(plates) == 1:
        parts = [energy]
    else:
        micros = register_segments(
            days,
            totals["meter_point_id"],
            [plate.first_day for plate in plates],
            [plate.last_day for plate in plates],
        )
        parts = [Decimal(part).scaleb(-6) for part in micros]
    active_loss = reactive_loss = Decimal(0)
    for plate, part in zip(plates, parts, strict=True):
        hours = Decimal(((plate.last_day - plate.first_day).days + 1 - plate.idle_days) * _DAY_HOURS)
        if plate.loss is not None and hours > 0:
            of_part = reactive * part / energy if energy else Decimal(0)
            lost = plate.loss.energy(part, reactive if len(plates) == 1 else of_part, hours)
            active_loss, reactive_loss = active_loss + lost[0], reactive_loss + lost[1]
    return whole_steps(active_loss, step), None if lagging is None else whole_steps(reactive_loss, step)


def _exact(value: float | None) -> Decimal:
    # A plate is received whole or not at all.
    return Decimal(repr(value))
