"""All that one bill is made from, gathered per customer before anything is priced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod, VoltageLevel
from pipelines.periods import BillingMonth
from pipelines.tariff import Contract, Determinants, missing_inputs
from products.efficiency_bill.baseline import Baseline
from products.efficiency_bill.peers import PeerView, compare_peers
from products.efficiency_bill.settings import EfficiencyBillSettings
from products.efficiency_bill.training import Days

LOWEST_DAYS = 0.10


@dataclass(frozen=True)
class Case:
    """One customer and month.

    terms               The row of silver_customers in force on the month's last day.
    contract            The same as the tariff engine takes it; time of use is dropped, and said so, where no curve can split the energy.
    determinants        Of the month, all meter points added up; previous: of the month before, or None.
    baseline            (expected, low, high, kind), or None. [kWh]
    recent_demand_kw    Highest demands of the latest three months. [kW]
    base_load_kwh       The month at the level of its lowest days. [kWh]
    weekend_excess_kwh  Use of Saturdays and Sundays above that. [kWh]
    lacks               Names of missing inputs.
    """

    month: BillingMonth
    terms: Mapping[str, Any]
    contract: Contract
    determinants: Determinants
    previous: Determinants | None
    shown: Mapping[str, Any]
    peers: PeerView
    baseline: tuple[float, float, float, str] | None
    recent_demand_kw: tuple[Decimal, ...]
    base_load_kwh: float | None
    weekend_excess_kwh: float | None
    lacks: tuple[str, ...]


def gather_cases(
    customers: pa.Table, determinants: pa.Table, days: Days, baselines: Mapping[str, Baseline], month: BillingMonth, settings: EfficiencyBillSettings
) -> list[Case]:
    """One case per customer with determinants in the month, in the order of their numbers.

    customers     silver_customers; determinants: gold_billing_determinants of the month and the two before.
    """
    terms = _terms_on(customers, month)
    by_month: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in determinants.to_pylist():
        by_month.setdefault(row["billing_month"], {}).setdefault(row["customer_id"], []).append(row)
    now, before = by_month.get(str(month), {}), by_month.get(str(month.previous()), {})
    names = sorted(name for name in now if name in terms)
    area = {name: terms[name]["floor_area_m2"] for name in names}
    energy = {name: float(sum(row["energy_kwh"] for row in now[name])) for name in names}
    peers = compare_peers({name: energy[name] / area[name] if area[name] else None for name in names}, {name: terms[name]["peer_group"] for name in names}, settings.least_peers)
    cases = []
    for name in names:
        contract = _contract(terms[name])
        measured, shown = _added(now[name], month)
        lacks = [*shown["missing_inputs"]]
        if missing_inputs(contract, measured):
            lacks += [lack for lack in missing_inputs(contract, measured) if lack not in lacks]
        base_load, weekend = _day_figures(days, name, month)
        demands = [row["max_demand_kw"] for months in by_month.values() for row in months.get(name, []) if row["max_demand_kw"] is not None]
        cases.append(
            Case(
                month=month,
                terms=terms[name],
                contract=contract,
                determinants=measured,
                previous=_added(before[name], month.previous())[0] if name in before else None,
                shown=shown,
                peers=peers[name],
                baseline=_baseline(days, baselines.get(name), name, month, settings),
                recent_demand_kw=tuple(sorted(Decimal(repr(value)) for value in demands)) if len(now[name]) == 1 else (),
                base_load_kwh=base_load,
                weekend_excess_kwh=weekend,
                lacks=tuple(lacks),
            )
        )
    return cases


def _terms_on(customers: pa.Table, month: BillingMonth) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in sorted(customers.to_pylist(), key=lambda row: (row["customer_id"], row["valid_from_date"])):
        if row["valid_from_date"] <= month.last_day:
            found[row["customer_id"]] = row
    return found


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(value))


def _contract(terms: Mapping[str, Any]) -> Contract:
    return Contract(
        customer_class=CustomerClass(terms["customer_class_code"]),
        pricing_scheme=PricingScheme(terms["pricing_scheme_code"]),
        voltage_level=VoltageLevel(terms["voltage_level_code"]),
        is_time_of_use=bool(terms["is_time_of_use"]),
        contract_capacity_kva=_decimal(terms["contract_capacity_kva"]),
        running_capacity_kva=_decimal(terms["running_capacity_kva"]),
        demand_basis=DemandBasis(terms["demand_basis_code"]) if terms["demand_basis_code"] else None,
        contract_demand_kw=_decimal(terms["contract_demand_kw"]),
        power_factor_standard=_decimal(terms["power_factor_standard_ratio"]),
    )


def _sum(rows: Sequence[Mapping[str, Any]], name: str) -> Decimal | None:
    values = [row[name] for row in rows]
    return None if any(value is None for value in values) else sum(values, Decimal(0))


def _added(rows: Sequence[dict[str, Any]], month: BillingMonth) -> tuple[Determinants, dict[str, Any]]:
    """Determinants of all meter points together, and what the bill shows of them; demands of several lines are added."""
    periods = {period: _sum(rows, f"{period.value}_kwh") for period in TouPeriod}
    demand = None if any(row["max_demand_kw"] is None for row in rows) else sum(row["max_demand_kw"] for row in rows)
    energy = _sum(rows, "energy_kwh") or Decimal(0)
    measured = Determinants(
        month=month,
        energy_kwh=energy,
        energy_by_period=None if any(value is None for value in periods.values()) else {period: value for period, value in periods.items() if value is not None},
        # A mean power is a difference of binary fractions; a ten-thousandth of a kilowatt is beyond any meter.
        max_demand_kw=None if demand is None else Decimal(repr(round(demand, 4))),
        lagging_kvarh=_sum(rows, "lagging_kvarh"),
        leading_kvarh=_sum(rows, "leading_kvarh"),
        resolution_kwh=min(row["resolution_kwh"] for row in rows),
    )
    lacks = sorted({name for row in rows for name in row["missing_inputs"]})
    weight = float(energy) or 1.0
    shown = {
        "meter_point_ids": sorted(row["meter_point_id"] for row in rows),
        "max_demand_kw": demand,
        "max_demand_date": rows[0]["max_demand_date"] if len(rows) == 1 else None,
        "estimated_ratio": sum(row["estimated_ratio"] * float(row["energy_kwh"]) for row in rows) / weight if energy else 0.0,
        "missing_inputs": lacks,
    }
    return measured, shown


def _month_slice(days: Days, month: BillingMonth) -> slice:
    first = (month.first_day - days.days[0]).days
    return slice(max(first, 0), max(first + month.day_count, 0))


def _day_figures(days: Days, name: str, month: BillingMonth) -> tuple[float | None, float | None]:
    if name not in days.customers:
        return None, None
    part = _month_slice(days, month)
    energy = days.energy[days.customers.index(name), part]
    known = np.isfinite(energy)
    if known.sum() < 10:
        return None, None
    lowest = float(np.quantile(energy[known], LOWEST_DAYS))
    weekend = energy[known & days.weekend[part]]
    return lowest * int(known.sum()), float(np.maximum(weekend - lowest, 0).sum())


def _baseline(days: Days, baseline: Baseline | None, name: str, month: BillingMonth, settings: EfficiencyBillSettings) -> tuple[float, float, float, str] | None:
    if baseline is None or name not in days.customers:
        return None
    part = _month_slice(days, month)
    row = days.customers.index(name)
    known = np.isfinite(days.energy[row, part])
    expected = baseline.expected(days.temperature[row, part], days.weekend[part])[known]
    if not known.any() or not np.isfinite(expected).all():
        return None
    total, half = float(expected.sum()), baseline.month_band(int(known.sum()), settings.band_level)
    return total, max(total - half, 0.0), total + half, baseline.kind
