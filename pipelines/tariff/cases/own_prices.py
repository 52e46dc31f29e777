"""A price set of one's own: hourly periods by month and kind of day, monthly tiers, demand charges, a fixed
charge; and what a Chinese offer has beside them: a capacity charge, funds, a power factor to be reached,
holidays.

For what-ifs, foreign tariffs and offers of a retailer; nothing of it is regulated, so no fact stands behind a
line.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from pipelines.errors import UsageError
from pipelines.money import round_half_up, round_to_fen, split_by_largest_remainder
from pipelines.periods import BillingMonth
from pipelines.units import Unit

ANY_TIME = "any_time"
"""Demand period of the month's highest demand whenever it was."""
STEP = Decimal("0.000001")
_HOURS = 24
_MONTHS = 12

HourTable = tuple[tuple[str, ...], ...]


class OwnPricesError(UsageError):
    """A price set that is not whole.

    key  The part of it that is wrong.
    """

    def __init__(self, key: str, message: str, hint: str = "") -> None:
        self.key = key
        super().__init__(message, hint)


@dataclass(frozen=True)
class TieredPrice:
    """Prices of one period by tier; as many as there are limits and one more."""

    prices: tuple[Decimal, ...]


@dataclass(frozen=True)
class OwnPrices:
    """A price set; all prices in CNY before any rounding, per kWh, per kW and month, and per month.

    energy, demand  Prices per period and tier; the demand period ANY_TIME is the month's highest. Limits are
                    the upper ones of all tiers but the last, of the month's energy and the highest demand.
    ..._hours       Period of each hour, a row per month of the year; on weekends those of Saturdays and
                    Sundays, on ``holidays`` those of holidays. Those of demand are empty where only ANY_TIME
                    is charged, those of energy where every month states its energy by period. [12][24]
    capacity_...    What a kVA costs a month, and of how many. [kVA, CNY/kVA]
    funds_cny_per_kwh      On every kWh, and outside of what the power factor adjusts. [CNY/kWh]
    power_factor_standard  To be reached; None: no adjustment. [1]
    """

    name: str
    document: str
    energy: Mapping[str, TieredPrice]
    weekday_hours: HourTable = ()
    weekend_hours: HourTable = ()
    energy_limits: tuple[Decimal, ...] = ()
    demand: Mapping[str, TieredPrice] | None = None
    demand_limits: tuple[Decimal, ...] = ()
    demand_weekday_hours: HourTable = ()
    demand_weekend_hours: HourTable = ()
    fixed_cny: Decimal = Decimal(0)
    capacity_kva: Decimal | None = None
    capacity_cny_per_kva: Decimal | None = None
    funds_cny_per_kwh: Decimal = Decimal(0)
    power_factor_standard: Decimal | None = None
    holidays: frozenset[date] = frozenset()
    holiday_hours: HourTable = ()

    def __post_init__(self) -> None:
        _check_prices("energy", self.energy, self.energy_limits)
        if self.weekday_hours or self.weekend_hours:
            _check_hours("energy", "weekday_hours", self.weekday_hours, self.energy)
            _check_hours("energy", "weekend_hours", self.weekend_hours, self.energy)
        if self.holidays or self.holiday_hours:
            _check_hours("holiday", "holiday_hours", self.holiday_hours, self.energy)
            if not self.holidays or not self.weekday_hours:
                lacks = "weekday_hours" if self.holidays else "holidays"
                raise OwnPricesError("holiday_hours", f"Holiday hours are given, but {lacks} are not.")
        if (self.capacity_kva is None) != (self.capacity_cny_per_kva is None):
            raise OwnPricesError(
                "capacity_cny_per_kva" if self.capacity_kva is None else "capacity_kva",
                "A capacity charge needs both capacity_kva and capacity_cny_per_kva.",
            )
        demand = self.demand or {}
        _check_prices("demand", demand, self.demand_limits)
        if set(demand) - {ANY_TIME}:
            _check_hours("demand", "demand_weekday_hours", self.demand_weekday_hours, demand)
            _check_hours("demand", "demand_weekend_hours", self.demand_weekend_hours, demand)
        elif self.demand_weekday_hours or self.demand_weekend_hours:
            raise OwnPricesError("demand", "Demand hours are given, but demand has no price by period.")
        if self.fixed_cny < 0:
            raise OwnPricesError(
                "fixed_cny", f"{self.name}: a fixed charge must not be negative: {self.fixed_cny}."
            )


