"""What a bill is priced from: the terms of the contract and the determinants of the month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod, TouSchedule, VoltageLevel
from pipelines.periods import BillingDays, BillingMonth, BillingPeriod

CURVE = "curve"
REACTIVE_REGISTERS = "reactive_registers"


@dataclass(frozen=True)
class Contract:
    """Terms of supply on the days that they hold.

    is_time_of_use         Whether time-of-use prices apply.
    contract_capacity_kva  Capacity in the contract; needed for two-part prices. [kVA]
    running_capacity_kva   Capacity in operation; needed for two-part prices, 0 while all of it is suspended.
                           [kVA]
    demand_basis           What the basic charge is raised on; needed for two-part prices.
    contract_demand_kw     Contract maximum demand; needed where that is the basis. [kW]
    power_factor_standard  Power factor to be reached; None where no adjustment applies. [1]
    household_persons      Residential: persons of the household, where registered.
    is_combined_meter      Residential: one price without tiers, for several dwellings behind one meter (合表)
                           or a large household's choice.
    supply_began           Residential: day the supply began, where that lies in the year of the bill.
    market_price_cny_per_kwh  Energy price agreed on the market, in place of the grid company's purchase
                              (代理购电); None: that one. [CNY/kWh]
    export_price_cny_per_kwh  What the grid pays for energy fed in; None where nothing is bought. [CNY/kWh]
    keeps_single_part      Whether a single-part customer of a capacity that asks for two parts had that price
                           before and chose to keep it.
    is_ev_charging         Whether the hours of charging points for electric vehicles split the energy; the
                           ratios are those of the class.
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
    market_price_cny_per_kwh: Decimal | None = None
    export_price_cny_per_kwh: Decimal | None = None
    keeps_single_part: bool = False
    is_ev_charging: bool = False

    @property
    def hours(self) -> TouSchedule | None:
        """Whose time-of-use hours split the energy; None for residential charging points, whose hours have no
        price.
        """
        return TouSchedule.of(self.customer_class, self.is_ev_charging)


@dataclass(frozen=True)
class Segment:
    """Days of a month on which one contract prices one part of the supply.

    first_day, last_day  Both count.
    energy_kwh           Active energy of these days in this section. [kWh]
    energy_by_period     Its split over time-of-use periods, summing to it exactly; None without a curve.
                         [kWh]
    max_demand_kw        Highest 15-minute mean power of these days; None without a curve. [kW]
    section              Segments of one section follow one another in time; sections lie beside one another,
                         such as the dormitory behind a factory's meter.
    running_days         Days in operation; None: every day of the segment. [d]
    """

    contract: Contract
    first_day: date
    last_day: date
    energy_kwh: Decimal
    energy_by_period: Mapping[TouPeriod, Decimal] | None = None
    max_demand_kw: Decimal | None = None
    section: str = ""
    running_days: int | None = None

    @classmethod
    def of_month(
        cls,
        contract: Contract,
        month: BillingDays,
        energy_kwh: Decimal,
        energy_by_period: Mapping[TouPeriod, Decimal] | None = None,
        max_demand_kw: Decimal | None = None,
        running_days: int | None = None,
    ) -> Segment:
        """A whole month, or its period, under one contract."""
        first, last = month.first_day, month.last_day
        return cls(
            contract,
            first,
            last,
            energy_kwh,
            energy_by_period,
            max_demand_kw,
            running_days=running_days,
        )


@dataclass(frozen=True)
class SupplyMonth:
    """One billing month of a supply in segments; its reactive energy, like its power factor, is the whole
    month's. Where the meters are read on another day, every "month" here is the period.

    lagging_kvarh, leading_kvarh  Reactive energy of the month; None without the register. [kvarh]
    year_to_date_kwh              Residential: energy of the calendar year before this month. [kWh]
    exported_kwh                  Energy fed into the grid, paid at the export price of the first section that
                                  has one, by days where it changes. [kWh]
    power_factor_kwh              Active energy beside the reactive one; None: that of all segments. [kWh]
    resolution_kwh                Register resolution times multiplier: the smallest step of the energies.
                                  [kWh]
    period                        Its days where they are not the calendar month.
    """

    month: BillingMonth
    segments: tuple[Segment, ...]
    lagging_kvarh: Decimal | None = None
    leading_kvarh: Decimal | None = None
    year_to_date_kwh: Decimal = Decimal(0)
    exported_kwh: Decimal = Decimal(0)
    power_factor_kwh: Decimal | None = None
    resolution_kwh: Decimal = Decimal("0.01")
    period: BillingPeriod | None = None

    @property
    def energy_kwh(self) -> Decimal:
        """Energy of all segments. [kWh]"""
        return sum((segment.energy_kwh for segment in self.segments), Decimal(0))

    @property
    def active_kwh(self) -> Decimal:
        """Active energy beside the reactive one. [kWh]"""
        return self.energy_kwh if self.power_factor_kwh is None else self.power_factor_kwh

    @property
    def billed(self) -> BillingDays:
        """The days of the bill: the period, or the month."""
        return self.month if self.period is None else self.period

    @property
    def days(self) -> tuple[date, date]:
        """First and last day of the bill."""
        return self.billed.first_day, self.billed.last_day

    @property
    def is_one_month(self) -> bool:
        """Whether charges per month are due once: for a calendar month, or from one reading to that of the
        same day a month later.
        """
        return self.period is None or self.period.is_one_month

    @property
    def is_whole(self) -> bool:
        """Whether one contract prices all that was metered: nothing is cut off, taken out or priced apart."""
        return len(self.segments) == 1 and self.power_factor_kwh is None

    @property
    def contract(self) -> Contract:
        """The contract of the main part on its last day."""
        return next(each.contract for each in reversed(self.segments) if not each.section)

    @property
    def missing_inputs(self) -> tuple[str, ...]:
        """What the contracts ask for and the month lacks, by the names of ``gold_billing_determinants``.

        Without ``curve`` such a month cannot be priced; without ``reactive_registers`` the bill only lacks
        its adjustment.
        """
        missing: list[str] = []
        if any(map(_lacks_curve, self.segments)):
            missing.append(CURVE)
        adjusted = any(segment.contract.power_factor_standard is not None for segment in self.segments)
        if adjusted and (self.lagging_kvarh is None or self.leading_kvarh is None):
            missing.append(REACTIVE_REGISTERS)
        return tuple(missing)


def _lacks_curve(segment: Segment) -> bool:
    contract = segment.contract
    needs_demand = (
        contract.pricing_scheme is PricingScheme.TWO_PART
        and contract.demand_basis is not DemandBasis.CAPACITY
    )
    # While all capacity is suspended no demand is charged.
    needs_demand = needs_demand and contract.running_capacity_kva != 0
    return (contract.is_time_of_use and segment.energy_by_period is None) or (
        needs_demand and segment.max_demand_kw is None
    )
