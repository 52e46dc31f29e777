"""Carbon emission factors of grid electricity and the standard-coal equivalent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pipelines.facts.marked_yaml import MarkedMap


@dataclass(frozen=True)
class EmissionFactors:
    """Factors published for one year of data; None where that year's publication was not read.

    data_year                 The year whose generation they describe.
    national                  National grid mean. [kgCO2/kWh]
    east_china                East China grid. [kgCO2/kWh]
    national_without_market   National, without non-fossil power that is traded on the market. [kgCO2/kWh]
    fossil                    National, fossil generation only. [kgCO2/kWh]
    """

    data_year: int
    national: Decimal
    east_china: Decimal | None
    national_without_market: Decimal | None
    fossil: Decimal | None


_OPTIONAL = ("east_china", "national_without_market", "fossil")


def parse_emission_factors(written: MarkedMap, options: MarkedMap) -> EmissionFactors:
    """The factors of one publication."""
    del options
    value = written.mapping("value")
    value.allow_only(("data_year", "national", *_OPTIONAL))
    for key in value:
        # No fuel gives more than about 1 kg for a kWh; a factor above 2 is one of a MWh or a tonne.
        if value[key] is not None and key != "data_year":
            value.bounded(key, 0, 2, above=True)
    east, market, fossil = (value.decimal(key) if value.get(key) is not None else None for key in _OPTIONAL)
    return EmissionFactors(
        int(value.bounded("data_year", 1900, 2200, whole=True)),
        value.decimal("national"),
        east,
        market,
        fossil,
    )
