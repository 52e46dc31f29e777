"""The manifest of a delivery: what was read, what was written, under which key; signed, so that it can be
checked anywhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pipelines.tables.base import all_tables
from products.page_kit.site import write_bytes
from zhixiang.delivery.context import Delivery

MANIFEST = "manifest.json"
# These tell of runs, not of results; they change without a new delivery.
_NOT_LISTED = ("ledger/",)


def write_manifest(
    delivery: Delivery, parts: Mapping[str, Mapping[str, Any]], gates: list[dict[str, Any]], state: str
) -> None:
    """Lists every delivered file with its SHA-256 and signs the list with the delivery key.

    parts  Summary of each delivered product by the name of its part: what its results say of their
           provenance goes into the manifest, nothing of a product that delivered none.
    """
    key = delivery.keys.signing_key("delivery_signing")
    names = sorted(
        path.relative_to(delivery.out).as_posix() for path in delivery.out.rglob("*") if path.is_file()
    )
    files = {
        name: hashlib.sha256((delivery.out / name).read_bytes()).hexdigest()
        for name in names
        if not name.startswith((MANIFEST, *_NOT_LISTED)) and not name.endswith(".partial")
    }
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
        "count": len(files),
        "files": files,
        "key_id": key.key_id,
    }
    raw = json.dumps(manifest, sort_keys=True, ensure_ascii=False, indent=1).encode()
    write_bytes(delivery.out / (MANIFEST + ".sig"), key.sign(raw))
    write_bytes(delivery.out / MANIFEST, raw)
