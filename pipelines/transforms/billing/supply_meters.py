"""Which meter counts for which part of a supply on which days, and which is taken out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date

from pipelines.periods import BillingDays
from pipelines.tables.rows.gold import GoldBillingDeterminantsRow, SupplyMeterRecord
from pipelines.tables.rows.silver import SilverMeterPointsRow, SilverSupplySharesRow
from pipelines.transforms.billing.agreed_points import ENDED
from pipelines.transforms.billing.sub_meters import Inside
from pipelines.transforms.ground.in_force import spans_of

HistoryOf = Callable[[str], Sequence[SilverMeterPointsRow]]
"""Meter point -> its rows of silver_meter_points, in order."""


def supply_meters(
    mains: Sequence[GoldBillingDeterminantsRow], inside: Inside, month: BillingDays, history_of: HistoryOf
) -> tuple[SupplyMeterRecord, ...]:
    """The main meters, then those of each share, then what is taken out of the main part and of the shares'
    sub-meters.

    inside  What lies behind the main meters. A sub-meter that was not read at all is not among the meters.
    """
    first, last = month.first_day, month.last_day
    found = [
        record
        for row in mains
        for record in _days_of(row["meter_point_id"], row["customer_id"], first, last, history_of)
    ]
    owner = mains[0]["customer_id"]
    metered = {row["meter_point_id"] for row in inside.metered_sections}
    taken: list[SupplyMeterRecord] = []
    for main, history in inside.shares:
        held = spans_of(history, first, last, ENDED)
        name = str(held[-1][0]["section_name"])
        for share, begin, end in held:
            point = share["sub_meter_point_id"] or main
            records = [
                _for_share(record, share, name) for record in _days_of(point, owner, begin, end, history_of)
            ]
            found += records
            if point in metered:
                taken += [{**record, "section_name": "", "is_taken_out": True} for record in records]
    for row in inside.others:
        above = inside.section_above(row["meter_point_id"])
        section = "" if above is None else inside.section_of[above]
        taken += [
            {**record, "section_name": section, "is_taken_out": True}
            for record in _days_of(row["meter_point_id"], row["customer_id"], first, last, history_of)
        ]
    return (*found, *taken)


def _days_of(
    point: str, customer: str, first: date, last: date, history_of: HistoryOf
) -> Iterator[SupplyMeterRecord]:
    """One record for each row of the meter point that holds on a day of the span; one without a multiplier
    where none does.
    """
    held: list[tuple[date, date, float | None]] = [
        (begin, end, row["multiplier_ratio"]) for row, begin, end in spans_of(history_of(point), first, last)
    ]
    for begin, end, multiplier in held or [(first, last, None)]:
        yield {
            "section_name": "",
            "meter_point_id": point,
            "is_taken_out": False,
            "customer_id": customer,
            "share_id": None,
            "share_ratio": None,
            "share_kwh": None,
            "main_meter_point_id": None,
            "share_from_date": None,
            "first_date": begin,
            "last_date": end,
            "multiplier_ratio": multiplier,
        }


def _for_share(record: SupplyMeterRecord, share: SilverSupplySharesRow, name: str) -> SupplyMeterRecord:
    return {
        **record,
        "section_name": name,
        "share_id": share["share_id"],
        "share_ratio": share["share_ratio"],
        "share_kwh": share["share_kwh"],
        "main_meter_point_id": share["main_meter_point_id"],
        "share_from_date": share["valid_from_date"],
    }
