"""From what meters counted to what contracts pay: registers over an exchange, transformer loss, shares of
several price classes.

No figure here is regulated: loss data stand on the transformer's plate, shares and deductions in the contract
of supply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from pipelines.codes import CustomerClass, TouPeriod
from pipelines.errors import UsageError
from pipelines.money import round_half_up, split_by_largest_remainder
from pipelines.tariff.contract import Contract, Determinants, Segment, SupplyMonth

Split = Mapping[TouPeriod, Decimal]


@dataclass(frozen=True)
class RegisterSpan:
    """One meter from one read to another; an exchange of meters or transformers begins the next span.

    first, last  Register before the multiplier.
    multiplier   Current times voltage transformer ratio. [1]
    digits       Digits before the decimal point, after which the register begins anew at 0.
    """

    first: Decimal
    last: Decimal
    multiplier: Decimal
    digits: int

    @property
    def energy_kwh(self) -> Decimal:
        """(last - first) x multiplier, over at most one new beginning at 0. [kWh or kvarh]"""
        top = Decimal(10) ** self.digits
        if not (0 <= self.first < top and 0 <= self.last < top and self.multiplier > 0):
            raise UsageError(
                f"The register reads {self.first} and {self.last} do not fit {self.digits} digits and "
                f"multiplier {self.multiplier}."
            )
        difference = self.last - self.first
        return (difference if difference >= 0 else difference + top) * self.multiplier


def registered_energy(spans: Sequence[RegisterSpan]) -> Decimal:
    """What a point counted over all meters of the month. [kWh or kvarh]"""
    return sum((span.energy_kwh for span in spans), Decimal(0))


@dataclass(frozen=True)
class TransformerLoss:
    """Losses of a transformer that is metered on its low side, to be added to what the meter counted.

    rated_kva               Rated power. [kVA]
    no_load_kw, load_kw     Losses without load and at rated load. [kW]
    no_load_ratio           Magnetising power as a share of the rated one (no-load current). [1]
    short_circuit_ratio     Short-circuit voltage as a share of the rated one. [1]
    shape_factor            Mean square over square of mean of the load, at least 1. [1]
    Equations over T hours with mean load S: active P0 T + Kt (S/Sn)^2 Pk T, reactive I0 Sn T + Kt (S/Sn)^2 Uk
    Sn T.
    """

    rated_kva: Decimal
    no_load_kw: Decimal
    load_kw: Decimal
    no_load_ratio: Decimal = Decimal(0)
    short_circuit_ratio: Decimal = Decimal(0)
    shape_factor: Decimal = Decimal(1)

    def energy(self, active_kwh: Decimal, reactive_kvarh: Decimal, hours: Decimal) -> tuple[Decimal, Decimal]:
        """Active and reactive loss of a span. [kWh, kvarh]"""
        if self.rated_kva <= 0 or hours <= 0 or self.shape_factor < 1:
            raise UsageError(
                "A transformer needs a rated power and hours above 0 and a shape factor of at least 1."
            )
        apparent_squared = active_kwh * active_kwh + reactive_kvarh * reactive_kvarh
        load = self.shape_factor * apparent_squared / (self.rated_kva * hours) ** 2
        active = (self.no_load_kw + load * self.load_kw) * hours
        reactive = (self.no_load_ratio + load * self.short_circuit_ratio) * self.rated_kva * hours
        return active, reactive


def with_transformer_loss(determinants: Determinants, loss: TransformerLoss) -> Determinants:
    """The month as it would have been metered on the high side.

    Losses are rounded half up to the register's resolution; the active loss is split over the periods by
    their energy, without energy
    it is flat. The maximum demand stays as metered. All reactive loss is lagging.
    """
    hours = Decimal(determinants.month.day_count * 24)
    lagging, leading = determinants.lagging_kvarh or Decimal(0), determinants.leading_kvarh or Decimal(0)
    active, reactive = loss.energy(determinants.energy_kwh, lagging + abs(leading), hours)
    step = determinants.resolution_kwh
    return with_added_loss(determinants, to_steps(active, step), to_steps(reactive, step))


def with_added_loss(determinants: Determinants, loss_kwh: Decimal, loss_kvarh: Decimal) -> Determinants:
    """The month with losses that are known already, in whole steps of the register: active over the periods,
    reactive as lagging.
    """
    split, step = determinants.energy_by_period, determinants.resolution_kwh
    return replace(
        determinants,
        energy_kwh=determinants.energy_kwh + loss_kwh,
        energy_by_period=None if split is None else with_added_energy(split, loss_kwh, step),
        lagging_kvarh=None if determinants.lagging_kvarh is None else determinants.lagging_kvarh + loss_kvarh,
    )


def with_added_energy(split: Split, added: Decimal, step: Decimal) -> Split:
    """Energy added over the periods by what they hold; flat where they hold none. [kWh]"""
    total = sum(split.values(), Decimal(0))
    if total == 0:
        return {**split, TouPeriod.FLAT: split.get(TouPeriod.FLAT, Decimal(0)) + added}
    parts = split_by_largest_remainder(added, [float(energy) for energy in split.values()], step)
    return {period: energy + part for (period, energy), part in zip(split.items(), parts, strict=True)}


@dataclass(frozen=True)
class Share:
    """A part of what the main meter counted that another price class pays.

    section      Name of the part on the bill, not empty.
    contract     Its own contract.
    ratio        Fixed share (定比) of the main meter's energy, before deductions. [1]
    quantity_kwh Fixed energy of the month (定量). [kWh]
    metered      Own sub-meter, deducted from the main one; its periods are those of its own contract.
    main_periods The sub-meter's energy by the main contract's periods, where its curve is known; else it is
    deducted in proportion. [kWh]
    Exactly one of ratio, quantity_kwh and metered is set.
    """

    section: str
    contract: Contract
    ratio: Decimal | None = None
    quantity_kwh: Decimal | None = None
    metered: Determinants | None = None
    main_periods: Split | None = None


def shared_supply(contract: Contract, main: Determinants, shares: Sequence[Share]) -> SupplyMonth:
    """A main meter with parts of other price classes behind it: each part a section, the rest the main
    contract's.

    Sub-meters are deducted by the main contract's periods where these are known; all else is taken from every
    period in proportion. The power factor is the main meter's, with all of its energy.
    Raises UsageError where the parts need more than the main meter counted.
    """
    names = [share.section for share in shares]
    if len(set(names)) != len(names) or "" in names:
        raise UsageError("Every part behind a main meter needs a name of its own.")
    left, left_split = main.energy_kwh, main.energy_by_period
    beside: list[Segment] = []
    for share in shares:
        energy = _taken(share, main)
        left -= energy
        if left_split is not None:
            left_split = deducted(left_split, energy, share.main_periods, main.resolution_kwh)
        if left < 0 or (left_split is not None and any(value < 0 for value in left_split.values())):
            raise UsageError(
                (
                    f"The parts behind the main meter need more than the {main.energy_kwh} kWh that it "
                    f"counted in {main.month}."
                ),
                "Check the fixed quantities and the sub-meters' reads.",
            )
        beside.append(_segment(share, energy, main))
    first = Segment(
        contract,
        main.month.first_day,
        main.month.last_day,
        left,
        left_split,
        main.max_demand_kw,
        running_days=main.running_days,
    )
    return SupplyMonth(
        main.month,
        (first, *beside),
        main.lagging_kvarh,
        main.leading_kvarh,
        _year_of_homes(contract, main, shares),
        main.exported_kwh,
        power_factor_kwh=main.energy_kwh,
    )


def _year_of_homes(contract: Contract, main: Determinants, shares: Sequence[Share]) -> Decimal:
    """The year's energy that residential tiers begin at: the main meter's where it is a home's, else that of
    the homes behind it. [kWh]
    """
    if contract.customer_class is CustomerClass.RESIDENTIAL:
        return main.year_to_date_kwh
    homes = [
        share.metered
        for share in shares
        if share.metered is not None and share.contract.customer_class is CustomerClass.RESIDENTIAL
    ]
    return main.year_to_date_kwh + sum((home.year_to_date_kwh for home in homes), Decimal(0))


def _taken(share: Share, main: Determinants) -> Decimal:
    """Energy of a part. [kWh]"""
    given = [value for value in (share.ratio, share.quantity_kwh, share.metered) if value is not None]
    if len(given) != 1:
        raise UsageError(f"The part {share.section!r} needs either a ratio, a quantity or a sub-meter.")
    if share.metered is not None:
        if share.metered.month != main.month:
            raise UsageError(
                f"The sub-meter of {share.section!r} was read for {share.metered.month}, the main meter for "
                f"{main.month}."
            )
        if (
            share.main_periods is not None
            and sum(share.main_periods.values(), Decimal(0)) != share.metered.energy_kwh
        ):
            raise UsageError(
                f"The periods of {share.section!r} do not sum to the {share.metered.energy_kwh} kWh of its "
                "sub-meter."
            )
        return share.metered.energy_kwh
    if share.ratio is not None:
        if not 0 <= share.ratio <= 1:
            raise UsageError(f"The ratio of {share.section!r} must lie between 0 and 1: {share.ratio}.")
        return to_steps(share.ratio * main.energy_kwh, main.resolution_kwh)
    quantity = share.quantity_kwh or Decimal(0)
    if quantity < 0 or to_steps(quantity, main.resolution_kwh) != quantity:
        raise UsageError(
            f"The quantity of {share.section!r} must be a whole number of {main.resolution_kwh} kWh, not "
            f"negative: {quantity}."
        )
    return quantity


def deducted(split: Split, energy: Decimal, own: Split | None, step: Decimal) -> Split:
    """What is left by period after a part was taken out, by its own periods or in proportion; below 0 where
    it is more than there was. [kWh]
    """
    if own is None:
        total = sum(split.values(), Decimal(0))
        if total == 0 and energy == 0:
            return split
        if energy > total:
            return {**split, TouPeriod.FLAT: Decimal(-1)}
        parts = split_by_largest_remainder(energy, [float(value) for value in split.values()], step)
        own = dict(zip(split, parts, strict=True))
    return {
        period: split.get(period, Decimal(0)) - own.get(period, Decimal(0))
        for period in dict.fromkeys([*split, *own])
    }


def _segment(share: Share, energy: Decimal, main: Determinants) -> Segment:
    metered = share.metered
    split = metered.energy_by_period if metered is not None else None
    if metered is None and share.contract.is_time_of_use:
        if share.contract.customer_class is CustomerClass.RESIDENTIAL or main.energy_by_period is None:
            raise UsageError(
                f"The part {share.section!r} pays by period; only a sub-meter of its own can tell its "
                "periods."
            )
        weights = [float(value) for value in main.energy_by_period.values()]
        parts = split_by_largest_remainder(energy, weights, main.resolution_kwh)
        split = dict(zip(main.energy_by_period, parts, strict=True))
    own = split if share.contract.is_time_of_use else None
    demand = metered.max_demand_kw if metered is not None else None
    return Segment(
        share.contract, main.month.first_day, main.month.last_day, energy, own, demand, section=share.section
    )


def to_steps(value: Decimal, step: Decimal) -> Decimal:
    """The nearest whole number of steps, half up."""
    return round_half_up(value / step, Decimal(1)) * step
