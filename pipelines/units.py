"""Units of measured and billed quantities, and the column suffix that each demands."""

from __future__ import annotations

from enum import StrEnum


class Unit(StrEnum):
    """A physical or monetary unit. A column of it must end in ``_`` + its suffix."""

    KWH = "kWh"
    KVARH = "kvarh"
    KWH_OR_KVARH = "kWh or kvarh, by channel"
    KW = "kW"
    KW_OR_KVAR = "kW or kvar, by channel"
    KVA = "kVA"
    CNY = "CNY"
    CNY_PER_KWH = "CNY/kWh"
    CNY_PER_KW = "CNY/kW"
    CNY_PER_KVA = "CNY/kVA"
    CELSIUS = "degC"
    SQUARE_METRE = "m2"
    KWH_PER_M2 = "kWh/m2"
    KG_CO2 = "kgCO2"
    KG_CO2_PER_KWH = "kgCO2/kWh"
    RATIO = "1"
    PERCENT = "%"
    DAYS = "d"
    HOURS = "h"
    MINUTES = "min"
    MONTHS = "months"
    YEARS = "years"
    BYTES = "bytes"
    UNSCALED = "register units before the multiplier"
    POINTS = "points"

    @property
    def suffix(self) -> str:
        """How the name of a column of this unit ends.

        >>> Unit.CNY_PER_KWH.suffix
        'cny_per_kwh'
        """
        return _SUFFIXES[self]


_SUFFIXES = {
    Unit.KWH: "kwh",
    Unit.KVARH: "kvarh",
    Unit.KWH_OR_KVARH: "kwh_or_kvarh",
    Unit.KW: "kw",
    Unit.KW_OR_KVAR: "kw_or_kvar",
    Unit.KVA: "kva",
    Unit.CNY: "cny",
    Unit.CNY_PER_KWH: "cny_per_kwh",
    Unit.CNY_PER_KW: "cny_per_kw",
    Unit.CNY_PER_KVA: "cny_per_kva",
    Unit.CELSIUS: "celsius",
    Unit.SQUARE_METRE: "m2",
    Unit.KWH_PER_M2: "kwh_per_m2",
    Unit.KG_CO2: "kg_co2",
    Unit.KG_CO2_PER_KWH: "kg_co2_per_kwh",
    Unit.RATIO: "ratio",
    Unit.PERCENT: "pct",
    Unit.DAYS: "days",
    Unit.HOURS: "hours",
    Unit.MINUTES: "minutes",
    Unit.MONTHS: "months",
    Unit.YEARS: "years",
    Unit.BYTES: "bytes",
    Unit.UNSCALED: "unscaled",
    Unit.POINTS: "points",
}
