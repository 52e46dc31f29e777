"""Which file of ``conf/facts/`` holds which fact, and how its values are read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.errors import FactFileError
from pipelines.facts.contract_rules import (
    CHANGED_MONTH_RULE,
    DEMAND_RULE,
    LATE_PAYMENT_DAILY,
    NOTICE_RULE,
    PRICING_SCHEME_RULE,
    UTILISATION_DISCOUNT,
)
from pipelines.facts.dated import Dated
from pipelines.facts.emission_factors import EMISSION_FACTORS
from pipelines.facts.fact_files import read_dated, read_raw_facts
from pipelines.facts.fact_schema import FactReader, Schema, Text, number_between
from pipelines.facts.holidays import HOLIDAY_NAMES
from pipelines.facts.marked_yaml import MarkedMap, read_marked_yaml
from pipelines.facts.power_factor_adjustment import (
    NOT_ADJUSTED,
    POWER_FACTOR_RULE,
    STANDARDS_OF_CLASSES,
)
from pipelines.facts.prices import (
    PERIOD_PRICES,
    PRICE,
    PRICE_BY_READING,
    PRICE_BY_VOLTAGE,
    TIERS,
)
from pipelines.facts.scales import RESUMPTION_INDEX, SCALE
from pipelines.facts.time_of_use import (
    BOUND_MONTHS,
    CLASSES,
    COMPONENTS,
    FLOATING,
    RATIOS,
    SCHEDULE,
)
from pipelines.facts.transfer_supply import COLOUR_BANDS, RATIO, RATIOS_BY_NAME, TEXTS
from pipelines.units import Unit

INDUSTRIES = "industries.csv"
PROVINCE = "zhejiang"
"""Whose prices ship, and whose a file is that does not say it: conf/ of before the key knew no other."""
MONTHLY_PRICES = "tariffs/energy_base_monthly.csv"
MONTHLY_CORRECTIONS = "tariffs/energy_base_corrections.csv"
FILES: dict[str, tuple[tuple[str, ...], dict[str, FactReader[Any]]]] = {
    "tariffs/energy_base.yaml": ((), {"energy_base": PRICE}),
    "tariffs/funds.yaml": ((), {"funds": PRICE}),
    "tariffs/transmission.yaml": (
        ("reading",),
        {
            "transmission.two_part.energy": PRICE_BY_READING,
            "transmission.two_part.capacity": PRICE_BY_READING,
            "transmission.two_part.demand": PRICE_BY_READING,
            "transmission.single_part.energy": PRICE_BY_READING,
            "transmission.line_loss": RATIO,
        },
    ),
    "tariffs/residential_tiers.yaml": (
        (),
        {"residential.tiers": TIERS, "residential.combined": PRICE_BY_VOLTAGE},
    ),
    "tariffs/catalogue.yaml": (
        (),
        {
            "catalogue.large_industry.energy": PRICE_BY_VOLTAGE,
            "catalogue.large_industry.periods": PERIOD_PRICES,
            "catalogue.general_commercial.energy": PRICE_BY_VOLTAGE,
            "catalogue.basic.capacity": PRICE_BY_VOLTAGE,
            "catalogue.basic.demand": PRICE_BY_VOLTAGE,
        },
    ),
    "time_of_use.yaml": (
        (),
        {
            "time_of_use.schedule.large_industry": SCHEDULE,
            "time_of_use.schedule.general_commercial": SCHEDULE,
            "time_of_use.schedule.residential": SCHEDULE,
            "time_of_use.ratios.large_industry": RATIOS,
            "time_of_use.ratios.general_commercial": RATIOS,
            "time_of_use.floating": FLOATING,
            "time_of_use.mandatory_classes": CLASSES,
            "time_of_use.option": BOUND_MONTHS,
            "time_of_use.schedule.ev_charging": SCHEDULE,
            "time_of_use.schedule.ev_charging_residential": SCHEDULE,
        },
    ),
    "power_factor_adjustment.yaml": (
        (),
        {
            "power_factor.adjustment": POWER_FACTOR_RULE,
            "power_factor.standards": TEXTS,
            "power_factor.not_adjusted": NOT_ADJUSTED,
            "power_factor.base_excludes": COMPONENTS,
            "power_factor.standards_of_classes": STANDARDS_OF_CLASSES,
        },
    ),
    "basic_charge.yaml": (
        (),
        {
            "basic_charge.demand": DEMAND_RULE,
            "basic_charge.utilisation": UTILISATION_DISCOUNT,
            "basic_charge.running_days_per_month": number_between(28, 31, whole=True),
            "basic_charge.notice.basis": NOTICE_RULE,
            "basic_charge.notice.contract_demand": NOTICE_RULE,
            "basic_charge.suspension": number_between(1, 366, whole=True),
            "basic_charge.changed_month": CHANGED_MONTH_RULE,
        },
    ),
    "pricing_scheme.yaml": ((), {"pricing_scheme": PRICING_SCHEME_RULE}),
    "late_payment.yaml": (
        (),
        {
            "late_payment.daily": LATE_PAYMENT_DAILY,
            "late_payment.minimum": PRICE,
            "late_payment.cap": RATIO,
            "late_payment.disconnection_after": number_between(0, 366, whole=True),
        },
    ),
    "emission_factors.yaml": (
        (),
        {"emission_factor": EMISSION_FACTORS, "standard_coal": number_between(0, 1, above=True)},
    ),
    "published_scales.yaml": (
        (),
        {
            "carbon_code.intensity": SCALE,
            "carbon_code.level": SCALE,
            "energy_bill.grade": SCALE,
            "resumption.index": RESUMPTION_INDEX,
        },
    ),
    "transfer_supply.yaml": (
        (),
        {
            "transfer_supply.colours": COLOUR_BANDS,
            "transfer_supply.loss_cap": RATIO,
            "transfer_supply.lawful_modes": TEXTS,
            "transfer_supply.verification_after": number_between(1, 60, whole=True),
            "transfer_supply.loss_caps_elsewhere": RATIOS_BY_NAME,
        },
    ),
    "holidays.yaml": (("overrides", "complete_years"), {"holidays.names": HOLIDAY_NAMES}),
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
    "basic_charge.suspension": Unit.DAYS,
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
LATER = frozenset(
    {"basic_charge.suspension", "basic_charge.changed_month", "power_factor.standards_of_classes"}
)
"""Facts that a conf/ kept with results issued before them lacks, and so does a home's own that an earlier
version copied.
"""


# The rows of the lists are checked where they are read.
_OPTIONS: dict[str, Schema[Any]] = {
    "reading": Schema(Text),
    "overrides": Schema(tuple[Any, ...]),
    "complete_years": Schema(tuple[Any, ...]),
}
_ID: Schema[str] = Schema(Text)
OF_A_PROVINCE = frozenset(name for name in FILES if name.startswith("tariffs/") or name == "time_of_use.yaml")
"""Prices, hours and ratios: files that a province sets, so that all of them must be one province's."""
_PROVINCE_KEY = "province"


