"""The committed facts are well formed; whatever is not is refused with its file and line."""

from __future__ import annotations

import pickle
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.errors import FactFileError, FactNotInForceError
from pipelines.facts import check_facts, load_facts
from tests.unit.pipelines.facts.changed_files import FOLDER, refused

pytestmark = pytest.mark.long

TRANSMISSION = "tariffs/transmission.yaml"


def change(folder: Path, name: str, old: str, new: str, count: int = 1) -> int:
    """Replaces text, and answers the line at which the old text stood."""
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, count), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("tariffs/funds.yaml", "value: 0.02923875", "value: -0.02923875", "must not be negative"),
        (TRANSMISSION, "35kv: 0.0895", "35kv: -0.0895", "must not be negative"),
        (
            "tariffs/residential_tiers.yaml",
            "flat: [0.538, 0.588, 0.838]",
            "flat: [0.538, -0.588, 0.838]",
            "must not be negative",
        ),
        ("tariffs/funds.yaml", "value: 0.02923875", "value: cheap", "must be a number"),
        ("tariffs/funds.yaml", "value: 0.02923875", "value: 2.9e-2", "plain decimals"),
        ("tariffs/funds.yaml", "value: 0.02923875", "value: .inf", "plain decimals"),
        ("tariffs/funds.yaml", "effective_from: 2026-08-01", "effective_from: August", "must be a day"),
        ("tariffs/funds.yaml", "effective_from: 2026-08-01", "effective_from: 2026-02-30", "not a day"),
        (
            "tariffs/funds.yaml",
            "confidence: secondary",
            "confidence: certain",
            "'certain' is no known Confidence",
        ),
        ("tariffs/funds.yaml", "unit: CNY/kWh", "unit: RMB", "'RMB' is no known Unit"),
        ("tariffs/funds.yaml", "clause: not read", "clauses: not read", "'clauses' is not known here"),
        ("tariffs/funds.yaml", "retrieved: not recorded", "retrieved: lately", "retrieved must be a day"),
        ("tariffs/funds.yaml", "fact_id: funds", "fact_id: founds", "no fact named 'founds'"),
        (TRANSMISSION, "reading: corrected_labels", "reading: guessed", "no reading named 'guessed'"),
        (
            TRANSMISSION,
            "{below_1kv: 0.2412, 1_to_20kv: 0.2114}",
            "{below_2kv: 0.2412}",
            "'below_2kv' is no known VoltageLevel",
        ),
        (
            "time_of_use.yaml",
            "value: [energy_base]",
            "value: [energy_base, tips]",
            "'tips' is no known component",
        ),
        ("time_of_use.yaml", 'flat: ["17:00-24:00"]', 'flat: ["16:45-24:00"]', "16:45 is both peak and flat"),
        ("time_of_use.yaml", 'flat: ["17:00-24:00"]', 'flat: ["17:10-24:00"]', "no quarter hour"),
        ("time_of_use.yaml", 'flat: ["17:00-24:00"]', 'flat: ["17:00-25:00"]', "no span of a day"),
        ("time_of_use.yaml", "months: [1, 7, 8, 12]", "months: [1, 7, 8, 11]", "month 11 stands twice"),
        ("time_of_use.yaml", "first_days: 3", "first_days: 0", "whole number of days from 1 on"),
        ("time_of_use.yaml", "first_days: 3", "first_days: 2.5", "whole number of days from 1 on"),
        ("time_of_use.yaml", "valley: 0.38, deep_valley: 0.20", "valley: 0, deep_valley: 0.20", "above 0"),
        ("time_of_use.yaml", "{general_commercial: 12}", "{general_commercial: 0}", "whole number of months"),
        (
            "time_of_use.yaml",
            "{general_commercial: 12}",
            "{general_commercial: 1.5}",
            "whole number of months",
        ),
        ("time_of_use.yaml", "{general_commercial: 12}", "{shops: 12}", "'shops' is no known CustomerClass"),
        ("transfer_supply.yaml", "green_max_ratio: 0.05,", "green_max_ratio: 0.10,", "none of the readings"),
        ("transfer_supply.yaml", "red_min_ratio: 0.30,", "red_min_ratio: 0.05,", "must lie below"),
        ("late_payment.yaml", "value: 0.30", "value: 1.30", "value must be a number from 0 to 1, not 1.30"),
        ("power_factor_adjustment.yaml", "below_kva: 100", "below_kva: -100", "must not be negative"),
        (
            "power_factor_adjustment.yaml",
            "classes: [residential]",
            "classes: [homes]",
            "'homes' is no known CustomerClass",
        ),
        (
            "time_of_use.yaml",
            "value: [large_industry]",
            "value: [industry]",
            "'industry' is no known CustomerClass",
        ),
        (
            "time_of_use.yaml",
            "              confidence: unverified",
            "              confidence: vague",
            "'vague' is no known",
        ),
        (
            "holidays.yaml",
            "complete_years: []",
            "complete_years: []\noverides: []",
            "'overides' is not known here",
        ),
    ],
)
def test_a_wrong_value_is_refused_at_its_line(
    folder: Path, name: str, old: str, new: str, words: str
) -> None:
    line = change(folder, name, old, new)
    refused(folder, name, line + new.count("\n"), words)


