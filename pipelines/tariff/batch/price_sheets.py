"""Unit prices of a batch: asked once for each kind of contract and span of days, by the functions that price
a single bill.

What the single engine makes of one kilowatt-hour is the template of every bill of that kind; refusals come
out as its words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import product

from pipelines.codes import Confidence, CustomerClass, DemandBasis, LineComponent, TouPeriod
from pipelines.errors import FactNotForContractError, FactNotInForceError, UsageError, ZhixiangError
from pipelines.facts import Dated, Facts
from pipelines.facts.contract_rules import DemandRule
from pipelines.periods import BillingMonth
from pipelines.tariff.batch.exact import MICRO, PRICE, decimals_of, scaled
from pipelines.tariff.changes import pricing_facts
from pipelines.tariff.charges.basic_charge import basic_price_text, discount_text
from pipelines.tariff.charges.basic_charge_runs import run_prices
from pipelines.tariff.charges.catalogue_prices import catalogue_lines
from pipelines.tariff.charges.energy import energy_lines, level_ground, level_id
from pipelines.tariff.charges.residential import residential_lines, tier_limits
from pipelines.tariff.contract import Contract, Segment
from pipelines.tariff.lines import BillLine, Ground, least_sure
from pipelines.tariff.month_facts import ground, price_of_span, version_of_month, version_of_span
from pipelines.units import Unit

PERIODS = tuple(TouPeriod)
NO_PERIOD = len(PERIODS)
ENERGY_COMPONENTS = (
    LineComponent.ENERGY_BASE,
    LineComponent.TRANSMISSION,
    LineComponent.FUNDS,
    LineComponent.CATALOGUE_ENERGY,
    LineComponent.TIER_1,
    LineComponent.TIER_2,
    LineComponent.TIER_3,
)
_TIERS = (LineComponent.TIER_1, LineComponent.TIER_2, LineComponent.TIER_3)
_ONE = Decimal(1)
_NO_RULE = DemandRule(_ONE, _ONE, _ONE)
_AFTER_QUANTITY = f" {Unit.KWH.value} "
Pricer = Callable[[Segment, Facts, date | None], list[BillLine]]


@dataclass(frozen=True)
class Template:
    """What every line of one component and period has in common.

    slot   Place among components and periods, by which lines stand on a bill.
    price  In 10^-12 CNY per unit.
    text   How its formula goes on after the quantity.
    rests_on  As in ``BillLine``.
    """

    slot: int
    price: int
    fact_id: str
    confidence: Confidence
    text: str
    rests_on: tuple[str, ...]


@dataclass(frozen=True)
class EnergyShape:
    """Energy prices of one kind of contract in one span of days.

    refusal          Why it cannot be priced at all; empty where it can.
    period_refusals  Why energy in a period cannot be priced, by place of the period.
    empty_slot       Period that carries a line of nothing where there is no energy.
    limits           Upper limits of tier 1 and 2; None without tiers. [1e-6 kWh]
    limit_decimals   With how many decimals they are written.
    """

    templates: tuple[Template, ...] = ()
    refusal: str = ""
    period_refusals: dict[int, str] = field(default_factory=dict)
    empty_slot: int = NO_PERIOD
    limits: tuple[int, int] | None = None
    limit_decimals: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class BasicShape:
    """Price and rules of the basic charge of one kind of contract in one run of days.

    price            In 10^-12 CNY per kVA or kW and month; discounted, doubled: with the discount of ruling
                     R11, and that of the excess.
    sure             By (part of a month, discounted): how sure the line is; rests_on: likewise, as in
                     ``BillLine``.
    days_divisor     Days that a month's charge is divided by.
    threshold        In 10^-6 kWh per kVA; None where no discount can hold.
    price_text       Price as a formula writes it; discount_text: what follows it with the discount;
                     part_text: the end of a part of a month.
    """

    refusal: str = ""
    price: int = 0
    discounted: int = 0
    multiple: int = 0
    fact_id: str = ""
    sure: tuple[Confidence, ...] = ()
    rests_on: tuple[tuple[str, ...], ...] = ()
    days_divisor: int = 1
    threshold: int | None = None
    rule: DemandRule = _NO_RULE
    price_text: str = ""
    discount_text: str = ""
    part_text: str = ""


@dataclass
class PriceSheets:
    """The prices of a batch, each kind asked once; safe to keep for further batches of the same facts."""

    facts: Facts
    known: date | None
    _energy: dict[tuple[Contract, str, date, date], EnergyShape] = field(default_factory=dict)
    _basic: dict[tuple[Contract, date, date], BasicShape] = field(default_factory=dict)
    _spans: dict[BillingMonth, bool] = field(default_factory=dict)

    def span(self, month: BillingMonth, first_day: date, last_day: date) -> tuple[date, date]:
        """The span to ask for: the whole month where no version of any fact begins or ends inside it and no
        holiday has hours of its own.
        """
        steady = self._spans.get(month)
        if steady is None:
            moves = any(_moves(dated, month) for dated in pricing_facts(self.facts))
            steady = self._spans[month] = not moves and not self.facts.time_of_use.has_holiday_hours(
                month.first_day, month.last_day
            )
        return (month.first_day, month.last_day) if steady else (first_day, last_day)

    def energy(self, contract: Contract, first_day: date, last_day: date) -> EnergyShape:
        """Energy prices; the contract carries only what they depend on."""
        # Equal market prices may be written with more or fewer digits.
        key = (contract, str(contract.market_price_cny_per_kwh), first_day, last_day)
        if key not in self._energy:
            self._energy[key] = _energy_shape(contract, first_day, last_day, self.facts, self.known)
        return self._energy[key]

    def basic(self, contract: Contract, first_day: date, last_day: date) -> BasicShape:
        """The basic charge; the contract carries only what its price depends on."""
        key = (contract, first_day, last_day)
        if key not in self._basic:
            try:
                self._basic[key] = _basic_shape(contract, first_day, last_day, self.facts, self.known)
            except ZhixiangError as error:
                self._basic[key] = BasicShape(refusal=str(error))
        return self._basic[key]

    def is_catalogue(self, first_day: date) -> bool:
        """Whether a catalogue holds on a day."""
        return self.facts.catalogue.covers(first_day, self.known)


def _moves(dated: Dated[object], month: BillingMonth) -> bool:
    return any(
        month.first_day < version.effective_from <= month.last_day
        or (version.effective_to is not None and month.first_day <= version.effective_to < month.last_day)
        for version in dated.versions
    )


def _energy_shape(
    contract: Contract, first_day: date, last_day: date, facts: Facts, known: date | None
) -> EnergyShape:
    probe = Segment(contract, first_day, last_day, _ONE)
    try:
        if contract.customer_class is CustomerClass.RESIDENTIAL:
            return _residential_shape(probe, facts, known)
        if contract.customer_class is CustomerClass.AGRICULTURE:
            raise FactNotForContractError(
                "agriculture.energy", first_day, "no day: no agricultural price was found"
            )
        price = catalogue_lines if facts.catalogue.covers(first_day, known) else energy_lines
        if not contract.is_time_of_use:
            return EnergyShape(tuple(_template(line) for line in price(probe, facts, known)))
        return _by_period(probe, price, facts, known)
    except ZhixiangError as error:
        return EnergyShape(refusal=str(error))


def _by_period(probe: Segment, price: Pricer, facts: Facts, known: date | None) -> EnergyShape:
    templates: list[Template] = []
    refusals: dict[int, str] = {}
    for place, period in enumerate(PERIODS):
        try:
            templates += [
                _template(line)
                for line in price(replace(probe, energy_by_period={period: _ONE}), facts, known)
            ]
        except (FactNotInForceError, UsageError) as error:
            refusals[place] = str(error)
    if not templates:
        return EnergyShape(refusal=next(iter(refusals.values())))
    nothing = price(replace(probe, energy_kwh=Decimal(0), energy_by_period={}), facts, known)
    return EnergyShape(tuple(templates), "", refusals, PERIODS.index(nothing[0].period))


def _residential_shape(probe: Segment, facts: Facts, known: date | None) -> EnergyShape:
    contract = probe.contract
    if contract.is_combined_meter:
        return EnergyShape(
            tuple(_template(line) for line in residential_lines(probe, Decimal(0), facts, known))
        )
    tiers = version_of_span(facts.residential_tiers, probe.first_day, probe.last_day, known).value
    first, second = tier_limits(tiers, contract, probe.first_day.year)
    befores = (Decimal(0), first, second)
    limits, written = (scaled(first, MICRO), scaled(second, MICRO)), (decimals_of(first), decimals_of(second))
    if not contract.is_time_of_use:
        tier_lines = [residential_lines(probe, before, facts, known)[0] for before in befores]
        return EnergyShape(
            tuple(_template(line) for line in tier_lines), limits=limits, limit_decimals=written
        )
    one = next(iter(tiers.by_period))
    upper = [
        _template(line)
        for before in befores[1:]
        for line in residential_lines(replace(probe, energy_by_period={one: _ONE}), before, facts, known)
        if line.component is not LineComponent.TIER_1
    ]
    shape = _by_period(
        probe, lambda segment, at, day: residential_lines(segment, Decimal(0), at, day), facts, known
    )
    return replace(shape, templates=(*shape.templates, *upper), limits=limits, limit_decimals=written)


def _template(line: BillLine) -> Template:
    period = NO_PERIOD if line.period is None else PERIODS.index(line.period)
    slot = ENERGY_COMPONENTS.index(line.component) * (NO_PERIOD + 1) + period
    text = line.formula[line.formula.index(_AFTER_QUANTITY) :]
    return Template(
        slot, scaled(line.unit_price, PRICE), line.fact_id, line.fact_confidence, text, line.rests_on
    )


def _basic_shape(
    contract: Contract, first_day: date, last_day: date, facts: Facts, known: date | None
) -> BasicShape:
    dated = run_prices(contract, first_day, facts, known)
    price, cited = price_of_span(dated, contract.voltage_level, first_day, last_day, known)
    part = version_of_span(facts.basic_charge.running_days_per_month, first_day, last_day, known)
    grounds = [level_ground(dated, cited, contract)]
    ratio, threshold, fall_text = _ONE, None, ""
    of_discount: list[Ground] = []
    rule = _NO_RULE
    if contract.demand_basis is not DemandBasis.CAPACITY and not facts.catalogue.covers(first_day, known):
        discount = version_of_month(facts.basic_charge.utilisation, BillingMonth.of(first_day), known)
        if contract.demand_basis in discount.value.bases:
            ratio, of_discount = (
                discount.value.price_ratio,
                [ground(facts.basic_charge.utilisation, discount)],
            )
            threshold = scaled(discount.value.threshold_kwh_per_kva, MICRO)
            fall_text = discount_text(discount.value)
    if contract.demand_basis is DemandBasis.CONTRACT_DEMAND:
        demand = version_of_span(facts.basic_charge.demand, first_day, last_day, known)
        rule = demand.value
        grounds.append(ground(facts.basic_charge.demand, demand))
    of_part = [ground(facts.basic_charge.running_days_per_month, part)]
    by_case = [
        [*grounds, *(of_discount if discounted else []), *(of_part if is_part else [])]
        for is_part, discounted in product((False, True), repeat=2)
    ]
    return BasicShape(
        price=scaled(price, PRICE),
        discounted=scaled(price * ratio, PRICE),
        multiple=scaled(rule.excess_multiple, 0),
        fact_id=level_id(dated, contract),
        sure=tuple(least_sure(sure for _, sure in each) for each in by_case),
        rests_on=tuple(tuple(name for name, _ in each) for each in by_case),
        days_divisor=scaled(part.value, 0),
        threshold=threshold,
        rule=rule,
        price_text=basic_price_text(price, contract.demand_basis),
        discount_text=fall_text,
        part_text=f"/{part.value:f} d",
    )


def tier_component(place: int) -> int:
    """Place of a tier among the components."""
    return ENERGY_COMPONENTS.index(_TIERS[place])
