"""Months of a works with their curves, and what is promised on them tried again interval by interval, without
the code that advises.
"""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np

from pipelines.arrays import FloatArray
from pipelines.codes import Channel, TouPeriod
from pipelines.facts import load_facts
from pipelines.periods import BillingMonth
from pipelines.settings import Settings, packaged
from pipelines.tariff import Contract, SupplyMonth, price_supply
from pipelines.transforms.ground.slot_periods import PeriodsOfDays
from products.efficiency_bill.advice.situation import Situation
from products.efficiency_bill.case.gathered_grounds import curve_grounds
from products.efficiency_bill.settings import EfficiencyBillSettings
from tests.measured_months import Measured, supply_of
from tests.steel_works import STEEL

CONF = packaged("conf")
FACTS = load_facts(CONF / "facts")
SETTINGS = Settings(CONF, CONF).section(EfficiencyBillSettings)
SEPTEMBER = BillingMonth(2026, 9)
D = Decimal
HOURS = 0.25
PERIODS = tuple(TouPeriod)
PERIOD_OF = FACTS.time_of_use.slot_matrix(SEPTEMBER.days, STEEL.hours or "")
KNOWN_PERIODS = PeriodsOfDays(FACTS.time_of_use.slot_matrix)


def cents(value: float) -> Decimal:
    return D(f"{value:.2f}")


def split_of(active: FloatArray) -> dict[TouPeriod, Decimal]:
    """Energy by period of a September of the works, each day's quarter hours added up one by one."""
    found: dict[TouPeriod, float] = {}
    for energies, places in zip(active.tolist(), PERIOD_OF.tolist(), strict=True):
        for energy, place in zip(energies, places, strict=True):
            found[PERIODS[place]] = found.get(PERIODS[place], 0.0) + energy
    return {period: cents(energy) for period, energy in found.items()}


def supply_of_curves(
    active: FloatArray, lagging: FloatArray, leading: FloatArray, contract: Contract = STEEL
) -> SupplyMonth:
    """The month as registers would have counted the same."""
    split = split_of(active)
    demand = cents(float(active.max()) / HOURS)
    measured = Measured(
        SEPTEMBER,
        sum(split.values(), D(0)),
        split,
        demand,
        cents(float(lagging.sum())),
        cents(float(leading.sum())),
        D("0.01"),
    )
    return supply_of(contract, measured)


def situation_of_curves(
    active: FloatArray,
    lagging: FloatArray,
    leading: FloatArray | None,
    supply: SupplyMonth | None = None,
    **known: Any,
) -> Situation:
    """What is advised on."""
    led = np.zeros_like(lagging) if leading is None else leading
    supply = supply or supply_of_curves(active, lagging, led)
    curves = {Channel.ACTIVE_FORWARD: active, Channel.REACTIVE_LAGGING: lagging}
    if leading is not None:
        curves[Channel.REACTIVE_LEADING] = leading
    grounds = curve_grounds(supply, curves, SEPTEMBER, KNOWN_PERIODS, SETTINGS)
    priced = price_supply(supply, FACTS)
    return Situation(supply, supply.energy_kwh, True, priced, (), None, None, None, replace(grounds, **known))


def reactive_after(
    lagging: FloatArray, leading: FloatArray, bank_kvar: int, step_kvar: int, *, is_switched: bool
) -> tuple[float, float]:
    """Lagging and leading energy with a bank, interval by interval and step by step."""
    lags = leads = 0.0
    for lag, lead in zip(lagging.ravel().tolist(), leading.ravel().tolist(), strict=True):
        if is_switched:
            on = 0
            while on + step_kvar <= bank_kvar and (on + step_kvar) * HOURS <= lag + 1e-9:
                on += step_kvar
            lags, leads = lags + lag - on * HOURS, leads + lead
        else:
            # A register that counted counts again: no capacitor takes leading energy away.
            left = lag - bank_kvar * HOURS
            lags, leads = lags + max(left, 0.0), leads + lead + max(-left, 0.0)
    return lags, leads


def factor(active_kwh: float, lagging: float, leading: float) -> float:
    """Power factor, unrounded."""
    return math.cos(math.atan2(lagging + leading, active_kwh))


def total_with_reactive(supply: SupplyMonth, lagging: float, leading: float) -> Decimal:
    """What the month costs with other reactive energies. [CNY]"""
    other = replace(supply, lagging_kvarh=cents(lagging), leading_kvarh=cents(leading))
    return price_supply(other, FACTS).total_cny


def total_with_active(supply: SupplyMonth, active: FloatArray) -> Decimal:
    """What the month costs with another curve of the same energy. [CNY]"""
    split = split_of(active)
    (segment,) = supply.segments
    largest = max(split, key=lambda period: split[period])
    split[largest] += segment.energy_kwh - sum(split.values(), D(0))
    other = replace(segment, energy_by_period=split, max_demand_kw=cents(float(active.max()) / HOURS))
    return price_supply(replace(supply, segments=(other,)), FACTS).total_cny


def total_with_less_active(supply: SupplyMonth, active: FloatArray) -> Decimal:
    """What the month costs with a lower curve, its demand and reactive energy as they are. [CNY]"""
    split = split_of(active)
    (segment,) = supply.segments
    other = replace(segment, energy_by_period=split, energy_kwh=sum(split.values(), D(0)))
    return price_supply(replace(supply, segments=(other,)), FACTS).total_cny
