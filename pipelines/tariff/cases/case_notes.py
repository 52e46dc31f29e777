"""What a case says that cannot be so, or that nothing is priced by: told beside the price, with its rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import numpy as np

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod
from pipelines.errors import FactNotInForceError
from pipelines.facts import Facts
from pipelines.money import round_half_up
from pipelines.periods import BillingMonth
from pipelines.tariff.cases.case_files import demand_of, sum_of
from pipelines.tariff.cases.month_curve import read_curve
from pipelines.tariff.cases.schema import ContractPart, MonthPart, TariffCase

DAY_HOURS = 24
CAPACITY_MULTIPLE = Decimal("1.5")
"""Transformers are overloaded now and then, but not by more: see VEE-V07."""
_SHOWN = Decimal("0.01")
_DEMAND_RULE = "energy <= max_demand_kw x hours"
CURVE_TOLERANCE = Decimal("0.05")
"""A curve and a register of one supply never differ by more but for a fault: a wrong unit, month or meter."""


class CaseNote(StrEnum):
    """What is told of a month of a case."""

    PERIOD_NOT_IN_MONTH = "period_not_in_month"
    DEMAND_TOO_LOW = "demand_too_low_for_energy"
    DEMAND_ABOVE_CAPACITY = "demand_above_capacity"
    CURVE_DIFFERS = "curve_differs"
    ENERGY_WHILE_SUSPENDED = "energy_while_suspended"
    YEAR_TO_DATE_FALLS = "year_to_date_falls"
    STANDARD_BESIDE_RULE = "standard_beside_rule"
    KEY_NOT_USED = "key_not_used"
    CONTRACT_NOT_PRICED = "contract_not_priced"


@dataclass(frozen=True)
class Remark:
    """A note with its rule, a fact of ``zhixiang facts show`` or a ruling, in two languages."""

    note: CaseNote
    rule: str
    zh: str
    en: str


def case_remarks(case: TariffCase, folder: Path, facts: Facts) -> list[list[Remark]]:
    """What is told of each month, in the order of the case."""
    if case.own_prices is not None:
        return [list(_beside_own_prices(case)) for _ in case.months]
    falls = _falling_years(case)
    return [
        [
            *_period_remarks(part, case, facts),
            *_size_remarks(part, case.agreed),
            *_curve_remarks(part, case, folder, facts),
            *([falls[place]] if place in falls else []),
            *_standard_remarks(part, case, facts),
            *_unused(part, case.agreed),
        ]
        for place, part in enumerate(case.months)
    ]


def _beside_own_prices(case: TariffCase) -> Iterator[Remark]:
    contract, own = case.contract, case.own_prices
    if contract is None or own is None:
        return
    is_two_part = contract.pricing_scheme is PricingScheme.TWO_PART
    priced = {
        "pricing_scheme: two_part": is_two_part and not own.capacity_kva,
        "power_factor_standard": bool(contract.power_factor_standard) and not own.power_factor_standard,
        "market_price_cny_per_kwh": contract.market_price_cny_per_kwh is not None,
        "export_price_cny_per_kwh": contract.export_price_cny_per_kwh is not None,
    }
    named = ", ".join(name for name, is_agreed in priced.items() if is_agreed)
    if named:
        yield Remark(
            CaseNote.CONTRACT_NOT_PRICED,
            "own_prices",
            f"自定电价不含合同约定的 {named}：基本电费、力率调整和上网电量未计入",
            f"own_prices price what they name alone; of the contract's {named} nothing is in this total: "
            "neither a basic charge nor an adjustment nor a credit",
        )


def _period_remarks(part: MonthPart, case: TariffCase, facts: Facts) -> Iterator[Remark]:
    """Energy in a period that the month does not have, or more than its hours can carry."""
    contract, month = case.agreed, part.billed
    schedule = contract.terms().hours
    if part.energy_by_period is None or not contract.is_time_of_use or schedule is None:
        return
    with suppress(FactNotInForceError):
        slots = facts.time_of_use.slot_matrix(month.days, schedule, case.known)
        counts = np.bincount(slots.ravel(), minlength=len(TouPeriod)).tolist()
        hours = {period: Decimal(count) / 4 for period, count in zip(TouPeriod, counts, strict=True)}
        open_periods = {period for period, count in hours.items() if count}
        wrong = [
            f"{period} {kwh} kWh"
            for period, kwh in part.energy_by_period.items()
            if kwh and period not in open_periods
        ]
        if wrong:
            yield Remark(
                CaseNote.PERIOD_NOT_IN_MONTH,
                f"time_of_use.schedule.{schedule}",
                f"{month} 没有这些时段：{', '.join(wrong)}",
                f"{month} has no hour of {', '.join(wrong)}; it has {', '.join(sorted(open_periods))}",
            )
        demand = part.max_demand_kw
        if demand is None or _is_beyond_hours(part):
            return
        for period, kwh in part.energy_by_period.items():
            if period in open_periods and kwh > demand * hours[period]:
                of, most = hours[period], demand * hours[period]
                yield Remark(
                    CaseNote.DEMAND_TOO_LOW,
                    _DEMAND_RULE,
                    f"{period} 共 {of} 小时，最大需量 {demand} kW 最多 {most:f} kWh，少于 {kwh} kWh",
                    f"{period} has {of} hours: at {demand} kW {most:f} kWh, not {kwh} kWh",
                )


def _is_beyond_hours(part: MonthPart) -> bool:
    """Whether the month's demand cannot carry its energy at all."""
    hours, demand = DAY_HOURS * part.billed.day_count, part.max_demand_kw
    return demand is not None and part.energy_kwh is not None and part.energy_kwh > demand * hours


