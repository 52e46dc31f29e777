"""Rules on contracts: one- or two-part, what demand is billed, part months, late payment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator

from pipelines.codes import ChangeBegin, CustomerClass, DemandBasis, PricingScheme
from pipelines.facts.dated import Dated
from pipelines.facts.fact_schema import FactReader, between, code_of, keys_of, wrong

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

    single_part_up_to_kva: Annotated[Decimal, between(0, HIGHEST_KVA, above=True)]
    two_part_from_kva: Annotated[Decimal, between(0, HIGHEST_KVA, above=True)]

    def allowed(self, capacity_kva: Decimal) -> tuple[PricingScheme, ...]:
        """The schemes allowed at a capacity. [kVA]"""
        if capacity_kva <= self.single_part_up_to_kva:
            return (PricingScheme.SINGLE_PART,)
        if capacity_kva < self.two_part_from_kva:
            return (PricingScheme.SINGLE_PART, PricingScheme.TWO_PART)
        return (PricingScheme.TWO_PART,)


@dataclass(frozen=True)
class DemandRule:
    """What demand a contract for maximum demand is billed: a tolerance never lies below the contract demand,
    an excess never costs less than the demand itself.

    tolerance_ratio         Up to this share of the billed contract demand nothing is added. [1]
    excess_multiple         Demand above it is charged at this multiple of the price. [1]
    minimum_capacity_ratio  A contract demand below this share of the capacity is raised to it. [1]
    """

    tolerance_ratio: Annotated[Decimal, between(1, 2)]
    excess_multiple: Annotated[Decimal, between(1, 10)]
    minimum_capacity_ratio: Annotated[Decimal, between(0, 1)]


@dataclass(frozen=True)
class UtilisationDiscount:
    """The demand price falls where much energy is used per kVA (ruling R11).

    threshold_kwh_per_kva  At or above it the discount holds. [kWh/kVA per month]
    price_ratio            What the demand price is multiplied by. [1]
    bases                  The demand bases that it holds for.
    """

    threshold_kwh_per_kva: Annotated[Decimal, between(0, MONTH_HOURS, above=True)]
    price_ratio: Annotated[Decimal, between(0, 1, above=True)]
    bases: frozenset[Annotated[DemandBasis, code_of(DemandBasis)]]


@dataclass(frozen=True)
class NoticeRule:
    """How often a term of the contract may change and how long before it must be asked for.

    every_months        Months between two changes. [months]
    notice_working_days Working days between the request and the change. [d]
    begins              Whether a change takes effect with any month or with a natural quarter alone (ruling
                        R18).
    """

    every_months: Annotated[int, between(1, 60, whole=True)]
    notice_working_days: Annotated[int, between(0, 260, whole=True)]
    begins: Annotated[ChangeBegin, code_of(ChangeBegin)] = ChangeBegin.MONTH


@dataclass(frozen=True)
class ChangedMonthRule:
    """Whose demand bills a month inside which the capacity in operation changes (ruling R17).

    bases  Demand bases on which the month's highest demand bills the whole month; of the others each part
           pays its days.
    """

    bases: frozenset[Annotated[DemandBasis, code_of(DemandBasis)]]


@dataclass(frozen=True)
class BasicCharge:
    """The basic charge (基本电费) of two-part customers.

    running_days_per_month  A running day of a part month costs the month's charge divided by this (ruling
                            R8). [d]
    basis_change            Notice for another demand basis; contract_demand_change: for another contract
                            demand.
    suspension_days         A suspension of fewer days leaves the charge as it is (ruling R16). [d]
    changed_month           Whose demand bills a month in which the capacity changes (ruling R17).
    """

    demand: Dated[DemandRule]
    utilisation: Dated[UtilisationDiscount]
    running_days_per_month: Dated[Decimal]
    basis_change: Dated[NoticeRule]
    contract_demand_change: Dated[NoticeRule]
    suspension_days: Dated[Decimal]
    changed_month: Dated[ChangedMonthRule]


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


_OF_DEMAND = f"{DemandBasis.CONTRACT_DEMAND}, {DemandBasis.ACTUAL_DEMAND} or both"


def _rising(rule: PricingSchemeRule) -> PricingSchemeRule:
    if rule.single_part_up_to_kva >= rule.two_part_from_kva:
        raise wrong("two_part_from_kva must be above single_part_up_to_kva", "two_part_from_kva")
    return rule


def _on_demand(rule: UtilisationDiscount) -> UtilisationDiscount:
    if not rule.bases or DemandBasis.CAPACITY in rule.bases:
        raise wrong(f"the discount is one on demand; bases must name {_OF_DEMAND}", "bases")
    return rule


def _of_demand(rule: ChangedMonthRule) -> ChangedMonthRule:
    if DemandBasis.CAPACITY in rule.bases:
        raise wrong(f"a capacity has no highest demand; bases must name {_OF_DEMAND}", "bases")
    return rule


_DailyByClass = dict[
    Annotated[CustomerClass, code_of(CustomerClass)], Annotated[Decimal, between(0, HIGHEST_DAILY_PENALTY)]
]


@dataclass(frozen=True)
class _WrittenDaily:
    same_year: _DailyByClass
    later_year: _DailyByClass


def _of_every_class(written: _WrittenDaily) -> DailyRatios:
    for part, ratios in (("same_year", written.same_year), ("later_year", written.later_year)):
        lacking = [kind.value for kind in CustomerClass if kind not in ratios]
        if lacking:
            raise wrong(f"{part} has no ratio for {', '.join(lacking)}", part)
    return written.same_year, written.later_year


PRICING_SCHEME_RULE = FactReader[PricingSchemeRule](
    Annotated[PricingSchemeRule, keys_of(PricingSchemeRule), AfterValidator(_rising)]
)
"""The two capacities of ruling R12."""
DEMAND_RULE = FactReader[DemandRule](DemandRule)
"""105 %, double, 40 %."""
NOTICE_RULE = FactReader[NoticeRule](NoticeRule)
"""Months between changes and working days of notice."""
UTILISATION_DISCOUNT = FactReader[UtilisationDiscount](
    Annotated[UtilisationDiscount, keys_of(UtilisationDiscount), AfterValidator(_on_demand)]
)
"""260 kWh per kVA, 90 %; only demand has a demand price."""
CHANGED_MONTH_RULE = FactReader[ChangedMonthRule](
    Annotated[ChangedMonthRule, keys_of(ChangedMonthRule), AfterValidator(_of_demand)]
)
"""Bases on which the month's highest demand bills the month."""
LATE_PAYMENT_DAILY = FactReader[DailyRatios](
    Annotated[_WrittenDaily, keys_of(_WrittenDaily), AfterValidator(_of_every_class)]
)
"""Daily ratios of every class: in the year of the due day, and after it."""
