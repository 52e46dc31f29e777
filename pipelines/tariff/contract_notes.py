"""A contract held against the rules on prices: which scheme its capacity is open to, who must use time of
use, whose power factor counts.

What is agreed is priced as agreed, with a note on the month, because the contract binds and the edges of the
rules are own readings (R12).
Only the power factor is another matter: whom the rule leaves out has no adjustment, whatever standard the
contract names.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from pipelines.codes import ContractNote, CustomerClass, PricingScheme
from pipelines.errors import FactNotInForceError
from pipelines.facts import Dated
from pipelines.facts.contract_rules import PricingSchemeRule
from pipelines.facts.power_factor_adjustment import NotAdjusted
from pipelines.tariff.contract import Contract, SupplyMonth
from pipelines.tariff.price_sheets import Span

T = TypeVar("T")
IN_PARTS = frozenset({CustomerClass.LARGE_INDUSTRY, CustomerClass.GENERAL_COMMERCIAL})
"""Classes whose price is in one part or two."""


@dataclass(frozen=True)
class ContractRules:
    """The rules in force on a day; one that no notice covers holds nobody.

    mandatory  Classes that must use time of use.
    """

    scheme: PricingSchemeRule | None
    mandatory: frozenset[CustomerClass]
    not_adjusted: NotAdjusted | None


def contract_rules(_kind: None, span: Span) -> ContractRules:
    """What every contract is held against in the month that begins with a day; a price sheet."""
    facts = span.facts
    return ContractRules(
        _rule(facts.pricing_scheme, span),
        _rule(facts.time_of_use.mandatory, span) or frozenset(),
        _rule(facts.power_factor_not_adjusted, span),
    )


def _rule(dated: Dated[T], span: Span) -> T | None:
    with suppress(FactNotInForceError):
        return dated.on(span.first_day, span.known)
    return None


def as_ruled(supply: SupplyMonth, rules: ContractRules) -> tuple[SupplyMonth, set[ContractNote]]:
    """The supply without standards of a power factor that does not count, and what its contracts agree beside
    the rules.
    """
    found: set[ContractNote] = set()
    segments = []
    for segment in supply.segments:
        notes = notes_of(segment.contract, rules)
        found |= notes
        if ContractNote.POWER_FACTOR_NOT_ADJUSTED in notes:
            segment = replace(segment, contract=replace(segment.contract, power_factor_standard=None))
        segments.append(segment)
    return replace(supply, segments=tuple(segments)) if found else supply, found


def period_notes(supply: SupplyMonth) -> set[ContractNote]:
    """What is an own reading where the bill's days are not those of a calendar month."""
    found = set()
    first, last = supply.days
    if (first.year, first.month) != (last.year, last.month):
        found.add(ContractNote.PRICES_OF_EACH_DAY)
    is_charged_monthly = any(
        each.contract.pricing_scheme is PricingScheme.TWO_PART for each in supply.segments
    )
    if not supply.is_one_month and is_charged_monthly:
        found.add(ContractNote.PERIOD_BY_DAYS)
    return found


def notes_of(contract: Contract, rules: ContractRules) -> set[ContractNote]:
    """What one contract agrees beside the rules; a capacity that is not known breaks none."""
    found = set()
    kind, capacity = contract.customer_class, contract.contract_capacity_kva
    if (
        rules.scheme is not None
        and kind in IN_PARTS
        and capacity is not None
        and contract.pricing_scheme not in rules.scheme.allowed(capacity)
    ):
        if contract.pricing_scheme is PricingScheme.TWO_PART:
            found.add(ContractNote.TWO_PART_NOT_OPEN)
        elif not contract.keeps_single_part:
            found.add(ContractNote.SINGLE_PART_NOT_OPEN)
    if kind in rules.mandatory and not contract.is_time_of_use:
        found.add(ContractNote.TIME_OF_USE_MANDATORY)
    if contract.power_factor_standard is not None and _is_left_out(kind, capacity, rules.not_adjusted):
        found.add(ContractNote.POWER_FACTOR_NOT_ADJUSTED)
    return found


def _is_left_out(kind: CustomerClass, capacity: Decimal | None, rule: NotAdjusted | None) -> bool:
    return rule is not None and (kind in rule.classes or (capacity is not None and capacity < rule.below_kva))
