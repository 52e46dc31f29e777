"""What a meter point counted in each part of a month that is cut, with the loss of its transformer; a month
that is not cut is one segment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from pipelines.codes import TouPeriod
from pipelines.money import round_half_up, split_by_largest_remainder
from pipelines.periods import BillingDays
from pipelines.tables.rows.gold import GoldBillingDeterminantsRow, GoldBillingSegmentsRow
from pipelines.transforms.billing.account_terms import DEMAND_STEP_KW
from pipelines.transforms.billing.metering import with_added_energy
from pipelines.transforms.billing.period_columns import known_periods

Split = Mapping[TouPeriod, Decimal]
_SMALLEST = Decimal("0.000001")


@dataclass(frozen=True)
class PointSegment:
    """Days of a month, both counting, with energy [kWh], its periods where the terms know them, and the
    highest demand [kW].

    main_periods  Of a sub-meter with a curve: its energy by the periods of the main meter's terms. [kWh]
    """

    first_day: date
    last_day: date
    energy_kwh: Decimal
    energy_by_period: Split | None
    max_demand_kw: Decimal | None
    main_periods: Split | None = None

    @property
    def days(self) -> int:
        """Days of the segment."""
        return (self.last_day - self.first_day).days + 1


def segments_of(
    row: GoldBillingDeterminantsRow, parts: Sequence[GoldBillingSegmentsRow], month: BillingDays
) -> list[PointSegment]:
    """The segments of one meter point.

    row    Of gold_billing_determinants; parts: its rows of gold_billing_segments, in order.
    The loss goes to the segments by their energy, without any by their days.
    """
    found = [_segment(part, part["first_date"], part["last_date"]) for part in parts] or [
        _segment(row, month.first_day, month.last_day)
    ]
    loss, step = row.get("transformer_loss_kwh"), row["resolution_kwh"]
    if not loss:
        return found
    weights = (
        [float(segment.energy_kwh) for segment in found]
        if row["energy_kwh"]
        else [float(segment.days) for segment in found]
    )
    lost = split_by_largest_remainder(loss, weights, usable(loss, step))
    return [_with_energy(segment, part, step) for segment, part in zip(found, lost, strict=True)]


def added_up(of_points: Sequence[Sequence[PointSegment]]) -> list[PointSegment]:
    """The segments of several meter points that are cut on the same days: energies and demands added; what
    one
    lacks, the sum lacks.
    """
    return [
        PointSegment(
            segments[0].first_day,
            segments[0].last_day,
            sum((segment.energy_kwh for segment in segments), Decimal(0)),
            _added_splits([segment.energy_by_period for segment in segments]),
            _added_demands(segments),
        )
        for segments in zip(*of_points, strict=True)
    ]


def usable(energy: Decimal, step: Decimal) -> Decimal:
    """The step where the energy is a multiple of it, else the smallest there is."""
    return step if energy % step == 0 else _SMALLEST


def _segment(
    row: GoldBillingDeterminantsRow | GoldBillingSegmentsRow, first: date, last: date
) -> PointSegment:
    demand = row["max_demand_kw"]
    return PointSegment(
        first,
        last,
        row["energy_kwh"],
        known_periods(row),
        None if demand is None else round_half_up(Decimal(repr(demand)), DEMAND_STEP_KW),
        None if (main := row.get("main_period_kwh")) is None else dict(zip(TouPeriod, main, strict=True)),
    )


def _with_energy(segment: PointSegment, added: Decimal, step: Decimal) -> PointSegment:
    splits = [
        None if split is None else with_added_energy(split, added, usable(added, step))
        for split in (segment.energy_by_period, segment.main_periods)
    ]
    return replace(
        segment, energy_kwh=segment.energy_kwh + added, energy_by_period=splits[0], main_periods=splits[1]
    )


def _added_splits(splits: Sequence[Split | None]) -> Split | None:
    known = [split for split in splits if split is not None]
    if len(known) != len(splits):
        return None
    return {
        period: sum((split.get(period, Decimal(0)) for split in known), Decimal(0)) for period in TouPeriod
    }


def _added_demands(segments: Sequence[PointSegment]) -> Decimal | None:
    """The demands added; a point that was not there yet, or idle, without energy and without a demand, adds
    nothing to those of others.
    """
    asked = [
        segment for segment in segments if segment.energy_kwh or segment.max_demand_kw is not None
    ] or segments
    known = [segment.max_demand_kw for segment in asked if segment.max_demand_kw is not None]
    return sum(known, Decimal(0)) if len(known) == len(asked) else None