def read_fact_file(folder: Path, name: str) -> tuple[dict[str, Dated[Any]], MarkedMap]:
    """The facts of one file by id, and its content for the choices at its top; a fact that is younger than
    the folder has no version. Raises FactFileError.
    """
    option_keys, readers = FILES[name]
    content = read_marked_yaml(folder / name, name)
    is_of_province = name in OF_A_PROVINCE
    known = ("facts", *option_keys, *([_PROVINCE_KEY] if is_of_province else []))
    for key in content:
        if key not in known:
            hint = f"Known: {', '.join(sorted(known))}."
            raise content.error(key, f"the key {key!r} is not known here", hint)
    is_elsewhere = is_of_province and province_of(content) != PROVINCE
    for key in option_keys:
        if content.get("facts") or not is_elsewhere:
            _OPTIONS[key].part(content, key)
    found: dict[str, Dated[Any]] = {}
    for entry in read_raw_facts(content):
        fact_id = _ID.part(entry, "fact_id")
        if fact_id not in readers:
            raise entry.error(
                "fact_id", f"no fact named {fact_id!r} belongs here", f"Known: {', '.join(readers)}."
            )
        if fact_id in found:
            raise entry.error("fact_id", f"{fact_id} stands twice")
        found[fact_id] = read_dated(entry, content, readers[fact_id], UNITS.get(fact_id))
    for fact_id in readers:
        # What another province does not state is in force on no day: nothing of this one takes its place.
        if fact_id not in found and (is_elsewhere or fact_id in LATER):
            found[fact_id] = Dated(fact_id, fact_id, fact_id, UNITS.get(fact_id), name, ())
        if fact_id not in found:
            raise FactFileError(
                name, None, f"the fact {fact_id!r} is missing", "Restore it from the packaged conf/facts."
            )
    return found, content


def province_of(content: MarkedMap) -> str:
    """Whose prices, hours or ratios a file has; raises FactFileError where the key is no text."""
    return _ID.part(content, _PROVINCE_KEY) if _PROVINCE_KEY in content else PROVINCE


def check_province(contents: Mapping[str, MarkedMap]) -> str:
    """The province that all price, hour and ratio files share; raises FactFileError naming two of different
    ones: a bill of one province with hours or ratios of another would be wrong without a word.

    contents  Files as read, by name.
    """
    named = {
        name: province_of(contents[name]) for name in FILES if name in contents and name in OF_A_PROVINCE
    }
    first = next(iter(named), "")
    for name, province in named.items():
        if province != named[first]:
            raise FactFileError(
                name,
                contents[name].line_at((_PROVINCE_KEY,)),
                f"this file is {_said(contents[name], province)}, {first} is "
                f"{_said(contents[first], named[first])}",
                "Prices, hours and ratios are one province's: write its own in both; "
                "docs/another-province.md shows how.",
            )
    return named.get(first, PROVINCE)


def _said(content: MarkedMap, province: str) -> str:
    return f"of {province}" + ("" if _PROVINCE_KEY in content else " (it has no key province)")


def digest_of(folder: Path) -> str:
    """SHA-256 over every fact file, by name and content. [hex]"""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in {".yaml", ".csv"}):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
