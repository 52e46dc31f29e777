"""Energy lines under a catalogue of whole prices (目录电价), as it held before prices were composed; kept for
back-billing.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pipelines.codes import CustomerClass, LineComponent
from pipelines.errors import FactNotForContractError, UsageError
from pipelines.facts import Facts
from pipelines.tariff.charges.energy import checked_split, level_ground
from pipelines.tariff.contract import Segment
from pipelines.tariff.lines import BillLine, make_line
from pipelines.tariff.month_facts import ground, price_of_span, version_of_span
from pipelines.units import Unit


def catalogue_lines(segment: Segment, facts: Facts, known: date | None) -> list[BillLine]:
    """One whole price, or one per period; transmission and funds are inside it."""
    contract, catalogue = segment.contract, facts.catalogue
    if contract.market_price_cny_per_kwh is not None:
        raise UsageError(
            "A market price takes the place of the grid company's purchase; a catalogue has whole prices "
            "only."
        )
    if not contract.is_time_of_use:
        dated = catalogue.energy_of(contract.customer_class, segment.first_day)
        price, cited = price_of_span(
            dated, contract.voltage_level, segment.first_day, segment.last_day, known
        )
        formula = f"{segment.energy_kwh:f} kWh × {price:f} CNY/kWh (catalogue)"
        return [
            make_line(
                LineComponent.CATALOGUE_ENERGY,
                segment.energy_kwh,
                Unit.KWH,
                price,
                Unit.CNY_PER_KWH,
                (level_ground(dated, cited, contract),),
                formula,
            )
        ]
    split = checked_split(segment)
    periods = catalogue.periods
    version = version_of_span(periods, segment.first_day, segment.last_day, known)
    if (
        contract.customer_class is not CustomerClass.LARGE_INDUSTRY
        or contract.voltage_level not in version.value
    ):
        asked = f"{periods.fact_id}.{contract.customer_class.value}.{contract.voltage_level.value}"
        raise FactNotForContractError(
            asked, segment.first_day, f"large industry at {', '.join(version.value)}", periods.file
        )
    table = version.value[contract.voltage_level]
    unknown = [period.value for period in split if split[period] and period not in table]
    if unknown:
        raise FactNotForContractError(
            f"{periods.fact_id}.{unknown[0]}",
            segment.first_day,
            f"only the periods {', '.join(table)}",
            periods.file,
        )
    used = [period for period in table if split.get(period)] or [next(iter(table))]
    hours = facts.time_of_use.figures(contract.hours, segment.first_day, segment.last_day, known)
    lines = []
    for period in used:
        energy = split.get(period, Decimal(0))
        formula = f"{energy:f} kWh × {table[period]:f} CNY/kWh (catalogue)"
        grounds = (ground(periods, version, f".{contract.voltage_level.value}.{period.value}"), *hours)
        lines.append(
            make_line(
                LineComponent.CATALOGUE_ENERGY,
                energy,
                Unit.KWH,
                table[period],
                Unit.CNY_PER_KWH,
                grounds,
                formula,
                period,
            )
        )
    return lines
