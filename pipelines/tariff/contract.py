"""What a bill is priced from: the terms of the contract and the determinants of the month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod, VoltageLevel
from pipelines.periods import BillingMonth

CURVE = "curve"
REACTIVE_REGISTERS = "reactive_registers"


@dataclass(frozen=True)
class Contract:
    """Terms of supply in one billing month.

    is_time_of_use         Whether time-of-use prices apply.
    contract_capacity_kva  Capacity in the contract; needed for two-part prices. [kVA]
    running_capacity_kva   Capacity in operation; needed for two-part prices. [kVA]
    demand_basis           What the basic charge is raised on; needed for two-part prices.
    contract_demand_kw     Contract maximum demand; needed where that is the basis. [kW]
    power_factor_standard  Power factor to be reached; None where no adjustment applies. [1]
    household_persons      Residential: persons of the household, where registered.
    is_combined_meter      Residential: one meter for several dwellings (合表), one price without tiers.
    supply_began           Residential: day the supply began, where that lies in the year of the bill.
    """

    customer_class: CustomerClass
    pricing_scheme: PricingScheme
    voltage_level: VoltageLevel
    is_time_of_use: bool
    contract_capacity_kva: Decimal | None = None
    running_capacity_kva: Decimal | None = None
    demand_basis: DemandBasis | None = None
    contract_demand_kw: Decimal | None = None
    power_factor_standard: Decimal | None = None
    household_persons: int | None = None
    is_combined_meter: bool = False
    supply_began: date | None = None


@dataclass(frozen=True)
class Determinants:
    """What was metered in one billing month.

    energy_kwh        Active energy that the registers settled. [kWh]
    energy_by_period  Its split over time-of-use periods, summing to it exactly; None without a curve. [kWh]
    max_demand_kw     Highest 15-minute mean power; None without a curve. [kW]
    lagging_kvarh     Lagging reactive energy; None without the register. [kvarh]
    leading_kvarh     Leading reactive energy; None without the register. [kvarh]
    resolution_kwh    Register resolution times multiplier: the smallest step of the energies. [kWh]
    running_days      Days in operation where the contract does not hold the whole month; None: the whole month. [d]
    year_to_date_kwh  Residential: energy of the calendar year before this month. [kWh]
    """

    month: BillingMonth
    energy_kwh: Decimal
    energy_by_period: Mapping[TouPeriod, Decimal] | None
    max_demand_kw: Decimal | None
    lagging_kvarh: Decimal | None
    leading_kvarh: Decimal | None
    resolution_kwh: Decimal
    running_days: int | None = None
    year_to_date_kwh: Decimal = Decimal(0)


def missing_inputs(contract: Contract, determinants: Determinants) -> tuple[str, ...]:
    """Inputs that the contract asks for and the month lacks, by the names of ``gold_billing_determinants``.

    Without ``curve`` such a contract cannot be priced; without ``reactive_registers`` the bill only lacks its adjustment.
    """
    missing: list[str] = []
    needs_demand = contract.pricing_scheme is PricingScheme.TWO_PART and contract.demand_basis is not DemandBasis.CAPACITY
    if (contract.is_time_of_use and determinants.energy_by_period is None) or (needs_demand and determinants.max_demand_kw is None):
        missing.append(CURVE)
    if contract.power_factor_standard is not None and (determinants.lagging_kvarh is None or determinants.leading_kvarh is None):
        missing.append(REACTIVE_REGISTERS)
    return tuple(missing)
