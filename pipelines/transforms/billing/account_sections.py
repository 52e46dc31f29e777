"""Parts behind a main meter, segment by segment: how much a share takes, and what is left of what it is taken
from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from pipelines.codes import TouPeriod, TouSchedule
from pipelines.money import split_by_largest_remainder, whole_steps
from pipelines.periods import BillingDays
from pipelines.tables.rows.silver import SilverSupplySharesRow
from pipelines.transforms.billing.agreed_points import ENDED
from pipelines.transforms.billing.metering import deducted
from pipelines.transforms.billing.point_segments import PointSegment, Split, usable
from pipelines.transforms.billing.reading_days import divisor_days
from pipelines.transforms.ground.in_force import row_on


class SectionsAboveMainError(Exception):
    """The parts behind a main meter need more than it counted."""


@dataclass
class Section:
    """One share in a month.

    shares    Row of silver_supply_shares that holds in each segment; None where the share does not hold.
    counted   What is taken out of the main part, segment by segment; segments: the same without what others
              take out of it.
    schedule  Whose hours its periods are; None without time of use.
    """

    name: str
    meter_point_id: str | None
    shares: list[SilverSupplySharesRow | None]
    counted: list[PointSegment]
    segments: list[PointSegment]
    schedule: TouSchedule | None

    @property
    def is_metered(self) -> bool:
        """Whether a sub-meter tells its periods."""
        return self.meter_point_id is not None


def section_of(
    history: Sequence[SilverSupplySharesRow],
    main: Sequence[PointSegment],
    metered: Mapping[str, Sequence[PointSegment]],
    month: BillingDays,
    step: Decimal,
) -> Section | None:
    """The section of a share; None where it names a sub-meter that was not metered in the month.

    history  Rows of the share in order; main: segments of its main meter point; metered: segments by meter
             point.
    A fixed share is one of the main meter's energy on the days it holds; a fixed quantity counts by its days
    of the month. Both are spread
    over the segments by the main meter's energy, and over periods as that is.
    """
    shares = [row_on(history, segment.first_day, ENDED) for segment in main]
    last = next(share for share in reversed(shares) if share is not None)
    name, schedule = str(last["section_name"]), None
    if last["is_time_of_use"]:
        schedule = TouSchedule.of(last["customer_class_code"], last["is_ev_charging"])
    sub = last["sub_meter_point_id"]
    if sub is not None:
        if sub not in metered:
            return None
        segments = [
            _nothing(segment) if share is None else segment
            for segment, share in zip(metered[sub], shares, strict=True)
        ]
        return Section(name, sub, shares, segments, list(segments), schedule)
    segments = [_nothing(segment) for segment in main]
    for row in {id(share): share for share in shares if share is not None}.values():
        held = [place for place, share in enumerate(shares) if share is row]
        energy = [main[place].energy_kwh for place in held]
        taken = _taken(row, sum(energy, Decimal(0)), sum(main[place].days for place in held), month, step)
        if taken and not any(energy):
            raise SectionsAboveMainError
        parts = split_by_largest_remainder(taken, [float(value) for value in energy], usable(taken, step))
        for place, part in zip(held, parts, strict=True):
            segments[place] = replace(
                segments[place], energy_kwh=part, energy_by_period=_like(main[place], part, step)
            )
    return Section(name, None, shares, segments, list(segments), schedule)


def take_out(
    left: Sequence[PointSegment], taken: Sequence[PointSegment], own: Sequence[Split | None], step: Decimal
) -> list[PointSegment]:
    """What is left of segments when others are taken out of them; raises SectionsAboveMainError where that is
    more than there is.

    own  Energy of each part by the hours of what it is taken out of; None: it is taken from all periods in
         proportion, and so it is where a
         period holds less than the part claims of it.
    """
    found: list[PointSegment] = []
    for segment, part, periods in zip(left, taken, own, strict=True):
        energy, split = segment.energy_kwh - part.energy_kwh, segment.energy_by_period
        if energy < 0:
            raise SectionsAboveMainError
        if split is not None:
            by_hours = None if periods is None else deducted(split, part.energy_kwh, periods, step)
            is_there = by_hours is not None and all(value >= 0 for value in by_hours.values())
            split = (
                by_hours
                if is_there
                else deducted(split, part.energy_kwh, None, usable(part.energy_kwh, step))
            )
            if split is not None and any(value < 0 for value in split.values()):
                raise SectionsAboveMainError
        found.append(replace(segment, energy_kwh=energy, energy_by_period=split))
    return found


def by_hours_of_main(taken: Sequence[PointSegment], same_hours: Sequence[bool]) -> list[Split | None]:
    """Energy of each part by the main meter's hours: told by its curve, or by its own periods where their
    hours are the same.
    """
    return [
        segment.main_periods
        if segment.main_periods is not None
        else segment.energy_by_period
        if is_same
        else None
        for segment, is_same in zip(taken, same_hours, strict=True)
    ]


def _taken(
    share: SilverSupplySharesRow, energy_kwh: Decimal, days: int, month: BillingDays, step: Decimal
) -> Decimal:
    if share["share_ratio"] is not None:
        return whole_steps(share["share_ratio"] * energy_kwh, step)
    quantity = share["share_kwh"]
    assert quantity is not None  # noqa: S101 - a share without a ratio or a sub-meter has a quantity
    return whole_steps(quantity * days / divisor_days(month), step)


def _nothing(segment: PointSegment) -> PointSegment:
    return replace(
        segment,
        energy_kwh=Decimal(0),
        energy_by_period=dict.fromkeys(TouPeriod, Decimal(0)),
        max_demand_kw=None,
        main_periods=None,
    )


def _like(main: PointSegment, energy: Decimal, step: Decimal) -> Mapping[TouPeriod, Decimal] | None:
    split = main.energy_by_period
    if split is None:
        return None
    weights = [float(value) for value in split.values()]
    parts = split_by_largest_remainder(
        energy, weights if any(weights) else [1.0] * len(weights), usable(energy, step)
    )
    return dict(zip(split, parts, strict=True))
