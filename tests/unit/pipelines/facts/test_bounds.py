"""A regulated number that cannot be meant is refused at its line; the edge of each bound is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.errors import FactFileError
from pipelines.facts import check_facts, load_facts
from pipelines.facts.fact_index import FILES, UNITS
from pipelines.settings import packaged

pytestmark = pytest.mark.long

FOLDER = packaged("conf") / "facts"
BASIC, LATE, TIERS, NETWORK = (
    "basic_charge.yaml",
    "late_payment.yaml",
    "tariffs/residential_tiers.yaml",
    "tariffs/transmission.yaml",
)
FACTOR, USE, CATALOGUE = "power_factor_adjustment.yaml", "time_of_use.yaml", "tariffs/catalogue.yaml"


def change(folder: Path, name: str, old: str, new: str) -> int:
    """Replaces the first occurrence; answers its line."""
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        (BASIC, "tolerance_ratio: 1.05", "tolerance_ratio: -1.05", "from 1 to 2, not -1.05"),
        (BASIC, "tolerance_ratio: 1.05", "tolerance_ratio: 0.99", "from 1 to 2, not 0.99"),
        (BASIC, "excess_multiple: 2", "excess_multiple: -2", "from 1 to 10, not -2"),
        (BASIC, "excess_multiple: 2", "excess_multiple: 0.99", "from 1 to 10"),
        (BASIC, "minimum_capacity_ratio: 0.40", "minimum_capacity_ratio: 40", "from 0 to 1, not 40"),
        (BASIC, "minimum_capacity_ratio: 0.40", "minimum_capacity_ratio: 1.01", "from 0 to 1"),
        (BASIC, "threshold_kwh_per_kva: 260", "threshold_kwh_per_kva: -260", "above 0 and not above 744"),
        (BASIC, "threshold_kwh_per_kva: 260", "threshold_kwh_per_kva: 0", "above 0"),
        (BASIC, "threshold_kwh_per_kva: 260", "threshold_kwh_per_kva: 744.01", "not above 744"),
        (BASIC, "price_ratio: 0.9", "price_ratio: 9", "above 0 and not above 1, not 9"),
        (BASIC, "price_ratio: 0.9", "price_ratio: 1.01", "not above 1"),
        (
            BASIC,
            "bases: [contract_demand, actual_demand]",
            "bases: [capacity]",
            "the discount is one on demand",
        ),
        (BASIC, "bases: [contract_demand, actual_demand]", "bases: []", "the discount is one on demand"),
        (BASIC, "value: 30", "value: 0", "a whole number from 28 to 31, not 0"),
        (BASIC, "value: 30", "value: -30", "from 28 to 31"),
        (BASIC, "value: 30", "value: 30.5", "a whole number"),
        (BASIC, "notice_working_days: 15", "notice_working_days: -3", "from 0 to 260, not -3"),
        (BASIC, "notice_working_days: 15", "notice_working_days: 1.5", "a whole number"),
        (BASIC, "every_months: 3", "every_months: 0", "from 1 to 60"),
        ("pricing_scheme.yaml", "single_part_up_to_kva: 100", "single_part_up_to_kva: -1", "above 0"),
        (
            LATE,
            "same_year: {residential: 0.001",
            "same_year: {residential: -0.001",
            "from 0 to 0.01, not -0.001",
        ),
        (LATE, "same_year: {residential: 0.001", "same_year: {residential: 0.5", "from 0 to 0.01, not 0.5"),
        (LATE, "same_year: {residential: 0.001, ", "same_year: {", "same_year has no ratio for residential"),
        (LATE, "value: 30", "value: -30", "from 0 to 366"),
        (LATE, "value: 1\n", "value: 1001\n", "1001 CNY cannot be meant"),
        ("tariffs/funds.yaml", "unit: CNY/kWh", "unit: CNY/kVA", "funds is in CNY/kWh, not in CNY/kVA"),
        (USE, "unit: none", "unit: CNY", "time_of_use.schedule.large_industry is in none, not in CNY"),
        (
            "tariffs/funds.yaml",
            "value: 0.02923875",
            "value: 29.23875",
            "29.23875 CNY/kWh cannot be meant; the highest allowed is 2",
        ),
        ("tariffs/funds.yaml", "value: 0.02923875", "value: 2.01", "2.01 CNY/kWh cannot be meant"),
        (NETWORK, "1_to_20kv: 0.1250,", "1_to_20kv: 125.0,", "125.0 CNY/kWh cannot be meant"),
        (
            NETWORK,
            "corrected_labels: {1_to_20kv: 47.2",
            "corrected_labels: {1_to_20kv: 47200",
            "47200 CNY/kW cannot be meant",
        ),
        (
            NETWORK,
            "corrected_labels: {1_to_20kv: 29.5",
            "corrected_labels: {1_to_20kv: 201",
            "201 CNY/kVA cannot be meant",
        ),
        (CATALOGUE, "sharp: 1.0824", "sharp: 108.24", "108.24 CNY/kWh cannot be meant"),
        (TIERS, "flat: [0.538,", "flat: [53.8,", "53.8 CNY/kWh cannot be meant"),
        (
            TIERS,
            "valley: [0.288, 0.338, 0.588]",
            "valley: [0.288, 0.348, 0.588]",
            "must cost as much more than tier 1 in valley",
        ),
        (
            TIERS,
            "peak: [0.568, 0.618, 0.868]",
            "peak: [0.568, 0.618, 0.869]",
            "must cost as much more than tier 1 in peak",
        ),
        (
            TIERS,
            "flat: [0.538, 0.588, 0.838]",
            "flat: [0.538, 0.588, 0.587]",
            "a higher tier must not cost less",
        ),
        (TIERS, "household_extra_kwh: 100", "household_extra_kwh: -100", "from 0 to 10000, not -100"),
        (TIERS, "household_persons: 5", "household_persons: 0", "a whole number from 1 to 100"),
        (TIERS, "combined_choice_persons: 7", "combined_choice_persons: 4", "from 5 to 100"),
        (
            USE,
            "value: {sharp: 1.98, peak: 1.65",
            "value: {sharp: 198, peak: 1.65",
            "above 0 and not above 5, not 198",
        ),
        (
            USE,
            "value: [energy_base]",
            "value: [basic_demand]",
            "only components of energy float, not basic_demand",
        ),
        (USE, "value: [energy_base]", "value: []", "only components of energy float, not none"),
        (FACTOR, "steps: null, percent: 2", "steps: null, percent: -2", "from 0 to 10, not -2"),
        ("emission_factors.yaml", "national: 0.5306", "national: 530.6", "above 0 and not above 2"),
        ("transfer_supply.yaml", "shandong: 0.12", "shandong: 12", "from 0 to 1, not 12"),
    ],
)
def test_a_number_that_cannot_be_meant_is_refused_at_its_line(
    folder: Path, name: str, old: str, new: str, words: str
) -> None:
    line = change(folder, name, old, new)
    with pytest.raises(FactFileError) as raised:
        load_facts(folder)
    assert words in raised.value.message
    assert (raised.value.path, raised.value.line) == (name, line)
    assert [(finding.file, finding.line) for finding in check_facts(folder) if finding.is_problem] == [
        (name, line)
    ]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (BASIC, "tolerance_ratio: 1.05", "tolerance_ratio: 1"),
        (BASIC, "excess_multiple: 2", "excess_multiple: 1"),
        (BASIC, "minimum_capacity_ratio: 0.40", "minimum_capacity_ratio: 1"),
        (BASIC, "threshold_kwh_per_kva: 260", "threshold_kwh_per_kva: 744"),
        (BASIC, "price_ratio: 0.9", "price_ratio: 1"),
        (BASIC, "value: 30", "value: 31"),
        (BASIC, "notice_working_days: 15", "notice_working_days: 0"),
        (LATE, "same_year: {residential: 0.001", "same_year: {residential: 0.01"),
        ("tariffs/funds.yaml", "value: 0.02923875", "value: 2.00"),
        (NETWORK, "corrected_labels: {1_to_20kv: 47.2", "corrected_labels: {1_to_20kv: 200"),
        (TIERS, "flat: [0.538, 0.588, 0.838]", "flat: [0.538, 0.588, 0.838]"),
        (USE, "value: {sharp: 1.98, peak: 1.65", "value: {sharp: 5, peak: 1.65"),
    ],
)
def test_the_edge_of_a_bound_is_taken(folder: Path, name: str, old: str, new: str) -> None:
    change(folder, name, old, new)
    load_facts(folder)


def test_every_unit_belongs_to_a_fact_that_there_is() -> None:
    assert set(UNITS) <= {fact_id for _, parsers in FILES.values() for fact_id in parsers}
