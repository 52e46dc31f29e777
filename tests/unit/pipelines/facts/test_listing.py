"""The list of facts names each with its source, as of a day and of a state of knowledge."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pipelines.codes import Confidence
from pipelines.facts import load_facts
from tests.unit.pipelines.facts.changed_files import FOLDER


def test_the_listing_names_every_fact_with_its_source() -> None:
    facts = load_facts(FOLDER)
    rows = {row.fact_id: row for row in facts.describe(date(2026, 9, 1))}
    price = rows["transmission.two_part.energy.1_to_20kv"]
    assert (price.value, price.unit, price.confidence, price.effective_from) == (
        "0.1250",
        "CNY/kWh",
        "medium",
        "2026-08-01",
    )
    assert "1077" in price.document
    assert rows["energy_base"].confidence == Confidence.ILLUSTRATIVE
    for fact_id in facts.by_id:
        assert any(row_id == fact_id or row_id.startswith(f"{fact_id}.") for row_id in rows), fact_id
    assert len(rows) == len(facts.describe(date(2026, 9, 1)))


def test_the_listing_of_an_earlier_day_says_what_is_not_in_force() -> None:
    rows = {row.fact_id: row for row in load_facts(FOLDER).describe(date(2026, 7, 31))}
    assert rows["transmission.two_part.energy"].value == "not in force"
    assert rows["transmission.two_part.energy"].note == "covers from 2026-08-01 on"
    assert rows["time_of_use.ratios.large_industry.peak"].value == "1.85"


def test_the_listing_by_knowledge_leaves_out_what_came_later() -> None:
    def national(known: date) -> str:
        rows = load_facts(FOLDER).describe(date(2026, 9, 1), known)
        return next(row.value for row in rows if row.fact_id == "emission_factor.national")

    assert national(date(2026, 1, 30)) == "0.5366"
    assert national(date(2026, 1, 31)) == "0.5306"


def test_every_figure_in_force_has_a_document_or_says_that_none_was_read(folder: Path) -> None:
    rows = [row for row in load_facts(folder).describe(date(2026, 9, 1)) if row.value != "not in force"]
    assert [
        row.fact_id
        for row in rows
        if not all((row.document, row.clause, row.issuer, row.source, row.confidence))
    ] == []
