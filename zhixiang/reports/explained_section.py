"""Which part of a supply a line of a bill charges: its days, its terms, the meters that count it, and what is
taken out of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pipelines.codes import LineComponent, TouSchedule
from pipelines.tables.rows.silver import SilverCustomersRow, SilverSupplySharesRow
from pipelines.tariff import Contract
from pipelines.transforms.billing.agreed_points import ENDED
from pipelines.transforms.ground.in_force import LAST_DAY, holds_in, row_or_first_on
from products.efficiency_bill.case.case import Case
from products.efficiency_bill.rows import EfficiencyBillLinesV1Inside
from zhixiang.reports.traces import SubMeter

_OF_THE_MONTH = (LineComponent.POWER_FACTOR_ADJUSTMENT, LineComponent.EXPORTED_ENERGY)


@dataclass(frozen=True)
class Part:
    """What a line charges.

    section       Name of the part behind the main meter; empty for the main part.
    contract      Its contract on the first day; None where the bill has none.
    schedule      Whose time-of-use hours hold for it.
    meter_points  Meters whose registers count it; taken_out: sub-meters whose energy is taken out of theirs.
    shares        Rows of silver_supply_shares that hold on its days: of a section its own, of the main part
                  all that are taken out of it.
    """

    section: str
    first_day: date
    last_day: date
    contract: Contract | None
    schedule: TouSchedule | None
    meter_points: Sequence[str]
    taken_out: Sequence[str]
    shares: Sequence[SilverSupplySharesRow]


def part_behind(
    line: EfficiencyBillLinesV1Inside,
    case: Case,
    mains: Sequence[str],
    behind: Sequence[SubMeter],
    shares: Sequence[SilverSupplySharesRow],
    terms: Sequence[SilverCustomersRow],
) -> Part:
    """The part of a line.

    line    Row of efficiency_bill_lines_v1; case: the bill's; mains: its meter points.
    behind  Rows of gold_billing_determinants of the sub-meters behind them in the month.
    shares  Rows of silver_supply_shares of the mains; terms: rows of silver_customers of the customer, in
            order.
    """
    month, section = case.month, line.get("section_name") or ""
    first, last = line.get("first_date") or month.first_day, line.get("last_date") or month.last_day
    held = [row for row in shares if holds_in(row, first, last, (LAST_DAY, ENDED))]
    contract = _contract(case, section, first)
    if section:
        own = [row for row in held if row["section_name"] == section]
        points = sorted({row["sub_meter_point_id"] or row["main_meter_point_id"] for row in own})
        return Part(section, first, last, contract, _schedule(own[-1]) if own else None, points, (), own)
    named = {row["sub_meter_point_id"] for row in held}
    customer = case.terms["customer_id"]
    taken = () if LineComponent(line["component_code"]) in _OF_THE_MONTH else behind
    out = sorted(
        row["meter_point_id"]
        for row in taken
        if row["customer_id"] != customer or row["meter_point_id"] in named
    )
    now = row_or_first_on(terms, first)
    return Part("", first, last, contract, None if now is None else _schedule(now), sorted(mains), out, held)


def _schedule(terms: SilverCustomersRow | SilverSupplySharesRow) -> TouSchedule | None:
    price_class = terms["customer_class_code"]
    return None if price_class is None else TouSchedule.of(price_class, terms["is_ev_charging"])


def _contract(case: Case, section: str, day: date) -> Contract | None:
    """The contract of the section's segment on a day; where the bill was kept whole, its only one."""
    segments = (
        [] if case.supply is None else [each for each in case.supply.segments if each.section == section]
    )
    held = [each.contract for each in segments if each.first_day <= day <= each.last_day]
    return held[0] if held else case.contract
