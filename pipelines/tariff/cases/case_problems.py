"""What is wrong or missing in a case beyond its keys: terms that do not fit each other, and figures that a
total rests on and nobody gave.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme
from pipelines.errors import UsageError
from pipelines.periods import BillingMonth
from pipelines.tariff.cases.own_prices import ANY_TIME, OwnPricesError

if TYPE_CHECKING:
    from pipelines.tariff.cases.schema import ContractPart, MonthPart, OwnPricesPart, TariffCase

_OF_CURVE = ("energy_kwh", "energy_by_period", "max_demand_kw")
_REACTIVE = ("lagging_kvarh", "leading_kvarh")


def case_problems(case: TariffCase, folder: Path) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """What no key is wrong in by itself: where it stands, what it is and what to do."""
    described = "docs/tariff-case.md describes every key."
    if case.own_prices is not None:
        try:
            case.own_prices.prices()
        except OwnPricesError as error:
            yield ("own_prices", error.key), error.message, error.hint or described
    elif case.contract is None:
        yield ("contract",), "the key is missing", described
        return
    else:
        yield from (
            (("contract", key), message, described) for key, message in _contract_problems(case.contract)
        )
    for place, part in enumerate(case.months):
        at: tuple[str | int, ...] = ("months", place)
        try:
            BillingMonth.parse(part.month)
        except UsageError as error:
            yield (*at, "month"), error.message, error.hint
            continue
        yield from (
            ((*at, key), message, hint) for key, message, hint in _period_problems(part, case.months[:place])
        )
        if part.month in [other.month for other in case.months[:place]]:
            yield (*at, "month"), f"{part.month} stands twice", "Each month of a case is priced once."
        if part.curve is not None and not (folder / part.curve).is_file():
            yield (
                (*at, "curve"),
                f"{folder / part.curve} does not exist",
                "A curve is looked for beside the case.",
            )
        if case.own_prices is not None:
            yield from (
                ((*at, *key), message, hint)
                for key, message, hint in _own_month_problems(part, case.own_prices)
            )
        else:
            yield from (
                ((*at, *key), message, described) for key, message in _month_problems(part, case.agreed)
            )


def _period_problems(part: MonthPart, before: Sequence[MonthPart]) -> Iterator[tuple[str, str, str]]:
    """Days of a bill that cannot be meant: one end alone, none of the month's, or another bill's too."""
    if (part.from_day is None) != (part.to_day is None):
        given, lacks = ("to", "from") if part.from_day is None else ("from", "to")
        yield given, f"{lacks} is missing beside it", "Give both ends of the period, or neither."
        return
    try:
        first, last = part.billed.first_day, part.billed.last_day
    except UsageError as error:
        yield "to", error.message, error.hint
        return
    for other in before:
        with suppress(UsageError):
            if other.billed.first_day <= last and first <= other.billed.last_day:
                # Of two calendar months alike "stands twice" is said.
                if part.from_day is not None or other.from_day is not None:
                    yield (
                        "month" if part.from_day is None else "from",
                        f"{first} to {last} overlaps {other.billed.first_day} to {other.billed.last_day}",
                        "Each day is billed once.",
                    )
                return


def _own_month_problems(part: MonthPart, own: OwnPricesPart) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """What a month lacks for prices of one's own, or has and nothing looks at: a figure would be taken for
    one that was priced.
    """
    described, of_curve = "docs/tariff-case.md describes every key.", part.curve is not None
    is_adjusted = own.power_factor_standard is not None
    if part.from_day is not None:
        yield ("from",), "prices of one's own know calendar months alone", "Leave from and to out."
    unused = {
        **dict.fromkeys(("year_to_date_kwh", "exported_kwh"), "prices of one's own have no price for it"),
        **dict.fromkeys(_OF_CURVE if of_curve else (), "prices of one's own take it from the curve"),
        **dict.fromkeys(
            () if is_adjusted else _REACTIVE, "prices of one's own without a power_factor_standard ignore it"
        ),
    }
    if of_curve and not own.weekday_hours:
        yield (
            ("curve",),
            "own_prices have no hours to split it by",
            "Add weekday_hours and weekend_hours.",
        )
    yield from (((key,), said, "Leave it out.") for key, said in unused.items() if getattr(part, key))
    if of_curve:
        return
    periods = part.energy_by_period
    if periods is None and (part.energy_kwh is None or len(own.energy) > 1):
        yield (), "prices of one's own need energy_by_period or a curve", described
    if periods is not None:
        total, unknown = (
            sum(periods.values(), Decimal(0)),
            [each for each in periods if each not in own.energy],
        )
        if unknown:
            known = f"Known: {', '.join(own.energy)}."
            yield ("energy_by_period",), f"own_prices have no price for the period {unknown[0]}", known
        if part.energy_kwh is not None and total != part.energy_kwh:
            said = f"the periods sum to {total} kWh, energy_kwh is {part.energy_kwh}"
            yield ("energy_by_period",), said, described
    if set(own.demand) - {ANY_TIME}:
        yield (), "a demand price by period needs a curve", described
    elif own.demand and part.max_demand_kw is None:
        yield (), "the demand price needs max_demand_kw or a curve", described


def _contract_problems(contract: ContractPart) -> Iterator[tuple[str, str]]:
    if contract.customer_class is CustomerClass.RESIDENTIAL:
        if contract.is_ev_charging:
            yield (
                "is_ev_charging",
                (
                    "the hours of residential charging points have no published price; price industry or "
                    "commerce"
                ),
            )
        if contract.market_price_cny_per_kwh is not None:
            yield "market_price_cny_per_kwh", "a dwelling buys at the residential price, not on the market"
    if (
        contract.pricing_scheme is not PricingScheme.TWO_PART
        or contract.customer_class is CustomerClass.RESIDENTIAL
    ):
        return
    if contract.demand_basis is None:
        yield "demand_basis", f"a two-part contract needs one of {', '.join(DemandBasis)}"
    for key in ("contract_capacity_kva", "running_capacity_kva"):
        if getattr(contract, key) is None:
            yield key, "a two-part contract needs it"
    agreed, running = contract.contract_capacity_kva, contract.running_capacity_kva
    if agreed is not None and running is not None and running > agreed:
        yield (
            "running_capacity_kva",
            f"{running} kVA in operation are more than the {agreed} kVA of the contract",
        )
    if contract.demand_basis is DemandBasis.CONTRACT_DEMAND and contract.contract_demand_kw is None:
        yield "contract_demand_kw", f"the demand basis {contract.demand_basis} needs it"


def _month_problems(part: MonthPart, contract: ContractPart) -> Iterator[tuple[tuple[str, ...], str]]:
    if contract.supply_began is not None and contract.supply_began > part.billed.last_day:
        yield ("month",), f"the supply began on {contract.supply_began}, after {part.month}"
    if part.energy_kwh is None and part.curve is None:
        yield (), "neither energy_kwh nor a curve is given"
    if part.energy_by_period is not None and part.energy_kwh is not None:
        total = sum(part.energy_by_period.values(), Decimal(0))
        if total != part.energy_kwh:
            yield ("energy_by_period",), f"the periods sum to {total} kWh, energy_kwh is {part.energy_kwh}"
    if (
        contract.is_time_of_use
        and not contract.is_combined_meter
        and part.energy_by_period is None
        and part.curve is None
    ):
        yield (), "time-of-use prices need energy_by_period or a curve"
    by_demand = (
        contract.pricing_scheme is PricingScheme.TWO_PART
        and contract.demand_basis is not DemandBasis.CAPACITY
    )
    if (
        by_demand
        and contract.customer_class is not CustomerClass.RESIDENTIAL
        and part.max_demand_kw is None
        and part.curve is None
    ):
        yield (), "the contract's demand basis needs max_demand_kw or a curve"


def not_given(case: TariffCase) -> list[list[str]]:
    """Of each month what the case leaves out although its total rests on it: the year before a household's
    month, the price of energy fed in.
    """
    is_unpriced = case.agreed.export_price_cny_per_kwh is None
    return [
        ["year_to_date_kwh"] * lacks + ["export_price_cny_per_kwh"] * bool(is_unpriced and part.exported_kwh)
        for part, lacks in zip(case.months, _lacks_year_to_date(case), strict=True)
    ]


def _lacks_year_to_date(case: TariffCase) -> list[bool]:
    """Of each month whether its tiers take a year that nobody told to have been empty.

    Told is a figure of its own, a January, the month in which the supply begins, and what follows a told
    month without a gap.
    """
    contract = case.agreed
    if contract.customer_class is not CustomerClass.RESIDENTIAL or contract.is_combined_meter:
        return [False] * len(case.months)
    months = [BillingMonth.parse(part.month) for part in case.months]
    began = None if contract.supply_began is None else BillingMonth.of(contract.supply_began)
    told: set[BillingMonth] = set()
    for month, part in sorted(zip(months, case.months, strict=True), key=lambda pair: pair[0]):
        if part.year_to_date_kwh is not None or month.month == 1 or month == began or month.plus(-1) in told:
            told.add(month)
    return [month not in told for month in months]
