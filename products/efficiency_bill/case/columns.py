"""Columns of a bill that its case holds as they are."""

from __future__ import annotations

from datetime import date
from typing import NotRequired, TypedDict


class BillTerms(TypedDict):
    """Columns of silver_customers that a bill shows as they are."""

    customer_name: str
    customer_class_code: str | None
    pricing_scheme_code: str | None
    voltage_level_code: str | None
    is_time_of_use: bool | None
    contract_capacity_kva: float | None
    demand_basis_code: str | None
    contract_demand_kw: float | None
    power_factor_standard_ratio: float | None
    peer_group: str | None
    provenance: str


class CaseTerms(BillTerms):
    """Those that a case is kept with."""

    customer_id: str
    floor_area_m2: float | None


class ShownColumns(TypedDict):
    """Columns that come straight from the metering; the loss, of supplies that have one, is in the energy.
    The dates are those of a billing period that is not the calendar month.
    """

    meter_point_ids: list[str]
    max_demand_kw: float | None
    max_demand_date: date | None
    estimated_ratio: float
    is_estimated_above_limit: bool
    missing_inputs: list[str]
    transformer_loss_kwh: NotRequired[float]
    period_first_date: NotRequired[date]
    period_last_date: NotRequired[date]


class DayColumns(TypedDict):
    """Columns with one element per local day, None where it is not known. [kWh]"""

    day_kwh: list[float | None]
    day_expected_kwh: list[float | None]
    day_low_kwh: list[float | None]
    day_high_kwh: list[float | None]


def bill_terms(terms: BillTerms) -> BillTerms:
    """The terms alone of a row that has them."""
    return {
        "customer_name": terms["customer_name"],
        "customer_class_code": terms["customer_class_code"],
        "pricing_scheme_code": terms["pricing_scheme_code"],
        "voltage_level_code": terms["voltage_level_code"],
        "is_time_of_use": terms["is_time_of_use"],
        "contract_capacity_kva": terms["contract_capacity_kva"],
        "demand_basis_code": terms["demand_basis_code"],
        "contract_demand_kw": terms["contract_demand_kw"],
        "power_factor_standard_ratio": terms["power_factor_standard_ratio"],
        "peer_group": terms["peer_group"],
        "provenance": terms["provenance"],
    }