@dataclass(frozen=True)
class OwnMonth:
    """What was metered in a month, by the periods of a price set. [kWh, kW]"""

    month: BillingMonth
    energy_kwh: Mapping[str, Decimal]
    demand_kw: Mapping[str, Decimal]


@dataclass(frozen=True)
class OwnLine:
    """One line: quantity x unit price, rounded once.

    kind  ``energy``, ``demand``, ``capacity``, ``funds``, ``fixed`` or ``power_factor``, whose quantity is
          its base in CNY and whose price is the ratio; tier: from 1.
    """

    kind: str
    period: str
    tier: int
    quantity: Decimal
    quantity_unit: str
    unit_price: Decimal
    amount_cny: Decimal


@dataclass(frozen=True)
class OwnBill:
    """A month under a price set of one's own.

    total_cny      Sum of the lines.
    unrounded_cny  The same before any rounding, for comparison with engines that do not round.
    """

    month: BillingMonth
    lines: tuple[OwnLine, ...]
    total_cny: Decimal
    unrounded_cny: Decimal


def price_own(prices: OwnPrices, measured: OwnMonth, adjustment: Decimal | None = None) -> OwnBill:
    """Prices one month; energy in tiers of the month's total, of which each period takes its share.

    adjustment  Ratio by which the power factor raises or lowers energy, demand and capacity. [1]
    """
    unknown = sorted(set(measured.energy_kwh) - set(prices.energy)) + sorted(
        set(measured.demand_kw) - set(prices.demand or {})
    )
    if unknown:
        raise UsageError(f"{prices.name} has no price for the period {unknown[0]!r}.")
    if any(value < 0 for value in (*measured.energy_kwh.values(), *measured.demand_kw.values())):
        raise UsageError(f"Energy and demand of {measured.month} must not be negative.")
    lines = [*_metered(prices, measured)]
    if prices.capacity_kva and prices.capacity_cny_per_kva is not None:
        lines.append(_line("capacity", "", 0, prices.capacity_kva, Unit.KVA, prices.capacity_cny_per_kva))
    adjusted = sum((line.amount_cny for line in lines), Decimal("0.00"))
    if prices.funds_cny_per_kwh:
        energy = sum(measured.energy_kwh.values(), Decimal(0))
        lines.append(_line("funds", "", 0, energy, Unit.KWH, prices.funds_cny_per_kwh))
    if adjustment is not None:
        lines.append(_line("power_factor", "", 0, adjusted, Unit.CNY, adjustment))
    if prices.fixed_cny:
        lines.append(_line("fixed", "", 0, Decimal(1), Unit.MONTHS, prices.fixed_cny))
    total = sum((line.amount_cny for line in lines), Decimal("0.00"))
    return OwnBill(
        measured.month,
        tuple(lines),
        total,
        sum((line.quantity * line.unit_price for line in lines), Decimal(0)),
    )


def _metered(prices: OwnPrices, measured: OwnMonth) -> Iterator[OwnLine]:
    """Energy by tier and period, then demand by period and tier."""
    for tier, parts in enumerate(_energy_tiers(prices, measured)):
        for period, part in parts.items():
            if part:
                yield _line("energy", period, tier, part, Unit.KWH, prices.energy[period].prices[tier])
    for period, demand in measured.demand_kw.items():
        for tier, part in enumerate(_tiers(demand, prices.demand_limits)):
            if part:
                price = (prices.demand or {})[period].prices[tier]
                yield _line("demand", period, tier, part, Unit.KW, price)


def _energy_tiers(prices: OwnPrices, measured: OwnMonth) -> list[dict[str, Decimal]]:
    """Energy by tier and period; each tier takes its share of what every period has left, so that nothing is
    lost.
    """
    left = dict(measured.energy_kwh)
    found: list[dict[str, Decimal]] = []
    for part in _tiers(sum(left.values(), Decimal(0)), prices.energy_limits):
        shares = (
            split_by_largest_remainder(part, [float(energy) for energy in left.values()], STEP)
            if part
            else [Decimal(0)] * len(left)
        )
        found.append(dict(zip(left, shares, strict=True)))
        left = {period: energy - taken for (period, energy), taken in zip(left.items(), shares, strict=True)}
    return found


