"""How sure a fact is says no more than what was read of it."""

from __future__ import annotations

from pathlib import Path

import yaml

from pipelines.codes import Confidence
from pipelines.settings import packaged

NOT_READ = "not read"


def versions(folder: Path) -> list[tuple[str, dict[str, object]]]:
    return [
        (fact["fact_id"], version)
        for path in sorted(folder.rglob("*.yaml"))
        for fact in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("facts", [])
        for version in fact["versions"]
    ]


def test_a_scale_read_in_somebody_elses_words_is_not_official() -> None:
    """Facts of the tariff whose clause alone was not read keep their confidence: it stands on issued bills."""
    sure = {fact_id: version["confidence"] for fact_id, version in versions(packaged("conf") / "facts")}
    assert len(sure) > 50
    assert {sure["energy_bill.grade"], sure["resumption.index"]} == {Confidence.SECONDARY.value}


def test_what_has_no_document_at_all_is_never_official() -> None:
    assert [
        fact_id
        for fact_id, version in versions(packaged("conf") / "facts")
        if version["confidence"] == Confidence.OFFICIAL.value and version["document"] == NOT_READ
    ] == []
