"""Carbon emission factors of grid electricity and the standard-coal equivalent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pipelines.facts.fact_schema import FactReader, between

# No fuel gives more than about 1 kg for a kWh; a factor above 2 is one of a MWh or a tonne.
Factor = Annotated[Decimal, between(0, 2, above=True)]


@dataclass(frozen=True)
class EmissionFactors:
    """Factors published for one year of data; None where that year's publication was not read.

    data_year                 The year whose generation they describe.
    national                  National grid mean. [kgCO2/kWh]
    east_china                East China grid. [kgCO2/kWh]
    national_without_market   National, without non-fossil power that is traded on the market. [kgCO2/kWh]
    fossil                    National, fossil generation only. [kgCO2/kWh]
    """

    data_year: Annotated[int, between(1900, 2200, whole=True)]
    national: Factor
    east_china: Factor | None
    national_without_market: Factor | None
    fossil: Factor | None


EMISSION_FACTORS = FactReader[EmissionFactors](EmissionFactors)
"""The factors of one publication."""
