"""The file of a case, key by key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod, VoltageLevel
from pipelines.errors import FactFileError, UsageError, ZhixiangError
from pipelines.periods import BillingDays, BillingMonth, BillingPeriod
from pipelines.tariff.cases.own_prices import OwnPrices, TieredPrice
from pipelines.tariff.contract import Contract

PLAIN_NUMBER = re.compile(r"[-+]?\d{1,15}(\.\d{1,15})?", re.ASCII)
PLAIN_NUMBER_SAID = "write the number in plain decimals, at most 15 digits before and after the point"


def _plain(value: object) -> object:
    """A number as people write it; an exponent would make a figure out of any digits."""
    if isinstance(value, str | Decimal) and not PLAIN_NUMBER.fullmatch(
        str(value).strip() if isinstance(value, str) else f"{value:f}"
    ):
        raise ValueError(PLAIN_NUMBER_SAID)
    return value


def _month(value: object) -> object:
    """A month as text; YAML reads ``202609`` as a number and ``2026-09-01`` as a day."""
    if not isinstance(value, str):
        raise ValueError(f"write the month as YYYY-MM, for example 2026-09, not {value}")
    return value


Number = Annotated[Decimal, BeforeValidator(_plain)]


Positive = Annotated[Number, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ContractPart(_Part):
    """Terms of supply."""

    customer_class: CustomerClass = Field(description="Price class.")
    pricing_scheme: PricingScheme = Field(description="One- or two-part price.")
    voltage_level: VoltageLevel = Field(description="Supply voltage level.")
    supply_kv: Number | None = Field(
        None,
        gt=0,
        description=(
            "Nominal voltage, asked for where a catalogue prices 20 kV otherwise than 1 to 10 kV. [kV]"
        ),
    )
    is_time_of_use: bool = Field(description="Whether time-of-use prices apply.")
    contract_capacity_kva: Positive | None = Field(
        None, description="Capacity in the contract; two-part. [kVA]"
    )
    running_capacity_kva: Positive | None = Field(None, description="Capacity in operation; two-part. [kVA]")
    demand_basis: DemandBasis | None = Field(
        None, description="What the basic charge is raised on; two-part."
    )
    contract_demand_kw: Positive | None = Field(
        None, description="Contract maximum demand, where that is the basis. [kW]"
    )
    power_factor_standard: Number | None = Field(
        None, gt=0, le=1, description="Power factor to be reached; left out: no adjustment. [1]"
    )
    is_ev_charging: bool = Field(
        False, description="Whether a curve is split by the hours of charging points; industry and commerce."
    )
    household_persons: int | None = Field(
        None, ge=1, description="Residential: persons of the household, where registered."
    )
    is_combined_meter: bool = Field(False, description="Residential: one price without tiers.")
    supply_began: date | None = Field(
        None, description="Residential: day the supply began, where it lies in the year of the bill."
    )
    market_price_cny_per_kwh: Positive | None = Field(
        None, description="Energy price agreed on the market; left out: agent purchase. [CNY/kWh]"
    )
    export_price_cny_per_kwh: Positive | None = Field(
        None, description="What the grid pays for energy fed in. [CNY/kWh]"
    )
    keeps_single_part: bool = Field(
        False,
        description=(
            "Whether a capacity that asks for two-part prices had the single-part one before and chose to "
            "keep it."
        ),
    )

    def terms(self) -> Contract:
        """The contract as the engine takes it."""
        return Contract(**{name: value for name, value in self if name != "supply_kv"})


class MonthPart(_Part):
    """What was metered in one month; with a ``curve`` the energies, their periods and the highest demand come
    from there unless they stand beside it.
    """

    month: Annotated[str, BeforeValidator(_month)] = Field(description="Billing month, YYYY-MM.")
    from_day: date | None = Field(
        None,
        alias="from",
        description=(
            "First day of the billing period where the meters are not read at the month's end, YYYY-MM-DD; "
            "it stands with `to`. Left out: the calendar month."
        ),
    )
    to_day: date | None = Field(
        None, alias="to", description="Last day of that period, the reading day; it lies in `month`."
    )
    energy_kwh: Positive | None = Field(None, description="Active energy. [kWh]")
    energy_by_period: dict[TouPeriod, Positive] | None = Field(
        None, description="Its split over time-of-use periods, summing to it. [kWh]"
    )
    max_demand_kw: Positive | None = Field(None, description="Highest 15-minute mean power. [kW]")
    lagging_kvarh: Positive | None = Field(None, description="Lagging reactive energy. [kvarh]")
    leading_kvarh: Positive | None = Field(None, description="Leading reactive energy. [kvarh]")
    resolution_kwh: Number = Field(Decimal("0.01"), gt=0, description="Smallest step of the energies. [kWh]")
    year_to_date_kwh: Positive | None = Field(
        None,
        description=(
            "Residential: energy of the calendar year before this month; left out: that of the case's own "
            "months before it in the year. [kWh]"
        ),
    )
    exported_kwh: Positive = Field(Decimal(0), description="Energy fed into the grid. [kWh]")
    curve: str | None = Field(
        None,
        description=(
            "CSV beside the case with the header interval_start,energy_kwh, or with "
            "lagging_kvarh,leading_kvarh behind them: every 15 minutes of the month or period, local "
            "time. What stands beside it in the case is what the registers say and is priced; the curve then "
            "splits it."
        ),
    )

    @property
    def billed(self) -> BillingDays:
        """The days of the bill; raises UsageError where they are none."""
        month = BillingMonth.parse(self.month)
        if self.from_day is None or self.to_day is None:
            return month
        period = BillingPeriod(month, self.from_day, self.to_day)
        return month if (period.first_day, period.last_day) == (month.first_day, month.last_day) else period


class OwnPricesPart(_Part):
    """Prices of one's own: hourly periods by month and kind of day, monthly tiers, demand and capacity
    charges, funds, a power factor to be reached, a fixed charge. With ``energy_by_period`` a monthly bill is
    enough; hours need curves.
    """

    name: str = Field(description="What it is.")
    document: str = Field(description="Where it stands written.")
    energy: dict[str, tuple[Positive, ...]] = Field(
        description="Price of each period, one for each tier. [CNY/kWh]"
    )
    energy_limits: tuple[Positive, ...] = Field(
        (), description="Upper limits of all tiers but the last. [kWh per month]"
    )
    weekday_hours: tuple[tuple[str, ...], ...] = Field(
        (),
        description=(
            "Period of each hour: 12 months of 24 hours; may be left out where every month states "
            "energy_by_period."
        ),
    )
    weekend_hours: tuple[tuple[str, ...], ...] = Field((), description="The same on Saturdays and Sundays.")
    holidays: tuple[date, ...] = Field((), description="Days on which holiday_hours hold, YYYY-MM-DD.")
    holiday_hours: tuple[tuple[str, ...], ...] = Field((), description="The same on those days.")
    demand: dict[str, tuple[Positive, ...]] = Field(
        {}, description="Price of each demand period, any_time for the month's highest. [CNY/kW]"
    )
    demand_weekday_hours: tuple[tuple[str, ...], ...] = Field(
        (),
        description="Demand period of each hour, where demand has a price by period: 12 months of 24 hours.",
    )
    demand_weekend_hours: tuple[tuple[str, ...], ...] = Field(
        (), description="The same on Saturdays and Sundays."
    )
    demand_limits: tuple[Positive, ...] = Field(
        (), description="Upper limits of all demand tiers but the last. [kW]"
    )
    fixed_cny: Positive = Field(Decimal(0), description="Charge per month. [CNY]")
    capacity_kva: Positive | None = Field(None, description="Capacity that is charged. [kVA]")
    capacity_cny_per_kva: Positive | None = Field(None, description="Its price a month. [CNY/kVA]")
    funds_cny_per_kwh: Positive = Field(
        Decimal(0), description="On every kWh, and outside of what the power factor adjusts. [CNY/kWh]"
    )
    power_factor_standard: Number | None = Field(
        None,
        gt=0,
        le=1,
        description=(
            "Power factor to be reached: energy, demand and capacity are adjusted by the national table of "
            "conf/facts; left out: no adjustment. [1]"
        ),
    )

    def prices(self) -> OwnPrices:
        """The set as the engine takes it."""
        tiered = {
            name: {period: TieredPrice(prices) for period, prices in given.items()}
            for name, given in (("energy", self.energy), ("demand", self.demand))
        }
        return OwnPrices(**dict(self) | tiered | {"holidays": frozenset(self.holidays)})


class TariffCase(_Part):
    """A case to price: one contract over one or several months."""

    title: str = Field(description="What the case is about.")
    contract: ContractPart | None = Field(
        None, description="Terms of supply; may be left out beside own_prices, which know no contract."
    )
    months: list[MonthPart] = Field(min_length=1, description="What was metered, month by month.")
    known: date | None = Field(None, description="Only facts known by this day count; left out: all.")
    own_prices: OwnPricesPart | None = Field(
        None, description="A price set of one's own in place of the regulated one."
    )
    _places: tuple[str, ...] = PrivateAttr(())

    @property
    def agreed(self) -> ContractPart:
        """The contract; raises UsageError where the case has none."""
        if self.contract is None:
            raise UsageError("The case has no contract.", "docs/tariff-case.md describes every key.")
        return self.contract

    def read_from(self, places: tuple[str, ...]) -> None:
        """Remembers the file and line of each month, in order, for the errors of ``at_month``."""
        self._places = places

    @contextmanager
    def at_month(self, place: int) -> Iterator[None]:
        """What is found wrong with a month inside names its line of the file that the case was read from."""
        try:
            yield
        except FactFileError:  # names a place of its own
            raise
        except ZhixiangError as error:
            raise (error.at(self._places[place]) if self._places else error) from None


def case_schema() -> dict[str, Any]:
    """JSON Schema of the file."""
    return TariffCase.model_json_schema()
