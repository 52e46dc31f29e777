"""All regulated numbers of ``conf/facts/``, typed, dated and cited."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

from pipelines.codes import CustomerClass, LineComponent
from pipelines.facts.contract_rules import BasicCharge, LatePayment, PricingSchemeRule
from pipelines.facts.dated import Dated, Version
from pipelines.facts.emission_factors import EmissionFactors
from pipelines.facts.fact_index import (
    FILES,
    INDUSTRIES,
    MONTHLY_CORRECTIONS,
    MONTHLY_PRICES,
    check_province,
    digest_of,
    read_fact_file,
)
from pipelines.facts.holidays import Holidays, read_holidays
from pipelines.facts.industries import Industry, read_industries
from pipelines.facts.listing import FactRow, describe_facts
from pipelines.facts.monthly_prices import read_monthly_prices
from pipelines.facts.power_factor_adjustment import NotAdjusted, PowerFactorRule, StandardsOfClasses
from pipelines.facts.prices import (
    Catalogue,
    EnergyComposition,
    PriceByVoltage,
    ResidentialTiers,
    TransmissionPrices,
)
from pipelines.facts.scales import PublishedScales
from pipelines.facts.time_of_use import TimeOfUse, check_festivals
from pipelines.facts.transfer_supply import TransferSupply


@dataclass(frozen=True)
class Facts:
    """Every fact by subject; frozen, picklable and small, so that it can be shipped to workers.

    digest   SHA-256 over the files. [hex]
    by_id    Every dated fact by its id, in the order of the files.
    derived  What others worked out of these facts and keep for as long as these are; no part of them.
    """

    digest: str
    by_id: dict[str, Dated[Any]]
    energy_base: Dated[Decimal]
    energy_composition: Dated[EnergyComposition]
    catalogue: Catalogue
    transmission: TransmissionPrices
    funds: Dated[Decimal]
    time_of_use: TimeOfUse
    power_factor_adjustment: Dated[PowerFactorRule]
    power_factor_base_excludes: Dated[frozenset[LineComponent]]
    power_factor_not_adjusted: Dated[NotAdjusted]
    power_factor_standards: Dated[StandardsOfClasses]
    basic_charge: BasicCharge
    pricing_scheme: Dated[PricingSchemeRule]
    residential_tiers: Dated[ResidentialTiers]
    residential_combined: Dated[PriceByVoltage]
    transfer_supply: TransferSupply
    late_payment: LatePayment
    emission_factor: Dated[EmissionFactors]
    standard_coal: Dated[Decimal]
    scales: PublishedScales
    holidays: Holidays
    industries: dict[str, Industry]
    derived: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "derived": {}}

    def describe(self, on: date, known: date | None = None) -> list[FactRow]:
        """One row per figure in force on a day, and one per fact that no version covers then."""
        return describe_facts(self.by_id, self.holidays, on, known)


def load_facts(folder: Path) -> Facts:
    """Reads ``conf/facts``; raises FactFileError naming file and line of the first thing that is not well
    formed.
    """
    by_id: dict[str, Dated[Any]] = {}
    choices = {}
    for name in FILES:
        found, choices[name] = read_fact_file(folder, name)
        by_id.update(found)
    check_province(choices)
    monthly = read_monthly_prices(by_id["energy_base"], folder, MONTHLY_PRICES, MONTHLY_CORRECTIONS)
    by_id["energy_base"] = monthly.energy_base
    if monthly.composition.versions:
        by_id["energy_composition"] = monthly.composition
    holidays = read_holidays(by_id["holidays.names"], choices["holidays.yaml"])
    check_festivals(by_id, holidays.names)
    return Facts(
        digest=digest_of(folder),
        by_id=by_id,
        energy_base=monthly.energy_base,
        energy_composition=monthly.composition,
        catalogue=Catalogue(
            {
                kind: by_id[f"catalogue.{kind}.energy"]
                for kind in (CustomerClass.LARGE_INDUSTRY, CustomerClass.GENERAL_COMMERCIAL)
            },
            by_id["catalogue.large_industry.periods"],
            by_id["catalogue.basic.capacity"],
            by_id["catalogue.basic.demand"],
        ),
        transmission=TransmissionPrices(
            choices["tariffs/transmission.yaml"].get("reading", ""),
            by_id["transmission.single_part.energy"],
            by_id["transmission.two_part.energy"],
            by_id["transmission.two_part.capacity"],
            by_id["transmission.two_part.demand"],
            by_id["transmission.line_loss"],
        ),
        funds=by_id["funds"],
        time_of_use=TimeOfUse(
            schedules={
                kind: by_id[f"time_of_use.schedule.{kind}"]
                for kind in (
                    CustomerClass.LARGE_INDUSTRY,
                    CustomerClass.GENERAL_COMMERCIAL,
                    CustomerClass.RESIDENTIAL,
                )
            },
            ratio_tables={
                kind: by_id[f"time_of_use.ratios.{kind}"]
                for kind in (CustomerClass.LARGE_INDUSTRY, CustomerClass.GENERAL_COMMERCIAL)
            },
            floating=by_id["time_of_use.floating"],
            ev_charging=by_id["time_of_use.schedule.ev_charging"],
            mandatory=by_id["time_of_use.mandatory_classes"],
            option=by_id["time_of_use.option"],
            holidays=holidays,
        ),
        power_factor_adjustment=by_id["power_factor.adjustment"],
        power_factor_base_excludes=by_id["power_factor.base_excludes"],
        power_factor_not_adjusted=by_id["power_factor.not_adjusted"],
        power_factor_standards=by_id["power_factor.standards_of_classes"],
        basic_charge=BasicCharge(
            by_id["basic_charge.demand"],
            by_id["basic_charge.utilisation"],
            by_id["basic_charge.running_days_per_month"],
            by_id["basic_charge.notice.basis"],
            by_id["basic_charge.notice.contract_demand"],
            by_id["basic_charge.suspension"],
            by_id["basic_charge.changed_month"],
        ),
        pricing_scheme=by_id["pricing_scheme"],
        residential_tiers=by_id["residential.tiers"],
        residential_combined=by_id["residential.combined"],
        transfer_supply=TransferSupply(
            by_id["transfer_supply.colours"],
            by_id["transfer_supply.loss_cap"],
            by_id["transfer_supply.lawful_modes"],
            by_id["transfer_supply.verification_after"],
            by_id["transfer_supply.loss_caps_elsewhere"],
        ),
        late_payment=LatePayment(
            by_id["late_payment.daily"],
            by_id["late_payment.minimum"],
            by_id["late_payment.cap"],
            by_id["late_payment.disconnection_after"],
        ),
        emission_factor=by_id["emission_factor"],
        standard_coal=by_id["standard_coal"],
        scales=PublishedScales(
            by_id["carbon_code.intensity"],
            by_id["carbon_code.level"],
            by_id["energy_bill.grade"],
            by_id["resumption.index"],
        ),
        holidays=holidays,
        industries=read_industries(folder, INDUSTRIES),
    )


def part_digest(facts: Facts, names: Sequence[str]) -> str:
    """SHA-256 over the named subjects of the facts, the same in every process; raises AttributeError for a
    subject that there is not. [hex]
    """
    told = [(name, _plain(getattr(facts, name))) for name in sorted(names)]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def digest_until(facts: Facts, day: date) -> str:
    """SHA-256 over all facts but the versions that come into force after a day, the same in every process.
    [hex]

    What is worked out of facts in force up to that day is the same while this is: a price published for a
    later month changes nothing of it.
    """
    key = digest_until.__name__, day
    if key not in facts.derived:
        names = sorted(each.name for each in fields(facts) if each.init and each.name != "digest")
        told = [(name, _plain(_until(getattr(facts, name), day))) for name in names]
        facts.derived[key] = hashlib.sha256(repr(told).encode()).hexdigest()
    found: str = facts.derived[key]
    return found


def plain_text(value: object) -> str:
    """A value of a fact as a text, the same in every process; raises TypeError for a kind of value that no
    fact holds.
    """
    return repr(_plain(value))


def _open_after(version: Version[Any], day: date) -> Version[Any]:
    is_beyond = version.effective_to is not None and version.effective_to >= day
    return replace(version, effective_to=None) if is_beyond else version


def _until(value: Any, day: date) -> Any:
    """A value whose dated facts lack what they say of the days after one."""
    if isinstance(value, Dated):
        begun = [each for each in value.versions if each.effective_from <= day]
        return replace(value, versions=tuple(_open_after(each, day) for each in begun))
    if isinstance(value, Mapping):
        found = {key: _until(part, day) for key, part in value.items()}
        # A fact that nothing is told of yet is as good as none.
        return {key: part for key, part in found.items() if not isinstance(part, Dated) or part.versions}
    if is_dataclass(value) and not isinstance(value, type):
        return tuple(
            (each.name, _until(getattr(value, each.name), day)) for each in fields(value) if each.compare
        )
    return value


def _plain(value: Any) -> Any:
    """A value as nested tuples of texts and numbers in a fixed order; caches, which no comparison counts, are
    left out.
    """
    if is_dataclass(value) and not isinstance(value, type):
        kept = [each.name for each in fields(value) if each.compare]
        return (type(value).__name__, *((name, _plain(getattr(value, name))) for name in kept))
    if isinstance(value, Enum):
        return (type(value).__name__, value.name)
    if isinstance(value, Mapping):
        return tuple(sorted((_plain(key), _plain(part)) for key, part in value.items()))
    if isinstance(value, Set):
        return tuple(sorted(_plain(part) for part in value))
    if isinstance(value, list | tuple):
        return tuple(_plain(part) for part in value)
    if isinstance(value, Decimal | date):
        return str(value)
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"A fact holds a {type(value).__name__}, for which no digest is defined.")
