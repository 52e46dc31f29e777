"""Which file of ``conf/facts/`` holds which fact, and how its values are read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.errors import FactFileError
from pipelines.facts.contract_rules import (
    parse_demand_rule,
    parse_late_payment_daily,
    parse_notice,
    parse_pricing_scheme,
    parse_utilisation,
)
from pipelines.facts.dated import Dated
from pipelines.facts.emission_factors import parse_emission_factors
from pipelines.facts.fact_files import read_dated, read_raw_facts
from pipelines.facts.holidays import parse_holiday_names
from pipelines.facts.marked_yaml import MarkedMap, read_marked_yaml
from pipelines.facts.power_factor_adjustment import parse_not_adjusted, parse_power_factor_rule
from pipelines.facts.prices import (
    number_between,
    parse_period_prices,
    parse_price,
    parse_price_by_voltage,
    parse_tiers,
)
from pipelines.facts.scales import parse_resumption, parse_scale
from pipelines.facts.time_of_use import (
    parse_bound_months,
    parse_classes,
    parse_components,
    parse_floating,
    parse_ratios,
    parse_schedule,
)
from pipelines.facts.transfer_supply import parse_colours, parse_numbers, parse_ratio, parse_texts
from pipelines.units import Unit

Parser = Callable[[MarkedMap, MarkedMap], Any]

INDUSTRIES = "industries.csv"
MONTHLY_PRICES = "tariffs/energy_base_monthly.csv"
MONTHLY_CORRECTIONS = "tariffs/energy_base_corrections.csv"
FILES: dict[str, tuple[tuple[str, ...], dict[str, Parser]]] = {
    "tariffs/energy_base.yaml": ((), {"energy_base": parse_price}),
    "tariffs/funds.yaml": ((), {"funds": parse_price}),
    "tariffs/transmission.yaml": (
        ("reading",),
        {
            "transmission.two_part.energy": parse_price_by_voltage,
            "transmission.two_part.capacity": parse_price_by_voltage,
            "transmission.two_part.demand": parse_price_by_voltage,
            "transmission.single_part.energy": parse_price_by_voltage,
            "transmission.line_loss": parse_ratio,
        },
    ),
    "tariffs/residential_tiers.yaml": (
        (),
        {"residential.tiers": parse_tiers, "residential.combined": parse_price_by_voltage},
    ),
    "tariffs/catalogue.yaml": (
        (),
        {
            "catalogue.large_industry.energy": parse_price_by_voltage,
            "catalogue.large_industry.periods": parse_period_prices,
            "catalogue.general_commercial.energy": parse_price_by_voltage,
            "catalogue.basic.capacity": parse_price_by_voltage,
            "catalogue.basic.demand": parse_price_by_voltage,
        },
    ),
    "time_of_use.yaml": (
        (),
        {
            "time_of_use.schedule.large_industry": parse_schedule,
            "time_of_use.schedule.general_commercial": parse_schedule,
            "time_of_use.schedule.residential": parse_schedule,
            "time_of_use.ratios.large_industry": parse_ratios,
            "time_of_use.ratios.general_commercial": parse_ratios,
            "time_of_use.floating": parse_floating,
            "time_of_use.mandatory_classes": parse_classes,
            "time_of_use.option": parse_bound_months,
            "time_of_use.schedule.ev_charging": parse_schedule,
            "time_of_use.schedule.ev_charging_residential": parse_schedule,
        },
    ),
    "power_factor_adjustment.yaml": (
        (),
        {
            "power_factor.adjustment": parse_power_factor_rule,
            "power_factor.standards": parse_texts,
            "power_factor.not_adjusted": parse_not_adjusted,
            "power_factor.base_excludes": parse_components,
        },
    ),
    "basic_charge.yaml": (
        (),
        {
            "basic_charge.demand": parse_demand_rule,
            "basic_charge.utilisation": parse_utilisation,
            "basic_charge.running_days_per_month": number_between(28, 31, whole=True),
            "basic_charge.notice.basis": parse_notice,
            "basic_charge.notice.contract_demand": parse_notice,
        },
    ),
    "pricing_scheme.yaml": ((), {"pricing_scheme": parse_pricing_scheme}),
    "late_payment.yaml": (
        (),
        {
            "late_payment.daily": parse_late_payment_daily,
            "late_payment.minimum": parse_price,
            "late_payment.cap": parse_ratio,
            "late_payment.disconnection_after": number_between(0, 366, whole=True),
        },
    ),
    "emission_factors.yaml": (
        (),
        {"emission_factor": parse_emission_factors, "standard_coal": number_between(0, 1, above=True)},
    ),
    "published_scales.yaml": (
        (),
        {
            "carbon_code.intensity": parse_scale,
            "carbon_code.level": parse_scale,
            "energy_bill.grade": parse_scale,
            "resumption.index": parse_resumption,
        },
    ),
    "transfer_supply.yaml": (
        (),
        {
            "transfer_supply.colours": parse_colours,
            "transfer_supply.loss_cap": parse_ratio,
            "transfer_supply.lawful_modes": parse_texts,
            "transfer_supply.verification_after": number_between(1, 60, whole=True),
            "transfer_supply.loss_caps_elsewhere": parse_numbers,
        },
    ),
    "holidays.yaml": (("overrides", "complete_years"), {"holidays.names": parse_holiday_names}),
}
UNITS: dict[str, Unit] = {
    "energy_base": Unit.CNY_PER_KWH,
    "funds": Unit.CNY_PER_KWH,
    "transmission.two_part.energy": Unit.CNY_PER_KWH,
    "transmission.two_part.capacity": Unit.CNY_PER_KVA,
    "transmission.two_part.demand": Unit.CNY_PER_KW,
    "transmission.single_part.energy": Unit.CNY_PER_KWH,
    "transmission.line_loss": Unit.RATIO,
    "residential.tiers": Unit.CNY_PER_KWH,
    "residential.combined": Unit.CNY_PER_KWH,
    "catalogue.large_industry.energy": Unit.CNY_PER_KWH,
    "catalogue.large_industry.periods": Unit.CNY_PER_KWH,
    "catalogue.general_commercial.energy": Unit.CNY_PER_KWH,
    "catalogue.basic.capacity": Unit.CNY_PER_KVA,
    "catalogue.basic.demand": Unit.CNY_PER_KW,
    "time_of_use.ratios.large_industry": Unit.RATIO,
    "time_of_use.ratios.general_commercial": Unit.RATIO,
    "time_of_use.option": Unit.MONTHS,
    "power_factor.adjustment": Unit.PERCENT,
    "basic_charge.demand": Unit.RATIO,
    "basic_charge.running_days_per_month": Unit.DAYS,
    "pricing_scheme": Unit.KVA,
    "late_payment.daily": Unit.RATIO,
    "late_payment.minimum": Unit.CNY,
    "late_payment.cap": Unit.RATIO,
    "late_payment.disconnection_after": Unit.DAYS,
    "emission_factor": Unit.KG_CO2_PER_KWH,
    "transfer_supply.colours": Unit.RATIO,
    "transfer_supply.loss_cap": Unit.RATIO,
    "transfer_supply.verification_after": Unit.MONTHS,
    "transfer_supply.loss_caps_elsewhere": Unit.RATIO,
}
"""Unit of each fact, as its parser and the engine take it; the others have none."""


def read_fact_file(folder: Path, name: str) -> tuple[dict[str, Dated[Any]], MarkedMap]:
    """The facts of one file by id, and its content for the choices at its top; raises FactFileError."""
    option_keys, parsers = FILES[name]
    content = read_marked_yaml(folder / name, name)
    content.allow_only(("facts", *option_keys))
    for key in option_keys:
        content.require(key)
    found: dict[str, Dated[Any]] = {}
    for entry in read_raw_facts(content):
        fact_id = entry.text("fact_id")
        if fact_id not in parsers:
            raise entry.error(
                "fact_id", f"no fact named {fact_id!r} belongs here", f"Known: {', '.join(parsers)}."
            )
        if fact_id in found:
            raise entry.error("fact_id", f"{fact_id} stands twice")
        found[fact_id] = read_dated(entry, content, parsers[fact_id])
        if found[fact_id].unit is not UNITS.get(fact_id):
            raise entry.error(
                "unit", f"{fact_id} is in {UNITS.get(fact_id, 'none')}, not in {entry.text('unit')}"
            )
    for fact_id in parsers:
        if fact_id not in found:
            raise FactFileError(
                name, None, f"the fact {fact_id!r} is missing", "Restore it from the packaged conf/facts."
            )
    return found, content


def digest_of(folder: Path) -> str:
    """SHA-256 over every fact file, by name and content. [hex]"""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in {".yaml", ".csv"}):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