def test_a_festival_that_the_calendar_does_not_know_is_refused_at_the_version(folder: Path) -> None:
    change(
        folder,
        "time_of_use.yaml",
        "festivals: [labour_day, national_day]",
        "festivals: [labor_day, national_day]",
    )
    text = (folder / "time_of_use.yaml").read_text(encoding="utf-8")
    version = text[: text.rindex("effective_from", 0, text.index("labor_day"))].count("\n") + 1
    refused(folder, "time_of_use.yaml", version, "no festival named labor_day")


def test_hours_that_leave_out_a_quarter_hour_are_refused_at_the_hours(folder: Path) -> None:
    line = change(folder, "time_of_use.yaml", 'flat: ["17:00-24:00"]', 'flat: ["17:00-23:45"]')
    refused(folder, "time_of_use.yaml", line - 2, "no period covers the day from 23:45")


def test_a_version_without_source_is_refused_at_the_version(folder: Path) -> None:
    change(
        folder,
        "tariffs/funds.yaml",
        "        source: a public repository of Zhejiang electricity prices\n",
        "",
    )
    text = (folder / "tariffs/funds.yaml").read_text(encoding="utf-8")
    refused(
        folder,
        "tariffs/funds.yaml",
        text[: text.index("effective_from")].count("\n") + 1,
        "'source' is missing",
    )


def test_an_empty_source_is_refused(folder: Path) -> None:
    line = change(
        folder,
        "tariffs/funds.yaml",
        "source: a public repository of Zhejiang electricity prices",
        'source: ""',
    )
    refused(folder, "tariffs/funds.yaml", line, "source must be a text")


def second_version(folder: Path, begin: str, extra: str = "", end_of_first: str = "") -> int:
    """Appends a copy of the only version of the funds; answers the line of its first day."""
    path = folder / "tariffs/funds.yaml"
    text = path.read_text(encoding="utf-8")
    start = text.index("      - effective_from")
    copy = text[start:].replace("2026-08-01", begin) + extra
    if end_of_first:
        text = text.replace(
            "        known_from:", f"        effective_to: {end_of_first}\n        known_from:", 1
        )
    path.write_text(text + copy, encoding="utf-8")
    return text.count("\n") + 1


def test_two_versions_of_the_same_days_overlap(folder: Path) -> None:
    refused(folder, "tariffs/funds.yaml", second_version(folder, "2026-08-01"), "an overlap")


def test_a_correction_that_ends_before_what_it_corrects_is_refused_unless_the_next_follows(
    folder: Path,
) -> None:
    extra = "        corrects: true\n        effective_to: 2026-08-31\n"
    line = second_version(folder, "2026-08-01", extra)
    path = folder / "tariffs/funds.yaml"
    head, tail = path.read_text(encoding="utf-8").rsplit("known_from: 2026-08-01", 1)
    path.write_text(head + "known_from: 2026-10-01" + tail, encoding="utf-8")
    text = path.read_text(encoding="utf-8")
    ends = text[: text.rindex("effective_to")].count("\n") + 1
    assert ends > line
    refused(folder, "tariffs/funds.yaml", ends, "ends on 2026-08-31, before the version that it corrects")
    second_version(folder, "2026-09-01")
    copies = path.read_text(encoding="utf-8")
    begin = copies.rindex("      - effective_from: 2026-09-01")
    path.write_text(
        text
        + copies[begin:].split("      - effective_from", 2)[0]
        + "      - effective_from"
        + copies[begin:]
        .split("      - effective_from", 2)[1]
        .replace("        corrects: true\n", "")
        .replace("        effective_to: 2026-08-31\n", ""),
        encoding="utf-8",
    )
    assert load_facts(folder).funds.on(date(2026, 9, 5)) == Decimal("0.02923875")


def test_a_version_that_begins_on_the_last_day_of_the_one_before_overlaps_and_the_next_day_does_not(
    folder: Path,
) -> None:
    refused(
        folder,
        "tariffs/funds.yaml",
        second_version(folder, "2027-01-01", end_of_first="2027-01-01"),
        "overlaps",
    )
    shutil.copy(FOLDER / "tariffs/funds.yaml", folder / "tariffs/funds.yaml")
    second_version(folder, "2027-01-01", end_of_first="2026-12-31")
    assert load_facts(folder).funds.on(date(2027, 1, 1)) == Decimal("0.02923875")