def _size_remarks(part: MonthPart, contract: ContractPart) -> Iterator[Remark]:
    """Energy beyond what its demand or its capacity can carry."""
    month = part.billed
    demand, running = part.max_demand_kw, contract.running_capacity_kva
    if demand is not None and _is_beyond_hours(part):
        most = demand * DAY_HOURS * month.day_count
        yield Remark(
            CaseNote.DEMAND_TOO_LOW,
            _DEMAND_RULE,
            f"最大需量 {part.max_demand_kw} kW 全月最多 {most} kWh，少于 {part.energy_kwh} kWh",
            f"at {part.max_demand_kw} kW all month there are {most} kWh, not {part.energy_kwh} kWh",
        )
    if demand is not None and running and demand > CAPACITY_MULTIPLE * running:
        yield Remark(
            CaseNote.DEMAND_ABOVE_CAPACITY,
            f"max_demand_kw <= {CAPACITY_MULTIPLE} x running_capacity_kva",
            f"最大需量 {demand} kW 远超运行容量 {running} kVA：请核对，或属超容用电",
            f"a demand of {demand} kW is far more than the {running} kVA in operation: a slip, or more "
            "is used than the contract has",
        )
    is_suspended = contract.pricing_scheme is PricingScheme.TWO_PART and contract.running_capacity_kva == 0
    has_energy = bool(part.energy_kwh) or part.curve is not None
    if is_suspended and has_energy:
        yield Remark(
            CaseNote.ENERGY_WHILE_SUSPENDED,
            "basic_charge.suspension",
            "运行容量为 0（全部暂停）却有用电量；本月不计基本电费",
            "running_capacity_kva is 0, so all capacity is suspended and no basic charge is raised, yet "
            "energy was used",
        )


def _curve_remarks(part: MonthPart, case: TariffCase, folder: Path, facts: Facts) -> Iterator[Remark]:
    """Figures beside a curve that the curve tells otherwise; those beside it are priced (ruling R4)."""
    if part.curve is None:
        return
    curve = read_curve(folder / part.curve, part.billed)
    step = part.resolution_kwh
    told = {
        "energy_kwh": (part.energy_kwh, sum_of(curve.energy_kwh, step)),
        "max_demand_kw": (part.max_demand_kw, demand_of(curve.energy_kwh)),
        "lagging_kvarh": (
            part.lagging_kvarh,
            None if curve.lagging_kvarh is None else sum_of(curve.lagging_kvarh, step),
        ),
        "leading_kvarh": (
            part.leading_kvarh,
            None if curve.leading_kvarh is None else sum_of(curve.leading_kvarh, step),
        ),
    }
    for key, (written, seen) in told.items():
        if written is None or seen is None or abs(written - seen) <= CURVE_TOLERANCE * max(written, seen):
            continue
        yield Remark(
            CaseNote.CURVE_DIFFERS,
            "R4",
            f"{key} 为 {written}，曲线为 {seen}；按前者计费，曲线只用于分时",
            f"{key} is {written}, the curve comes to {seen}: the former is priced, the curve only splits it",
        )
    yield from _split_remarks(part, case, curve.energy_kwh, facts)


