"""The manifest of a delivery: what was read, what was written, under which key; signed, so that it can be
checked anywhere. The home keeps a copy, so that what was delivered is known whatever becomes of the folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.errors import TamperedError, ZhixiangError
from pipelines.identity.keys import DELIVERY_KEY, KeyRing
from pipelines.identity.known_keys import KnownKey
from pipelines.tables.base import all_tables
from products.page_kit.site import write_bytes
from zhixiang.delivery.context import Delivery
from zhixiang.delivery.folder import Written

MANIFEST = "manifest.json"
SIGNATURE = f"{MANIFEST}.sig"
LEDGER_PAGE = "ledger/index.html"
LEDGER_SIGNATURE = f"{LEDGER_PAGE}.sig"
BESIDE_LIST = frozenset((MANIFEST, SIGNATURE, LEDGER_PAGE, LEDGER_SIGNATURE))
"""What a delivery holds and its manifest does not list. The ledger tells of runs, not of results; it changes
without a new delivery and has a signature of its own.
"""
KEPT = "delivered"
"""Folder of the home with a copy of the newest manifest and its signature."""


@dataclass(frozen=True)
class Account:
    """What became of the results of a delivery.

    revisions  Of results that are delivered as files of their own: name without suffix -> revision.
    origins    The same name -> hash of the stored rows that they were made from.
    refused    Results that were not delivered, with the reason.
    by_sum_alone  Bills whose rules are not kept any more: their lines add up, and that is all that is known.
    made       Month -> the state under which its files were made last.
    set_by     Month -> digest of that by which its pages were set last, whatever rows they show.
    """

    revisions: Mapping[str, int]
    origins: Mapping[str, str]
    refused: Mapping[str, str]
    by_sum_alone: Sequence[str] = ()
    made: Mapping[str, str] = field(default_factory=dict)
    set_by: Mapping[str, str] = field(default_factory=dict)


def write_manifest(
    delivery: Delivery,
    parts: Mapping[str, Mapping[str, Any]],
    gates: list[dict[str, Any]],
    state: str,
    written: Mapping[str, Written],
    account: Account,
) -> None:
    """Lists every delivered file with its SHA-256 and signs the list with the delivery key.

    parts      Summary of each delivered product by the name of its part: what its results say of their
               provenance goes into the manifest, nothing of a product that delivered none.
    written    What was delivered, by name below ``out/``.
    account    What became of its results.
    """
    key = delivery.keys.signing_key(DELIVERY_KEY)
    manifest = {
        "state": state,
        "run_id": delivery.run_id,
        "months": [str(month) for month in delivery.months],
        "provenance": {name: "+".join(part["labels"]) for name, part in parts.items() if part["labels"]},
        "tables": {
            name: version for name, version in delivery.store.versions(all_tables()).items() if version >= 0
        },
        "models": {
            model["name"]: {"version": model["champion"], "digest": model["digest"]}
            for model in delivery.registry.known()
        },
        "facts_digest": delivery.facts.digest,
        "gates": [
            {"table": gate["table"], "rules": len(gate["rules"]), "failures": len(gate["failures"])}
            for gate in gates
        ],
        "count": len(written),
        "files": {name: found.sha256 for name, found in sorted(written.items())},
        "bytes": {name: found.size for name, found in sorted(written.items())},
        "revisions": dict(sorted(account.revisions.items())),
        "origins": dict(sorted(account.origins.items())),
        "refused": dict(sorted(account.refused.items())),
        "held_to_sum_alone": sorted(account.by_sum_alone),
        "made": dict(sorted(account.made.items())),
        "set_by": dict(sorted(account.set_by.items())),
        "key_id": key.key_id,
    }
    raw = json.dumps(manifest, sort_keys=True, ensure_ascii=False, indent=1).encode()
    signature = key.sign(raw)
    for folder in (delivery.out, delivery.out.parent / KEPT):
        write_bytes(folder / SIGNATURE, signature)
        write_bytes(folder / MANIFEST, raw)


def parsed_manifest(raw: bytes) -> dict[str, Any]:
    """What a manifest says, whoever wrote it; raises TamperedError where it has not a manifest's shape."""
    try:
        found: Any = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        found = None
    shape = {
        "files": dict,
        "bytes": dict,
        "revisions": dict,
        "origins": dict,
        "refused": dict,
        "made": dict,
        "set_by": dict,
        "months": list,
    }
    is_shaped = isinstance(found, dict) and all(
        isinstance(found.get(name, kind()), kind) for name, kind in shape.items()
    )
    if not is_shaped or not all(isinstance(sha, str) for sha in found.get("files", {0: 0}).values()):
        raise TamperedError(f"{MANIFEST} is no manifest.", "Deliver anew: zhixiang run --from deliver")
    return dict(found)


def signed_manifest(folder: Path, keys: Iterable[KnownKey]) -> dict[str, Any] | None:
    """The manifest in a folder where its signature holds, else none."""
    try:
        raw, signature = (folder / MANIFEST).read_bytes(), (folder / SIGNATURE).read_bytes()
    except OSError:
        return None
    return parsed_manifest(raw) if any(key.has_signed(raw, signature) for key in keys) else None


def last_manifest(home: Path, keys: KeyRing) -> dict[str, Any] | None:
    """What this home delivered last: by its own copy, else by the manifest in ``out/``; none where neither
    is signed by a key of this home.
    """
    if not any(name == DELIVERY_KEY for name in keys.known()):
        return None
    own = keys.public_keys(DELIVERY_KEY)
    kept = signed_manifest(home / KEPT, own)
    return kept if kept is not None else signed_manifest(home / "out", own)


def is_newest(home: Path) -> bool:
    """Whether the manifest in ``out/`` is byte for byte the one that the home kept of its last delivery;
    true for a home of before, which kept none.
    """
    pairs = [(home / KEPT / name, home / "out" / name) for name in (MANIFEST, SIGNATURE)]
    if not pairs[0][0].is_file():
        return True
    try:
        return all(kept.read_bytes() == given.read_bytes() for kept, given in pairs)
    except OSError:
        return False


def signed_models(home: Path) -> dict[str, dict[str, str]]:
    """Model -> version -> digest of its bundle, as the newest manifest that this home signed tells them; none
    where it has none.
    """
    try:
        found = last_manifest(home, KeyRing(home)) or {}
    except ZhixiangError:
        return {}
    models = found.get("models")
    return {
        str(name): {str(told.get("version")): str(told.get("digest"))}
        for name, told in (models if isinstance(models, dict) else {}).items()
        if isinstance(told, dict)
    }