def _tiers(value: Decimal, limits: Sequence[Decimal]) -> list[Decimal]:
    edges = [Decimal(0), *limits]
    parts = [max(Decimal(0), min(value, high) - low) for low, high in zip(edges, limits, strict=False)]
    return [*parts, max(Decimal(0), value - edges[-1])]


def _line(kind: str, period: str, tier: int, quantity: Decimal, unit: Unit, price: Decimal) -> OwnLine:
    return OwnLine(kind, period, tier + 1, quantity, unit.value, price, round_to_fen(quantity * price))


def own_months(
    prices: OwnPrices, first_day: date, energy_kwh: Sequence[float], minutes: int
) -> list[OwnMonth]:
    """A curve as the months of a price set.

    first_day   Local day whose first interval the curve begins with.
    energy_kwh  Energy of each interval; none may be missing or negative. [kWh]
    minutes     Length of an interval, a divisor of 60. [min]
    """
    if minutes <= 0 or 60 % minutes:
        raise UsageError(f"{minutes} minutes are no part of an hour.")
    months: dict[BillingMonth, tuple[dict[str, list[float]], dict[str, float]]] = {}
    at, step = datetime.combine(first_day, datetime.min.time()), timedelta(minutes=minutes)
    demands = prices.demand or {}
    for value in energy_kwh:
        if not value >= 0:
            raise UsageError(
                f"The curve has no energy at {at:%Y-%m-%d %H:%M}.",
                "Fill the gaps of a curve before it is priced.",
            )
        is_weekend = at.weekday() >= 5
        hours = prices.weekend_hours if is_weekend else prices.weekday_hours
        if at.date() in prices.holidays:
            hours = prices.holiday_hours
        energies, peaks = months.setdefault(BillingMonth.of(at.date()), ({}, {}))
        energies.setdefault(_period(hours, at), []).append(value)
        power = value * (60 / minutes)
        if ANY_TIME in demands:
            peaks[ANY_TIME] = max(peaks.get(ANY_TIME, 0.0), power)
        if prices.demand_weekday_hours:
            period = _period(prices.demand_weekend_hours if is_weekend else prices.demand_weekday_hours, at)
            peaks[period] = max(peaks.get(period, 0.0), power)
        at += step
    return [
        OwnMonth(
            month,
            {period: _decimal(math.fsum(values)) for period, values in sorted(energies.items())},
            {period: _decimal(peak) for period, peak in sorted(peaks.items())},
        )
        for month, (energies, peaks) in sorted(months.items())
    ]


def _period(hours: HourTable, at: datetime) -> str:
    return hours[at.month - 1][at.hour]


def _decimal(value: float) -> Decimal:
    return round_half_up(Decimal(repr(value)), STEP)


def _check_prices(what: str, prices: Mapping[str, TieredPrice], limits: Sequence[Decimal]) -> None:
    if any(later <= earlier for earlier, later in zip((Decimal(0), *limits), limits, strict=False)):
        raise OwnPricesError(
            f"{what}_limits", f"The {what} tiers must rise: {', '.join(str(limit) for limit in limits)}."
        )
    for period, tiered in prices.items():
        if len(tiered.prices) != len(limits) + 1:
            raise OwnPricesError(
                what,
                f"The {what} period {period!r} has {len(tiered.prices)} prices for {len(limits) + 1} tiers.",
            )
        if any(price < 0 for price in tiered.prices):
            raise OwnPricesError(what, f"A price of the {what} period {period!r} is negative.")


def _check_hours(what: str, key: str, hours: HourTable, prices: Mapping[str, TieredPrice]) -> None:
    if len(hours) != _MONTHS or any(len(row) != _HOURS for row in hours):
        raise OwnPricesError(key, f"The {what} hours must be {_MONTHS} rows of {_HOURS}.")
    unknown = sorted({period for row in hours for period in row} - set(prices))
    if unknown:
        raise OwnPricesError(
            key, f"The {what} period {unknown[0]!r} has no price.", f"Known: {', '.join(prices)}."
        )