def _split_remarks(
    part: MonthPart, case: TariffCase, curve: Sequence[float], facts: Facts
) -> Iterator[Remark]:
    """A split over periods that the curve beside it tells otherwise; what is written is priced."""
    schedule, written = case.agreed.terms().hours, part.energy_by_period
    if written is None or schedule is None or not case.agreed.is_time_of_use:
        return
    with suppress(FactNotInForceError):
        slots = facts.time_of_use.slot_matrix(part.billed.days, schedule, case.known)
        sums = np.bincount(slots.ravel(), curve, len(TouPeriod)).tolist()
        seen = {
            period: round_half_up(Decimal(repr(kwh)), _SHOWN)
            for period, kwh in zip(TouPeriod, sums, strict=True)
        }
        most = CURVE_TOLERANCE * sum(seen.values(), Decimal(0))
        other = [period for period in TouPeriod if abs(written.get(period, Decimal(0)) - seen[period]) > most]
        if other:
            told = ", ".join(
                f"{period} {written.get(period, Decimal(0))} / {seen[period]}" for period in other
            )
            yield Remark(
                CaseNote.CURVE_DIFFERS,
                "R4",
                f"energy_by_period 与曲线不符（所写 / 曲线，kWh）：{told}；按前者计费",
                f"energy_by_period is not what the curve comes to (written / curve, kWh): {told}; the former "
                "is priced",
            )


def _falling_years(case: TariffCase) -> dict[int, Remark]:
    """Months of a home whose year before them is less than the case's own months make it."""
    contract = case.agreed
    if contract.customer_class is not CustomerClass.RESIDENTIAL or contract.is_combined_meter:
        return {}
    found: dict[int, Remark] = {}
    before: tuple[int, Decimal] | None = None
    for place in sorted(
        range(len(case.months)), key=lambda place: BillingMonth.parse(case.months[place].month)
    ):
        part, year = case.months[place], BillingMonth.parse(case.months[place].month).year
        reached = before[1] if before is not None and before[0] == year else Decimal(0)
        if part.year_to_date_kwh is not None and part.year_to_date_kwh < reached:
            found[place] = Remark(
                CaseNote.YEAR_TO_DATE_FALLS,
                "residential.tiers",
                f"year_to_date_kwh {part.year_to_date_kwh} 少于本年之前各月合计 {reached} kWh；按所写分档",
                f"year_to_date_kwh is {part.year_to_date_kwh}, the months before it in the year come to "
                f"{reached} kWh; the tiers take what is written",
            )
        start = reached if part.year_to_date_kwh is None else part.year_to_date_kwh
        before = year, start + (part.energy_kwh or Decimal(0))
    return found


def _standard_remarks(part: MonthPart, case: TariffCase, facts: Facts) -> Iterator[Remark]:
    """A power factor standard that contracts of the class do not name, or none where they name one."""
    contract, month = case.agreed, part.billed
    capacity, dated = contract.contract_capacity_kva, facts.power_factor_standards
    with suppress(FactNotInForceError):
        rule = dated.on(month.first_day, case.known)
        named = rule.classes.get(contract.customer_class)
        standard = contract.power_factor_standard
        if capacity is None or named is None or capacity < rule.from_kva:
            return
        if standard is None or (capacity > rule.above_kva and standard not in named):
            usual = " / ".join(f"{each:f}" for each in sorted(named, reverse=True))
            said = "none" if standard is None else f"{standard:f}"
            yield Remark(
                CaseNote.STANDARD_BESIDE_RULE,
                dated.fact_id,
                f"{capacity} kVA 的 {contract.customer_class} 功率因数标准一般为 {usual}，合同为 {said}",
                f"contracts of {contract.customer_class} of {capacity} kVA name a power factor standard of "
                f"{usual}, this one {said}",
            )


def _unused(part: MonthPart, contract: ContractPart) -> Iterator[Remark]:
    """Keys that nothing of this contract is priced by."""
    is_home = contract.customer_class is CustomerClass.RESIDENTIAL
    is_two_part = contract.pricing_scheme is PricingScheme.TWO_PART and not is_home
    is_used = {
        "household_persons": (contract.household_persons is None, is_home),
        "is_combined_meter": (not contract.is_combined_meter, is_home),
        "supply_began": (contract.supply_began is None, is_home),
        "demand_basis": (contract.demand_basis is None, is_two_part),
        "contract_demand_kw": (
            contract.contract_demand_kw is None,
            is_two_part and contract.demand_basis is not DemandBasis.CAPACITY,
        ),
        "year_to_date_kwh": (part.year_to_date_kwh is None, is_home and not contract.is_combined_meter),
    }
    named: Sequence[str] = [
        key for key, (is_left_out, counts) in is_used.items() if not is_left_out and not counts
    ]
    if named:
        yield Remark(
            CaseNote.KEY_NOT_USED,
            "docs/tariff-case.md",
            f"这些项不影响电费：{', '.join(named)}",
            f"nothing is priced by {', '.join(named)} under this contract",
        )
