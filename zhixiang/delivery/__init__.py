"""What leaves the house: pages, bills, codes, bank files, one overview, and a signed manifest of them all."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipelines.engine.ledger import Ledger
from pipelines.errors import DisagreementError, TamperedError, UsageError
from pipelines.facts import Facts
from pipelines.file_modes import PRIVATE_FILE, PRIVATE_FOLDER, restrict
from pipelines.identity.keys import CODE_KEY, DELIVERY_KEY, KeyRing
from pipelines.identity.known_keys import keys_as_json
from pipelines.models.registry import Registry
from pipelines.periods import BillingMonth
from pipelines.storage.store import Store
from pipelines.tables.base import Layer, all_tables
from pipelines.timings import part_within, phase
from products import every_product
from products.page_kit.site import write_bytes
from products.protocol import named
from zhixiang.delivery.contents import write_contents_page
from zhixiang.delivery.context import Delivery, origin_of
from zhixiang.delivery.folder import (
    ASIDE,
    STAGE,
    Deviation,
    deviations,
    entries_below,
    keep_revisions,
    publish,
    written,
)
from zhixiang.delivery.manifest import (
    BESIDE_LIST,
    LEDGER_PAGE,
    LEDGER_SIGNATURE,
    MANIFEST,
    is_newest,
    last_manifest,
    write_manifest,
)

OnLine = Callable[[str, str, float, str], None]
PUBLIC_KEYS = "public_keys.json"
SHOWN = 10


@dataclass(frozen=True)
class Delivered:
    """What became of a delivery.

    out      Its folder.
    refused  Bills that were not delivered, as CUSTOMER/MONTH -> why.
    """

    out: Path
    refused: Mapping[str, str]

    def error(self) -> DisagreementError | None:
        """What to end with where a bill was refused; none where all went out."""
        if not self.refused:
            return None
        told = "; ".join(f"{name}: {why}" for name, why in list(self.refused.items())[:SHOWN])
        more = f"; and {len(self.refused) - SHOWN} more" if len(self.refused) > SHOWN else ""
        first = next(iter(self.refused))
        return DisagreementError(
            f"{len(self.refused)} 份账单未交付 bills were not delivered: {told}{more}.",
            f"The others went out. See what differs: zhixiang bill replay {first}",
        )


@dataclass(frozen=True)
class _Before:
    """The delivery before: its manifest, empty where there is none, and what differs in the folder now."""

    manifest: Mapping[str, Any] = field(default_factory=dict)
    found: Sequence[Deviation] = ()

    @property
    def sound(self) -> frozenset[str]:
        """The files that are as they were delivered."""
        bad = {each.name for each in self.found}
        return frozenset(name for name in self.manifest.get("files", {}) if name not in bad)


def deliver(
    store: Store,
    registry: Registry,
    ledger: Ledger,
    facts: Facts,
    months: Sequence[BillingMonth],
    run_id: str,
    on_line: OnLine,
) -> Delivered:
    """Writes everything below ``out/`` of the home; does nothing where nothing changed since it was written
    and every file is as it was.

    Months delivered earlier stay listed and linked, revised bills and codes leave what was issued under its
    revision's name. The folder holds what was written and nothing else: whatever else lies in it is named and
    moved to ``out.aside/`` of the home, never signed.
    """
    home = store.settings.home
    keys, out, stage = KeyRing(home), home / "out", home / STAGE
    keys.check()
    _restrict_earlier(home)
    began = time.monotonic()
    before = _look(home, keys)
    every = sorted({*months, *_months_before(out, before.manifest)})
    delivery = Delivery(store, registry, facts, keys, tuple(every), stage, run_id)
    setting = _setting(delivery)
    state = _state(delivery, setting)
    is_same = before.manifest.get("state") == state
    # Where nothing changed but the folder, only what was altered in it is made anew.
    delivery = replace(
        delivery,
        asked=() if is_same else tuple(months),
        sound=before.sound,
        origins=before.manifest.get("origins", {}),
        revisions=before.manifest.get("revisions", {}),
        is_set_alike=before.manifest.get("setting") == setting,
    )
    if is_same and not before.found:
        write_ledger_page(ledger, out, keys)
        on_line("deliver", "unchanged", time.monotonic() - began, str(out))
        return Delivered(out, before.manifest.get("refused", {}))
    if stage.exists():
        on_line("deliver", "interrupted", 0.0, "the delivery before was stopped half-way; written anew")
    else:
        _tell(before.found, on_line)
    shutil.rmtree(stage, ignore_errors=True)
    parts, gates = _write_stage(delivery, ledger)
    revisions, refused = _joined(parts, "revisions"), _joined(parts, "refused")
    delivered_before: Mapping[str, int] = before.manifest.get("revisions", {})
    keep_revisions(out, stage, before.sound, delivered_before, revisions, before.manifest.get("run_id", ""))
    staged = set(entries_below(stage))
    kept = (before.sound | _earlier_revisions(out, before)) - staged
    write_contents_page(
        stage,
        {name: written(stage / name) for name in staged} | {name: written(out / name) for name in kept},
    )
    with phase("write"):
        held, moved = publish(stage, out, kept, BESIDE_LIST, home / ASIDE / run_id)
    with phase("commit"):
        write_manifest(
            replace(delivery, out=out),
            parts,
            gates,
            state,
            held,
            revisions,
            _joined(parts, "origins") | dict([_prices_origin(delivery)]),
            refused,
            setting,
        )
    write_ledger_page(ledger, out, keys)
    if moved:
        names = ", ".join(moved[:SHOWN]) + (f" and {len(moved) - SHOWN} more" if len(moved) > SHOWN else "")
        on_line("deliver", "moved", 0.0, f"not ours, now in {home / ASIDE / run_id}: {names}")
    on_line("deliver", "done", time.monotonic() - began, _told(parts))
    return Delivered(out, refused)


def _look(home: Path, keys: KeyRing) -> _Before:
    """The delivery before, held against the folder; a manifest that nobody signed or that was altered is
    told and counts for nothing.
    """
    out = home / "out"
    try:
        manifest = last_manifest(home, keys)
    except TamperedError:
        manifest = None
    if manifest is None:
        broken = [Deviation("altered", MANIFEST, "签名不符 it is not signed by this home; written anew")]
        return _Before({}, broken if (out / MANIFEST).exists() else ())
    found = (
        deviations(out, manifest["files"], manifest.get("bytes", {}), BESIDE_LIST)
        if out.is_dir()
        else [Deviation("missing", "out", "整个交付缺失 the whole delivery")]
    )
    if not is_newest(home):
        found.append(Deviation("altered", MANIFEST, "不是最近一次交付的清单 not that of the last delivery"))
    if not out.is_dir():
        return _Before({**manifest, "files": {}}, found)
    return _Before(manifest, found)


def _months_before(out: Path, manifest: Mapping[str, Any]) -> list[BillingMonth]:
    """The months delivered earlier; of a folder whose manifest is broken those of which it holds bills or
    codes.
    """
    names = manifest.get("months")
    if names is None:
        names = [path.name for part in ("bills", "codes") for path in (out / part).glob("[0-9]*-[0-9]*")]
    found = []
    for name in names:
        try:
            found.append(BillingMonth.parse(name))
        except UsageError:
            continue
    return found


def _earlier_revisions(out: Path, before: _Before) -> frozenset[str]:
    """Files of earlier revisions that a delivery which was killed had put in place already: their bytes are
    those that were delivered under the plain name.
    """
    files: Mapping[str, str] = before.manifest.get("files", {})
    found = set()
    for each in before.found:
        base, separator, rest = each.name.rpartition("-revision-")
        plain = base + Path(rest).suffix
        path = out / each.name
        is_ours = each.kind == "added" and separator and plain in files and not path.is_symlink()
        if is_ours and path.is_file() and written(path).sha256 == files[plain]:
            found.add(each.name)
    return frozenset(found)


def _write_stage(delivery: Delivery, ledger: Ledger) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Writes all pages and files of a delivery to its stage; returns the summaries of its parts and the
    gates.
    """
    from zhixiang.delivery.overview import write_index_page
    from zhixiang.pages.prices import write_prices_page
    from zhixiang.pages.quality import latest_gates, write_quality_page

    store, stage = delivery.store, delivery.out
    parts: dict[str, Any] = {}
    for _, part in every_product.delivered_products():
        with part_within(part.name):
            parts[part.name] = named(part.deliver)(delivery)
    with part_within("quality"):
        quality = write_quality_page(
            store, ledger, stage / "quality" / "index.html", [str(month) for month in delivery.months]
        )
    with part_within("prices"):
        prices = _prices_origin(delivery)
        stands = delivery.stands(delivery.last_month, [f"{prices[0]}.html"], prices)
        if not (delivery.is_set_alike and stands):
            write_prices_page(delivery.facts, delivery.last_month, stage / f"{prices[0]}.html")
    write_index_page(delivery, parts, quality)
    delivery.keys.signing_key(DELIVERY_KEY)
    published = [
        key
        for name in (DELIVERY_KEY, CODE_KEY)
        if name in delivery.keys.known()
        for key in delivery.keys.public_keys(name)
    ]
    write_bytes(stage / PUBLIC_KEYS, keys_as_json(published))
    return parts, latest_gates(ledger)


