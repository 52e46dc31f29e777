"""Which file of ``conf/facts/`` holds which fact, and how its values are read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.errors import FactFileError
from pipelines.facts.contract_rules import parse_demand_rule, parse_late_payment_daily, parse_notice, parse_pricing_scheme, parse_utilisation
from pipelines.facts.dated import Dated
from pipelines.facts.emission_factors import parse_emission_factors
from pipelines.facts.fact_files import read_dated, read_raw_facts
from pipelines.facts.holidays import parse_holiday_names
from pipelines.facts.marked_yaml import MarkedMap, read_marked_yaml
from pipelines.facts.power_factor_adjustment import parse_not_adjusted, parse_power_factor_rule
from pipelines.facts.prices import parse_period_prices, parse_price, parse_price_by_voltage, parse_tiers
from pipelines.facts.time_of_use import parse_bound_months, parse_classes, parse_components, parse_ratios, parse_schedule
from pipelines.facts.transfer_supply import parse_colours, parse_numbers, parse_ratio, parse_texts

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
    "tariffs/residential_tiers.yaml": ((), {"residential.tiers": parse_tiers, "residential.combined": parse_price_by_voltage}),
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
            "time_of_use.floating": parse_components,
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
            "basic_charge.running_days_per_month": parse_price,
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
            "late_payment.disconnection_after": parse_price,
        },
    ),
    "emission_factors.yaml": ((), {"emission_factor": parse_emission_factors, "standard_coal": parse_price}),
    "transfer_supply.yaml": (
        (),
        {
            "transfer_supply.colours": parse_colours,
            "transfer_supply.loss_cap": parse_ratio,
            "transfer_supply.lawful_modes": parse_texts,
            "transfer_supply.verification_after": parse_price,
            "transfer_supply.loss_caps_elsewhere": parse_numbers,
        },
    ),
    "holidays.yaml": (("overrides", "complete_years"), {"holidays.names": parse_holiday_names}),
}


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
            raise entry.error("fact_id", f"no fact named {fact_id!r} belongs here", f"Known: {', '.join(parsers)}.")
        if fact_id in found:
            raise entry.error("fact_id", f"{fact_id} stands twice")
        found[fact_id] = read_dated(entry, content, parsers[fact_id])
    for fact_id in parsers:
        if fact_id not in found:
            raise FactFileError(name, None, f"the fact {fact_id!r} is missing", "Restore it from the packaged conf/facts.")
    return found, content


def digest_of(folder: Path) -> str:
    """SHA-256 over every fact file, by name and content. [hex]"""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in {".yaml", ".csv"}):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
