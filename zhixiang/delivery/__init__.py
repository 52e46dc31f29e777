"""What leaves the house: pages, bills, codes, bank files, one overview, and a signed manifest of them all."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.engine.ledger import Ledger
from pipelines.facts import Facts
from pipelines.identity.keys import KeyRing
from pipelines.models.registry import Registry
from pipelines.periods import BillingMonth
from pipelines.storage.store import Store
from pipelines.tables.base import Layer, all_tables
from products import every_product
from products.protocol import named
from zhixiang.delivery.context import Delivery
from zhixiang.delivery.manifest import MANIFEST, write_manifest

OnLine = Callable[[str, str, float, str], None]


def deliver(
    store: Store,
    registry: Registry,
    ledger: Ledger,
    facts: Facts,
    months: Sequence[BillingMonth],
    run_id: str,
    on_line: OnLine,
) -> Path:
    """Writes everything below ``out/`` of the home and returns that folder; does nothing where nothing
    changed since it was written.
    """
    from zhixiang.delivery.overview import write_index_page
    from zhixiang.pages.prices import write_prices_page
    from zhixiang.pages.quality import latest_gates, write_quality_page

    out = store.settings.home / "out"
    delivery = Delivery(store, registry, facts, KeyRing(store.settings.home), tuple(months), out, run_id)
    began = time.monotonic()
    state = _state(delivery)
    if _written_before(out, state):
        _write_ledger_page(ledger, out)
        on_line("deliver", "unchanged", time.monotonic() - began, str(out))
        return out
    parts: dict[str, Any] = {
        part.name: named(part.deliver)(delivery) for _, part in every_product.delivered_products()
    }
    quality = write_quality_page(
        store, ledger, out / "quality" / "index.html", [str(month) for month in months]
    )
    write_prices_page(facts, delivery.last_month, out / "prices" / "index.html")
    _write_ledger_page(ledger, out)
    write_index_page(delivery, parts, quality)
    write_manifest(delivery, latest_gates(ledger), state)
    on_line(
        "deliver",
        "done",
        time.monotonic() - began,
        _told(parts),
    )
    return out


def _told(parts: Mapping[str, Mapping[str, Any]]) -> str:
    """One line: what was delivered, corrected and withheld of each product."""
    corrections = sum(part.get("corrections", 0) for part in parts.values())
    return (
        ", ".join(f"{part['count']} {name}" for name, part in parts.items())
        + (f", {corrections} corrections 退补" if corrections else "")
        + "".join(
            f"; {part['withheld']} {name} withheld: 示意电价 illustrative price"
            for name, part in parts.items()
            if part.get("withheld")
        )
    )


def _write_ledger_page(ledger: Ledger, out: Path) -> None:
    from zhixiang.pages.site import PAGES

    runs = [run | {"steps": ledger.steps(run["run_id"])} for run in ledger.runs(20)]
    PAGES.write_page(out / "ledger" / "index.html", "ledger.html.j2", runs=runs)


def _state(delivery: Delivery) -> str:
    """All that the delivered files depend on."""
    root = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    for folder in (root / "products", root / "zhixiang" / "delivery", root / "zhixiang" / "pages"):
        for path in sorted(folder.rglob("*")):
            if path.suffix in {".py", ".j2", ".js", ".typ", ".css"}:
                digest.update(path.name.encode() + path.read_bytes())
    tables = [table for table in all_tables() if table.layer in (Layer.PRODUCT, Layer.SILVER, Layer.GOLD)]
    parts = {
        "versions": delivery.store.versions(tables),
        "models": {model["name"]: model["digest"] for model in delivery.registry.known()},
        "months": [str(month) for month in delivery.months],
        "settings": delivery.store.settings.digest,
        "facts": delivery.facts.digest,
        "code": digest.hexdigest(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _written_before(out: Path, state: str) -> bool:
    """Whether the manifest speaks of this state and every file it lists is there."""
    path = out / MANIFEST
    if not path.is_file():
        return False
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        listed = manifest["files"]
    except (ValueError, KeyError, TypeError):  # cut or edited: the delivery is written again
        return False
    return manifest.get("state") == state and all((out / name).is_file() for name in listed)
