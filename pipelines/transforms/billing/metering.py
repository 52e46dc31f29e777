"""What meters do not count themselves: losses of a transformer, and energy added to or taken out of periods.

No figure here is regulated: loss data stand on the transformer's plate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pipelines.codes import TouPeriod
from pipelines.errors import UsageError
from pipelines.money import split_by_largest_remainder

Split = Mapping[TouPeriod, Decimal]


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


def with_added_energy(split: Split, added: Decimal, step: Decimal) -> Split:
    """Energy added over the periods by what they hold; flat where they hold none. [kWh]"""
    total = sum(split.values(), Decimal(0))
    if total == 0:
        return {**split, TouPeriod.FLAT: split.get(TouPeriod.FLAT, Decimal(0)) + added}
    parts = split_by_largest_remainder(added, [float(energy) for energy in split.values()], step)
    return {period: energy + part for (period, energy), part in zip(split.items(), parts, strict=True)}


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
