"""The rules of a run, kept by their digest: an issued result can be computed again when conf/ has long moved
on.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipelines.engine.ledger import Ledger
from pipelines.errors import DamagedPartError, TamperedError, UnknownNameError
from pipelines.facts import Facts, load_facts
from pipelines.settings import Settings

FOLDER = "rules"


def rules_digest(settings: Settings, facts: Facts) -> str:
    """SHA-256 over thresholds and facts together."""
    return hashlib.sha256(f"{settings.digest}\0{facts.digest}".encode()).hexdigest()


def keep_rules(settings: Settings, facts: Facts) -> str:
    """Copies conf/ into the home, once for each content, and answers its digest."""
    digest = rules_digest(settings, facts)
    target = settings.home / FOLDER / digest
    if not target.is_dir():
        unfinished = target.with_name(f".{digest}")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(settings.conf_dir, unfinished)
        unfinished.rename(target)
    return digest


def kept_rules(home: Path, digest: str) -> tuple[Settings, Facts]:
    """Thresholds and facts as they were, told in the keys of today; raises UnknownNameError where they were
    not kept and TamperedError where they were changed since.
    """
    folder = home / FOLDER / digest
    if not folder.is_dir():
        raise UnknownNameError("kept rules", digest, kept_digests(home))
    settings = Settings(folder, home, is_kept=True)
    facts = load_facts(settings.facts_dir)
    if rules_digest(settings, facts) != digest:
        raise TamperedError(
            f"{folder} is not what was kept under its name.",
            "Bring the folder back from a backup; the bill cannot be proved without it.",
        )
    return settings, facts


def kept_digests(home: Path) -> list[str]:
    """Digests of all rules that a home keeps."""
    return sorted(path.name for path in (home / FOLDER).glob("[0-9a-f]*") if path.is_dir())


def possible_rules(home: Path, row: Mapping[str, Any], ledger: Ledger | None) -> tuple[list[str], bool]:
    """Digests of the kept rules by which an issued row can have been computed, and whether that is told: one
    where the row or the run ledger tells it, else all that the home keeps.

    row     With ``rules_digest`` and ``computed_run_id``.
    ledger  None where it cannot be read.
    """
    told = row.get("rules_digest")
    if told is None and ledger is not None:
        # One that was cut opens, and fails at the page that is gone: then it tells nothing.
        with suppress(DamagedPartError):
            told = ledger.rules_of(row.get("computed_run_id") or "")
    return ([str(told)], True) if told else (kept_digests(home), False)
