"""A customer's account in one month: the terms in force, the contract in them, and what all its meter points
measured together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod, VoltageLevel
from pipelines.money import round_half_up
from pipelines.periods import BillingDays, BillingMonth, period_of
from pipelines.tables.rows.gold import GoldBillingDeterminantsRow, MainMeterRecord
from pipelines.tables.rows.silver import SilverCustomersRow, SilverSupplySharesRow
from pipelines.tariff import Contract, Segment, SupplyMonth
from pipelines.transforms.billing.metering import with_added_energy
from pipelines.transforms.billing.period_columns import known_periods, period_columns, periods_of

_Column = Literal[
    "customer_class_code",
    "pricing_scheme_code",
    "voltage_level_code",
    "is_time_of_use",
    "demand_basis_code",
    "contract_capacity_kva",
    "running_capacity_kva",
    "contract_demand_kw",
]

# A mean power is a difference of binary fractions; a ten-thousandth of a kilowatt is beyond any meter.
DEMAND_STEP_KW = Decimal("0.0001")

_ALWAYS_NEEDED: tuple[_Column, ...] = (
    "customer_class_code",
    "pricing_scheme_code",
    "voltage_level_code",
    "is_time_of_use",
)
_TWO_PART_NEEDS: tuple[_Column, ...] = ("demand_basis_code", "contract_capacity_kva", "running_capacity_kva")


def contract_of(terms: SilverCustomersRow) -> tuple[Contract | None, tuple[str, ...]]:
    """The contract in a row of silver_customers, or None and the columns that it lacks for a price."""
    needed = _ALWAYS_NEEDED
    if terms["pricing_scheme_code"] == PricingScheme.TWO_PART:
        needed += _TWO_PART_NEEDS
        if terms["demand_basis_code"] == DemandBasis.CONTRACT_DEMAND:
            needed += ("contract_demand_kw",)
    lacking = tuple(column for column in needed if terms[column] is None)
    price_class, scheme = terms["customer_class_code"], terms["pricing_scheme_code"]
    level = terms["voltage_level_code"]
    if lacking or price_class is None or scheme is None or level is None:
        return None, lacking
    contract = Contract(
        customer_class=CustomerClass(price_class),
        pricing_scheme=PricingScheme(scheme),
        voltage_level=VoltageLevel(level),
        is_time_of_use=bool(terms["is_time_of_use"]),
        contract_capacity_kva=as_decimal(terms["contract_capacity_kva"]),
        running_capacity_kva=as_decimal(terms["running_capacity_kva"]),
        demand_basis=DemandBasis(terms["demand_basis_code"]) if terms["demand_basis_code"] else None,
        contract_demand_kw=as_decimal(terms["contract_demand_kw"]),
        power_factor_standard=as_decimal(terms["power_factor_standard_ratio"]),
        household_persons=terms.get("household_persons"),
        is_combined_meter=bool(terms.get("is_combined_meter")),
        supply_began=terms.get("opened_date") if price_class == CustomerClass.RESIDENTIAL else None,
        market_price_cny_per_kwh=plain_price(terms.get("market_price_cny_per_kwh")),
        export_price_cny_per_kwh=plain_price(terms.get("export_price_cny_per_kwh")),
        is_ev_charging=bool(terms.get("is_ev_charging")),
    )
    return contract, ()


def contract_of_share(share: SilverSupplySharesRow) -> Contract:
    """The contract in a row of silver_supply_shares: single-part, the basic charge being the main
    contract's.
    """
    return Contract(
        customer_class=CustomerClass(share["customer_class_code"]),
        pricing_scheme=PricingScheme.SINGLE_PART,
        voltage_level=VoltageLevel(share["voltage_level_code"]),
        is_time_of_use=bool(share["is_time_of_use"]),
        power_factor_standard=as_decimal(share["power_factor_standard_ratio"]),
        household_persons=share["household_persons"],
        is_combined_meter=bool(share["is_combined_meter"]),
        market_price_cny_per_kwh=plain_price(share["market_price_cny_per_kwh"]),
    )


@dataclass(frozen=True)
class AccountTotals:
    """What all meter points of an account counted together in a month, priced or not.

    energy_by_period  None where one of them has no split over periods. [kWh]
    max_demand_kw     Of each supply line by itself, added up; None where one of them is not known. [kW]
    lagging_kvarh     Likewise; leading_kvarh too. [kvarh]
    resolution_kwh    The smallest step of the energies. [kWh]
    running_days      Days in operation; None: the whole month, or a month in segments, which have their own.
                      [d]
    year_to_date_kwh  Residential: energy of the calendar year before this month. [kWh]
    exported_kwh      Energy fed into the grid. [kWh]
    """

    energy_kwh: Decimal
    energy_by_period: Mapping[TouPeriod, Decimal] | None
    max_demand_kw: Decimal | None
    lagging_kvarh: Decimal | None
    leading_kvarh: Decimal | None
    resolution_kwh: Decimal
    running_days: int | None
    year_to_date_kwh: Decimal
    exported_kwh: Decimal


def account_totals(
    metered: Sequence[GoldBillingDeterminantsRow], running_days: int | None = None
) -> AccountTotals:
    """The totals of one account: energies of its meter points added, maximum demands added (each supply line
    is metered by itself).

    metered  Rows of gold_billing_determinants of one customer and month, at least one. What one of them
             lacks, the account lacks.
    The losses of transformers that are metered on their low side are added to what was metered.
    """
    metered = [with_loss(row) for row in metered]
    of_meters = [periods_of(row) for row in metered]
    periods = {period: _sum([energies[period] for energies in of_meters]) for period in TouPeriod}
    known = {period: value for period, value in periods.items() if value is not None}
    demand = _sum([as_decimal(row["max_demand_kw"]) for row in metered])
    return AccountTotals(
        energy_kwh=sum((row["energy_kwh"] for row in metered), Decimal(0)),
        energy_by_period=known if len(known) == len(periods) else None,
        max_demand_kw=None if demand is None else round_half_up(demand, DEMAND_STEP_KW),
        lagging_kvarh=_sum([row["lagging_kvarh"] for row in metered]),
        leading_kvarh=_sum([row["leading_kvarh"] for row in metered]),
        resolution_kwh=min(row["resolution_kwh"] for row in metered),
        running_days=running_days,
        year_to_date_kwh=_known_sum(row.get("year_to_date_kwh") for row in metered),
        exported_kwh=_known_sum(row.get("exported_kwh") for row in metered),
    )


def whole_supply(contract: Contract, days: BillingDays, totals: AccountTotals) -> SupplyMonth:
    """The month of an account that one contract prices whole."""
    whole = Segment(
        contract,
        days.first_day,
        days.last_day,
        totals.energy_kwh,
        totals.energy_by_period,
        totals.max_demand_kw,
        running_days=totals.running_days,
    )
    return SupplyMonth(
        BillingMonth.of(days.last_day),
        (whole,),
        totals.lagging_kvarh,
        totals.leading_kvarh,
        totals.year_to_date_kwh,
        totals.exported_kwh,
        resolution_kwh=totals.resolution_kwh,
        period=period_of(days),
    )


def with_loss(row: GoldBillingDeterminantsRow) -> GoldBillingDeterminantsRow:
    """A row of gold_billing_determinants as it would have been metered on the high side."""
    loss = row.get("transformer_loss_kwh")
    if loss is None:
        return row
    split = known_periods(row)
    if split is not None:
        added = with_added_energy(split, loss, row["resolution_kwh"])
        row = {**row, **period_columns(list(added.values()))}
    lagging, lost = row["lagging_kvarh"], row["transformer_loss_kvarh"]
    return {
        **row,
        "energy_kwh": row["energy_kwh"] + loss,
        "lagging_kvarh": lagging if lagging is None or lost is None else lagging + lost,
    }


def account_estimated_ratio(metered: Sequence[MainMeterRecord]) -> float:
    """The meter points' shares of estimated energy, weighted by their energy; the largest where there is no
    energy. [1]
    """
    energy = [float(row["energy_kwh"]) for row in metered]
    if sum(energy) <= 0:
        return float(max(row["estimated_ratio"] for row in metered))
    return float(
        min(
            1.0,
            sum(share * row["estimated_ratio"] for share, row in zip(energy, metered, strict=True))
            / sum(energy),
        )
    )


def _sum(values: Sequence[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if len(known) == len(values) else None


def _known_sum(values: Iterable[Decimal | None]) -> Decimal:
    """Sum of what only some meter points have; 0 where none has."""
    return sum((value for value in values if value is not None), Decimal(0))


def plain_price(value: Decimal | None) -> Decimal | None:
    """A price without the noughts that its column fills up with."""
    return None if value is None else Decimal(f"{value.normalize():f}")


def as_decimal(value: float | None) -> Decimal | None:
    """A figure of a contract as its double is written."""
    return None if value is None else Decimal(repr(value))
