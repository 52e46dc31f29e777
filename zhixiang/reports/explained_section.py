"""Which part of a supply a line of a bill charges: its days, its terms, the meters that count it, and what is
taken out of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from pipelines.codes import LineComponent, TouSchedule
from pipelines.tables.rows.gold import SupplyMeterRecord
from pipelines.tables.rows.silver import SilverSupplySharesRow
from pipelines.tariff import Contract
from products.efficiency_bill.case.case import Case, days_of_case
from products.efficiency_bill.rows import EfficiencyBillLinesV1Inside

_OF_THE_MONTH = (LineComponent.POWER_FACTOR_ADJUSTMENT, LineComponent.EXPORTED_ENERGY)


@dataclass(frozen=True)
class Part:
    """What a line charges.

    section       Name of the part behind the main meter; empty for the main part.
    contract      Its contract on the first day; None where the bill has none.
    schedule      Whose time-of-use hours hold for it.
    meter_points  Meters whose registers count it; taken_out: sub-meters whose energy is taken out of theirs.
    shares        Of the meters of its supply those that shares give their energy on its days, one for each
                  row of a share: of a section its own, of the main part all that are taken out of it.
    """

    section: str
    first_day: date
    last_day: date
    contract: Contract | None
    schedule: TouSchedule | None
    meter_points: Sequence[str]
    taken_out: Sequence[str]
    shares: Sequence[SupplyMeterRecord]


def part_behind(
    line: EfficiencyBillLinesV1Inside,
    case: Case,
    meters: Iterable[SupplyMeterRecord],
    shares: Iterable[SilverSupplySharesRow],
) -> Part:
    """The part of a line.

    line    Row of efficiency_bill_lines_v1; case: the bill's.
    meters  Of the supply that it was billed by, see gold_billing_supplies.
    shares  Rows of silver_supply_shares: they tell whose hours a section's are.
    """
    days, section = days_of_case(case), line.get("section_name") or ""
    first, last = line.get("first_date") or days.first_day, line.get("last_date") or days.last_day
    held = [each for each in meters if each["first_date"] <= last and first <= each["last_date"]]
    contract = _contract(case, section, first)
    points, out = (
        sorted(
            {
                each["meter_point_id"]
                for each in held
                if each["section_name"] == section and each["is_taken_out"] == is_taken_out
            }
        )
        for is_taken_out in (False, True)
    )
    given = {
        (each["share_id"], each["share_from_date"]): each
        for each in held
        if each["share_id"] is not None and not each["is_taken_out"] and section in ("", each["section_name"])
    }
    schedule = None if contract is None else contract.hours
    if section:
        rows = [row for row in shares if (row["share_id"], row["valid_from_date"]) in given]
        schedule = _schedule(rows[-1]) if rows else schedule
    if LineComponent(line["component_code"]) in _OF_THE_MONTH:
        out = []
    return Part(section, first, last, contract, schedule, points, out, list(given.values()))


def _schedule(share: SilverSupplySharesRow) -> TouSchedule | None:
    return TouSchedule.of(share["customer_class_code"], share["is_ev_charging"])


def _contract(case: Case, section: str, day: date) -> Contract | None:
    """The contract of the section's segment on a day; that of the main part where it has none then."""
    if case.supply is None:
        return None
    held = [
        each.contract
        for each in case.supply.segments
        if each.section == section and each.first_day <= day <= each.last_day
    ]
    return held[0] if held else case.supply.contract
