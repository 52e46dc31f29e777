"""Rules on contracts: one- or two-part, what demand is billed, part months, late payment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme
from pipelines.facts.dated import Dated
from pipelines.facts.marked_yaml import MarkedMap
from pipelines.facts.prices import parse_code_text

# Bounds that no rule can leave whatever a notice sets; a figure outside is a slip of the pen. A month has at
# most 744 hours, and a kVA that
# runs through all of them gives no more kWh. A penalty of one percent a day is five times the highest that
# was read.
MONTH_HOURS = 744
HIGHEST_KVA = 1_000_000
HIGHEST_DAILY_PENALTY = "0.01"


@dataclass(frozen=True)
class PricingSchemeRule:
    """Which pricing schemes a capacity allows (ruling R12).

    single_part_up_to_kva  Up to and including: single-part only. [kVA]
    two_part_from_kva      From and including: two-part only; between the two the customer chooses. [kVA]
    """

    single_part_up_to_kva: Decimal
    two_part_from_kva: Decimal

    def allowed(self, capacity_kva: Decimal) -> tuple[PricingScheme, ...]:
        """The schemes allowed at a capacity. [kVA]"""
        if capacity_kva <= self.single_part_up_to_kva:
            return (PricingScheme.SINGLE_PART,)
        if capacity_kva < self.two_part_from_kva:
            return (PricingScheme.SINGLE_PART, PricingScheme.TWO_PART)
        return (PricingScheme.TWO_PART,)


@dataclass(frozen=True)
class DemandRule:
    """What demand a contract for maximum demand is billed.

    tolerance_ratio         Up to this share of the billed contract demand nothing is added. [1]
    excess_multiple         Demand above it is charged at this multiple of the price. [1]
    minimum_capacity_ratio  A contract demand below this share of the capacity is raised to it. [1]
    """

    tolerance_ratio: Decimal
    excess_multiple: Decimal
    minimum_capacity_ratio: Decimal


@dataclass(frozen=True)
class UtilisationDiscount:
    """The demand price falls where much energy is used per kVA (ruling R11).

    threshold_kwh_per_kva  At or above it the discount holds. [kWh/kVA per month]
    price_ratio            What the demand price is multiplied by. [1]
    bases                  The demand bases that it holds for.
    """

    threshold_kwh_per_kva: Decimal
    price_ratio: Decimal
    bases: frozenset[DemandBasis]


@dataclass(frozen=True)
class NoticeRule:
    """How often a term of the contract may change and how long before it must be asked for.

    every_months        Months between two changes. [months]
    notice_working_days Working days between the request and the change. [d]
    """

    every_months: int
    notice_working_days: int


@dataclass(frozen=True)
class BasicCharge:
    """The basic charge (基本电费) of two-part customers.

    running_days_per_month  A running day of a part month costs the month's charge divided by this (ruling
                            R8). [d]
    basis_change            Notice for another demand basis; contract_demand_change: for another contract
                            demand.
    """

    demand: Dated[DemandRule]
    utilisation: Dated[UtilisationDiscount]
    running_days_per_month: Dated[Decimal]
    basis_change: Dated[NoticeRule]
    contract_demand_change: Dated[NoticeRule]


@dataclass(frozen=True)
class LatePaymentRule:
    """Penalty (违约金) per day of delay on the unpaid amount.

    same_year_ratio   Days up to the end of the calendar year in which the bill was due, by class. [1/d]
    later_year_ratio  Days after it, by class. [1/d]
    minimum_cny       Smallest penalty. [CNY]
    cap_ratio         Largest penalty as a share of the unpaid amount. [1]
    """

    same_year_ratio: dict[CustomerClass, Decimal]
    later_year_ratio: dict[CustomerClass, Decimal]
    minimum_cny: Decimal
    cap_ratio: Decimal


DailyRatios = tuple[dict[CustomerClass, Decimal], dict[CustomerClass, Decimal]]
"""Penalty ratios of a day by class: within the calendar year in which the bill was due, and after it. [1/d]
"""


@dataclass(frozen=True)
class LatePayment:
    """Penalty rates, least and largest penalty, and when supply may be cut."""

    daily: Dated[DailyRatios]
    minimum_cny: Dated[Decimal]
    cap_ratio: Dated[Decimal]
    disconnection_after_days: Dated[Decimal]

    def on(self, day: date, known: date | None = None) -> LatePaymentRule:
        """The whole rule in force on a day."""
        same, later = self.daily.on(day, known)
        return LatePaymentRule(same, later, self.minimum_cny.on(day, known), self.cap_ratio.on(day, known))


def parse_pricing_scheme(written: MarkedMap, options: MarkedMap) -> PricingSchemeRule:
    """The two capacities of ruling R12."""
    del options
    value = written.mapping("value")
    value.allow_only(("single_part_up_to_kva", "two_part_from_kva"))
    rule = PricingSchemeRule(
        *(
            value.bounded(key, 0, HIGHEST_KVA, above=True)
            for key in ("single_part_up_to_kva", "two_part_from_kva")
        )
    )
    if rule.single_part_up_to_kva >= rule.two_part_from_kva:
        raise value.error("two_part_from_kva", "must be above single_part_up_to_kva")
    return rule


def parse_demand_rule(written: MarkedMap, options: MarkedMap) -> DemandRule:
    """105 %, double, 40 %: a tolerance never lies below the contract demand, an excess never costs less than
    the demand itself.
    """
    del options
    value = written.mapping("value")
    value.allow_only(("tolerance_ratio", "excess_multiple", "minimum_capacity_ratio"))
    return DemandRule(
        value.bounded("tolerance_ratio", 1, 2),
        value.bounded("excess_multiple", 1, 10),
        value.bounded("minimum_capacity_ratio", 0, 1),
    )


def parse_notice(written: MarkedMap, options: MarkedMap) -> NoticeRule:
    """Months between changes and working days of notice."""
    del options
    value = written.mapping("value")
    value.allow_only(("every_months", "notice_working_days"))
    return NoticeRule(
        int(value.bounded("every_months", 1, 60, whole=True)),
        int(value.bounded("notice_working_days", 0, 260, whole=True)),
    )


def parse_utilisation(written: MarkedMap, options: MarkedMap) -> UtilisationDiscount:
    """260 kWh per kVA, 90 %; only demand has a demand price."""
    del options
    value = written.mapping("value")
    value.allow_only(("threshold_kwh_per_kva", "price_ratio", "bases"))
    bases = frozenset(parse_code_text(DemandBasis, value, "bases", name) for name in value.listing("bases"))
    if not bases or DemandBasis.CAPACITY in bases:
        raise value.error(
            "bases",
            f"the discount is one on demand; bases must name {DemandBasis.CONTRACT_DEMAND}, {DemandBasis.ACTUAL_DEMAND} or both",
        )
    threshold = value.bounded("threshold_kwh_per_kva", 0, MONTH_HOURS, above=True)
    return UtilisationDiscount(threshold, value.bounded("price_ratio", 0, 1, above=True), bases)


def parse_late_payment_daily(
    written: MarkedMap, options: MarkedMap
) -> tuple[dict[CustomerClass, Decimal], dict[CustomerClass, Decimal]]:
    """Daily ratios of every class: in the year of the due day, and after it."""
    del options
    value = written.mapping("value")
    value.allow_only(("same_year", "later_year"))
    tables = []
    for part in ("same_year", "later_year"):
        table = value.mapping(part)
        ratios = {
            parse_code_text(CustomerClass, table, key, key): table.bounded(key, 0, HIGHEST_DAILY_PENALTY)
            for key in table
        }
        lacking = [kind.value for kind in CustomerClass if kind not in ratios]
        if lacking:
            raise value.error(part, f"{part} has no ratio for {', '.join(lacking)}")
        tables.append(ratios)
    return tables[0], tables[1]
