"""A customer's account in one month: the terms in force, the contract in them, and what all its meter points measured together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod, VoltageLevel
from pipelines.money import round_half_up
from pipelines.periods import BillingMonth
from pipelines.tariff import Contract, Determinants

Row = Mapping[str, Any]

# A mean power is a difference of binary fractions; a ten-thousandth of a kilowatt is beyond any meter.
DEMAND_STEP_KW = Decimal("0.0001")

_ALWAYS_NEEDED = ("customer_class_code", "pricing_scheme_code", "voltage_level_code", "is_time_of_use")
_TWO_PART_NEEDS = ("demand_basis_code", "contract_capacity_kva", "running_capacity_kva")


def terms_in_force(customers: Iterable[Row], month: BillingMonth) -> dict[str, Row]:
    """Of each customer the newest terms that hold on a day of the month.

    customers  Rows of silver_customers in any order.
    """
    found: dict[str, Row] = {}
    for row in sorted(customers, key=lambda row: (row["customer_id"], row["valid_from_date"])):
        if row["valid_from_date"] <= month.last_day and (row["valid_to_date"] is None or row["valid_to_date"] >= month.first_day):
            found[row["customer_id"]] = row
    return found


def contract_of(terms: Row) -> tuple[Contract | None, tuple[str, ...]]:
    """The contract in a row of silver_customers, or None and the columns that it lacks for a price."""
    needed: tuple[str, ...] = _ALWAYS_NEEDED
    if terms["pricing_scheme_code"] == PricingScheme.TWO_PART:
        needed += _TWO_PART_NEEDS
        needed += ("contract_demand_kw",) if terms["demand_basis_code"] == DemandBasis.CONTRACT_DEMAND else ()
    lacking = tuple(column for column in needed if terms[column] is None)
    if lacking:
        return None, lacking
    contract = Contract(
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
    return contract, ()


def account_determinants(metered: Sequence[Row], month: BillingMonth) -> Determinants:
    """The determinants of one account: energies of its meter points added, maximum demands added (each supply line is metered by itself).

    metered  Rows of gold_billing_determinants of one customer and the month, at least one. What one of them lacks, the account lacks.
    """
    periods = {period: _sum([row[f"{period.value}_kwh"] for row in metered]) for period in TouPeriod}
    known = {period: value for period, value in periods.items() if value is not None}
    demand = _sum([_decimal(row["max_demand_kw"]) for row in metered])
    return Determinants(
        month=month,
        energy_kwh=sum((row["energy_kwh"] for row in metered), Decimal(0)),
        energy_by_period=known if len(known) == len(periods) else None,
        max_demand_kw=None if demand is None else round_half_up(demand, DEMAND_STEP_KW),
        lagging_kvarh=_sum([row["lagging_kvarh"] for row in metered]),
        leading_kvarh=_sum([row["leading_kvarh"] for row in metered]),
        resolution_kwh=min(row["resolution_kwh"] for row in metered),
    )


def account_estimated_ratio(metered: Sequence[Row]) -> float:
    """The meter points' shares of estimated energy, weighted by their energy; the largest where there is no energy. [1]"""
    energy = [float(row["energy_kwh"]) for row in metered]
    if sum(energy) <= 0:
        return float(max(row["estimated_ratio"] for row in metered))
    return float(min(1.0, sum(share * row["estimated_ratio"] for share, row in zip(energy, metered, strict=True)) / sum(energy)))


def _sum(values: Sequence[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if len(known) == len(values) else None


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(value))