def test_a_gap_is_refused_unless_it_is_declared(folder: Path) -> None:
    refused(
        folder,
        "tariffs/funds.yaml",
        second_version(folder, "2027-01-02", end_of_first="2026-12-31"),
        "no version covers",
    )
    shutil.copy(FOLDER / "tariffs/funds.yaml", folder / "tariffs/funds.yaml")
    second_version(
        folder,
        "2027-01-02",
        extra="        gap_before: the notice of one day was not found\n",
        end_of_first="2026-12-31",
    )
    with pytest.raises(FactNotInForceError):
        load_facts(folder).funds.on(date(2027, 1, 1))


def test_versions_out_of_order_are_refused(folder: Path) -> None:
    refused(
        folder, "tariffs/funds.yaml", second_version(folder, "2026-07-01"), "in the order of effective_from"
    )


def test_a_correction_needs_the_word_and_a_later_day_of_knowledge(folder: Path) -> None:
    line = second_version(folder, "2026-08-01", extra="        corrects: true\n")
    refused(folder, "tariffs/funds.yaml", line, "an overlap")
    path = folder / "tariffs/funds.yaml"
    head, _, tail = path.read_text(encoding="utf-8").rpartition("known_from: 2026-08-01")
    path.write_text(f"{head}known_from: 2026-09-20{tail}", encoding="utf-8")
    assert load_facts(folder).funds.version_on(date(2026, 8, 1)).known_from == date(2026, 9, 20)


def test_a_key_that_stands_twice_is_refused(folder: Path) -> None:
    line = change(
        folder,
        "tariffs/funds.yaml",
        "        value: 0.02923875",
        "        value: 0.02923875\n        value: 0.03",
    )
    refused(folder, "tariffs/funds.yaml", line + 1, "stands twice")


def test_broken_yaml_names_its_line(folder: Path) -> None:
    line = change(folder, "tariffs/funds.yaml", "    unit: CNY/kWh", "    unit: {CNY/kWh")
    with pytest.raises(FactFileError) as raised:
        load_facts(folder)
    assert raised.value.path == "tariffs/funds.yaml"
    assert raised.value.line is not None
    assert raised.value.line >= line


def test_a_missing_file_and_a_missing_fact_are_named(folder: Path) -> None:
    change(folder, "basic_charge.yaml", "fact_id: basic_charge.utilisation", "fact_id: basic_charge.demand")
    with pytest.raises(FactFileError, match=r"basic_charge.yaml:21: basic_charge.demand stands twice"):
        load_facts(folder)
    (folder / "basic_charge.yaml").unlink()
    with pytest.raises(FactFileError, match=r"basic_charge.yaml: the file does not exist"):
        load_facts(folder)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("99,,x,y,z,official", "none empty"),
        ("9x,C,x,y,z,official", "neither a section"),
        ("31,C,x,y,z,official", "stands twice"),
    ],
)
def test_a_wrong_industry_is_refused_at_its_line(folder: Path, row: str, words: str) -> None:
    path = folder / "industries.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}{row}\n", encoding="utf-8")
    refused(folder, "industries.csv", text.count("\n") + 1, words)


def test_a_printed_cell_that_the_rule_does_not_give_is_a_problem(folder: Path) -> None:
    change(folder, "power_factor_adjustment.yaml", '"0.77": [6.5,', '"0.77": [6.0,')
    assert ["0.77" in finding.message for finding in check_facts(folder) if finding.is_problem] == [True]


def test_the_committed_facts_have_no_problem_and_say_what_is_unsure() -> None:
    findings = check_facts(FOLDER)
    assert [str(finding) for finding in findings if finding.is_problem] == []
    text = "\n".join(str(finding) for finding in findings)
    for fact_id in (
        "energy_base",
        "transmission.single_part.energy",
        "transfer_supply.colours",
        "power_factor.base_excludes",
    ):
        assert any(fact_id in line and "confidence is" in line for line in text.splitlines())


def test_facts_travel_small_and_whole() -> None:
    facts = load_facts(FOLDER)
    day = date(2026, 9, 1)
    facts.time_of_use.slot_matrix([day], next(iter(facts.time_of_use.schedules)))
    packed = pickle.dumps(facts)
    assert len(packed) < 200_000
    assert pickle.loads(packed) == facts


def test_the_digest_follows_every_byte(folder: Path) -> None:
    before = load_facts(folder).digest
    assert before == load_facts(FOLDER).digest
    change(folder, "transfer_supply.yaml", "green_max_ratio: 0.05,", "green_max_ratio: 0.15,")
    assert load_facts(folder).digest != before
    assert len(before) == 64
