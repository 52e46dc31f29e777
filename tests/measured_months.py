"""A month as a meter counts it, written down before it is told whose contract prices it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pipelines.codes import TouPeriod
from pipelines.periods import BillingMonth
from pipelines.tariff import Contract, Segment, SupplyMonth


@dataclass(frozen=True)
class Measured:
    month: BillingMonth
    energy_kwh: Decimal
    energy_by_period: Mapping[TouPeriod, Decimal] | None
    max_demand_kw: Decimal | None
    lagging_kvarh: Decimal | None
    leading_kvarh: Decimal | None
    resolution_kwh: Decimal
    running_days: int | None = None
    year_to_date_kwh: Decimal = Decimal(0)
    exported_kwh: Decimal = Decimal(0)


def supply_of(contract: Contract, measured: Measured) -> SupplyMonth:
    """The month under one contract."""
    whole = Segment.of_month(
        contract,
        measured.month,
        measured.energy_kwh,
        measured.energy_by_period,
        measured.max_demand_kw,
        measured.running_days,
    )
    return SupplyMonth(
        measured.month,
        (whole,),
        measured.lagging_kvarh,
        measured.leading_kvarh,
        measured.year_to_date_kwh,
        measured.exported_kwh,
        resolution_kwh=measured.resolution_kwh,
    )
