"""One part of an account's month as the tariff engine takes it."""

from __future__ import annotations

from datetime import date

from pipelines.codes import CustomerClass, TouSchedule
from pipelines.tables.rows.silver import SilverCustomersRow
from pipelines.tariff import Contract, Segment
from pipelines.transforms.billing.point_segments import PointSegment


def schedule_of(terms: SilverCustomersRow) -> TouSchedule | None:
    """Whose hours hold for a customer; None without time of use."""
    if not terms["is_time_of_use"] or terms["customer_class_code"] is None:
        return None
    return TouSchedule.of(terms["customer_class_code"], terms.get("is_ev_charging"))


def segment_of(
    contract: Contract, point_segment: PointSegment, terms: SilverCustomersRow | None, section: str
) -> Segment:
    """One part of the month as the engine takes it."""
    split = point_segment.energy_by_period if contract.is_time_of_use else None
    running = (
        None
        if terms is None
        else running_days(contract, terms, point_segment.first_day, point_segment.last_day)
    )
    return Segment(
        contract,
        point_segment.first_day,
        point_segment.last_day,
        point_segment.energy_kwh,
        split,
        point_segment.max_demand_kw,
        section,
        running,
    )


def is_tiered(segment: Segment) -> bool:
    """Whether its energy is priced by the tiers of homes."""
    return has_tiers(segment.contract)


def has_tiers(contract: Contract | None) -> bool:
    """Whether a contract prices energy by the tiers of homes."""
    return (
        contract is not None
        and contract.customer_class is CustomerClass.RESIDENTIAL
        and not contract.is_combined_meter
    )


def is_without_tiers(segment: Segment) -> bool:
    """Whether a segment pays the residential price of a combined meter."""
    return segment.contract.customer_class is CustomerClass.RESIDENTIAL and segment.contract.is_combined_meter


def running_days(contract: Contract, terms: SilverCustomersRow, first: date, last: date) -> int | None:
    """Days in operation from the first to the last; None: all of them. A supply whose whole capacity is
    suspended runs on none.
    """
    if contract.running_capacity_kva == 0:
        return 0
    began, ended = terms.get("opened_date"), terms.get("closed_date")
    start, end = max(first, began or first), min(last, ended or last)
    return None if (start, end) == (first, last) else max(0, (end - start).days + 1)