def _prices_origin(delivery: Delivery) -> tuple[str, str]:
    """Name and origin of the price page: the facts, up to the newest month."""
    return "prices/index", origin_of(delivery.facts.digest, str(delivery.last_month))


def _joined(parts: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, Any]:
    return {key: value for part in parts.values() for key, value in part.get(name, {}).items()}


def _tell(found: Sequence[Deviation], on_line: OnLine) -> None:
    """Names what was altered in the delivered folder before it is written anew."""
    for each in found[:SHOWN]:
        on_line("deliver", each.kind, 0.0, f"{each.name}: {each.what}")
    if len(found) > SHOWN:
        on_line("deliver", "altered", 0.0, f"and {len(found) - SHOWN} more")


def _restrict_earlier(home: Path) -> None:
    """What an earlier version, or a copy, left open to everybody on the machine."""
    restrict(home / "out")
    restrict(home / "simulation_truth")
    restrict(home / "keys", PRIVATE_FOLDER, PRIVATE_FILE)


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
        + "".join(f"; {name}: {part['lacks'].en}" for name, part in parts.items() if part.get("lacks"))
    )


def write_ledger_page(ledger: Ledger, out: Path, keys: KeyRing) -> None:
    """Writes the page of the newest runs, as they stand when it is written, and its signature."""
    from zhixiang.pages.site import PAGES
    from zhixiang.reports.run_timings import PHASE_WORDS, timing_rows

    runs = [
        run
        | {
            "steps": ledger.steps(run["run_id"]),
            "timings": timing_rows(ledger.timings(run["run_id"])),
        }
        for run in ledger.runs(20)
    ]
    page = PAGES.page("ledger.html.j2", runs=runs, phases=PHASE_WORDS).encode()
    write_bytes(out / LEDGER_SIGNATURE, keys.signing_key(DELIVERY_KEY).sign(page))
    write_bytes(out / LEDGER_PAGE, page)


def _setting(delivery: Delivery) -> str:
    """By what pages are set: code, settings, facts and keys; the same rows then give the same page."""
    root = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    for folder in ("pipelines", "products", "zhixiang"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in {".py", ".j2", ".js", ".typ", ".css"}:
                digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    parts = {
        "settings": delivery.store.settings.digest,
        "facts": delivery.facts.digest,
        "keys": delivery.keys.known(),
        "code": digest.hexdigest(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _state(delivery: Delivery, setting: str) -> str:
    """All that the delivered files depend on."""
    tables = [table for table in all_tables() if table.layer in (Layer.PRODUCT, Layer.SILVER, Layer.GOLD)]
    parts = {
        "versions": delivery.store.versions(tables),
        "models": {model["name"]: model["digest"] for model in delivery.registry.known()},
        "months": [str(month) for month in delivery.months],
        "setting": setting,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
