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


def test_no_fact_is_official_whose_document_or_clause_was_not_read() -> None:
    found = versions(packaged("conf") / "facts")
    assert len(found) > 50
    assert [
        (fact_id, version["effective_from"])
        for fact_id, version in found
        if version["confidence"] == Confidence.OFFICIAL.value
        and NOT_READ in (version["document"], version["clause"])
    ] == []
