"""What leaves the house: pages, bills, codes, bank files, one overview, and a signed manifest of them all."""

from __future__ import annotations

import hashlib
import json
import pkgutil
import shlex
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pipelines.tables
from pipelines.engine.ledger import Ledger
from pipelines.errors import DisagreementError, TamperedError
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
from zhixiang.delivery.before import earlier_revisions, look, months_before, revisions_of_kept
from zhixiang.delivery.contents import write_contents_page
from zhixiang.delivery.context import Delivery, origin_of
from zhixiang.delivery.folder import (
    ASIDE,
    STAGE,
    Deviation,
    emptied,
    entries_below,
    held_to,
    is_ordinary,
    keep_revisions,
    move_aside,
    publish,
    written,
)
from zhixiang.delivery.manifest import (
    BESIDE_LIST,
    LEDGER_PAGE,
    LEDGER_SIGNATURE,
    Account,
    write_manifest,
)
from zhixiang.reports.refused_names import BILL, CODE, SCORE, kind_and_subject

OnLine = Callable[[str, str, float, str], None]
PUBLIC_KEYS = "public_keys.json"
SHOWN = 10


@dataclass(frozen=True)
class Delivered:
    """What became of a delivery.

    out      Its folder.
    refused  Results that were not delivered, bills as CUSTOMER/MONTH, others as ``code TENANT/MONTH`` and
             ``score CUSTOMER/MONTH`` -> why.
    """

    out: Path
    refused: Mapping[str, str]

    def error(self) -> DisagreementError | None:
        """What to end with where a result was refused; none where all went out."""
        if not self.refused:
            return None
        told = "; ".join(f"{name}: {why}" for name, why in list(self.refused.items())[:SHOWN])
        more = f"; and {len(self.refused) - SHOWN} more" if len(self.refused) > SHOWN else ""
        kinds = {kind_and_subject(name)[0] for name in self.refused}
        kind = _REFUSED_KINDS[kinds.pop()] if len(kinds) == 1 else "份结果未交付 results were not delivered"
        return DisagreementError(
            f"{len(self.refused)} {kind}: {told}{more}.",
            f"The others went out. See what differs: {_command(next(iter(self.refused)))}",
        )


_REFUSED_KINDS = {
    BILL: "份账单未交付 bills were not delivered",
    CODE: "个转供电费码未交付 fee codes were not delivered",
    SCORE: "份信用评分未交付 scores were not delivered",
}


def _command(name: str) -> str:
    """The command that shows what a refused result holds."""
    kind, subject = kind_and_subject(name)
    who, _, month = subject.rpartition("/")
    if kind == BILL:
        customer, is_sheet, revision = who.rpartition("-correction-")
        if is_sheet and revision.isdecimal():
            return f"zhixiang bill replay {shlex.quote(f'{customer}/{month}')} --revision {revision}"
        return f"zhixiang bill replay {shlex.quote(subject)}"
    return f"zhixiang {kind} show {shlex.quote(who)} --month {month}"


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
    before = look(home, keys)
    every = sorted({*months, *months_before(out, before.manifest)})
    delivery = Delivery(store, registry, facts, keys, tuple(every), stage, run_id)
    setting = _setting(delivery)
    state = _state(delivery, setting)
    made: Mapping[str, str] = before.manifest.get("made", {})
    set_by: Mapping[str, str] = before.manifest.get("set_by", {})
    # A month that an earlier delivery made and later ones let stand may be of other settings or pages.
    is_same = (before.manifest.get("state"), before.manifest.get("months")) == (
        state,
        [str(month) for month in every],
    ) and all(made.get(str(month)) == state for month in months)
    # Where nothing changed but the folder, only what was altered in it is made anew.
    delivery = replace(
        delivery,
        asked=() if is_same else tuple(months),
        sound=before.sound,
        origins=before.manifest.get("origins", {}),
        revisions=before.manifest.get("revisions", {}),
        set_alike=[month for month in every if set_by.get(str(month)) == setting],
    )
    if is_same and not before.found:
        shutil.rmtree(stage, ignore_errors=True)
        write_ledger_page(ledger, out, keys)
        on_line("deliver", "unchanged", time.monotonic() - began, str(out))
        return Delivered(out, before.manifest.get("refused", {}))
    if stage.exists():
        on_line("deliver", "interrupted", 0.0, "the delivery before was stopped half-way; written anew")
    else:
        _tell(before.found, on_line)
    earlier = earlier_revisions(out, before) if stage.exists() else {}
    emptied(stage)
    known = keys.known()
    parts, gates = _write_stage(delivery, ledger, setting)
    if keys.known() != known:  # a first delivery makes them, and they are part of what it was made from
        setting = _setting(delivery)
        state = _state(delivery, setting)
    revisions, refused = _joined(parts, "revisions"), _joined(parts, "refused")
    changed = keep_revisions(
        out, stage, before.sound, before.revisions, revisions, before.manifest.get("run_id", "")
    )
    staged = set(entries_below(stage))
    kept, lost = held_to(
        out, {name: sha for name, sha in (before.sound | earlier).items() if name not in staged}
    )
    _end_where_changed(out, [*changed, *lost], home / ASIDE / run_id)
    with phase("write"):
        write_contents_page(stage, {name: written(stage / name) for name in staged} | kept)
        held, moved = publish(stage, out, kept, BESIDE_LIST, home / ASIDE / run_id)
    account = Account(
        revisions_of_kept(before, kept) | revisions,
        _joined(parts, "origins") | dict([_prices_origin(delivery, setting)]),
        refused,
        tuple(name for part in parts.values() for name in part.get("by_sum_alone", ())),
        {**made, **({} if is_same else {str(month): state for month in months})},
        {**set_by, **({} if is_same else {str(month): setting for month in months})},
    )
    with phase("commit"):
        write_manifest(replace(delivery, out=out), parts, gates, state, held, account)
    shutil.rmtree(stage)
    write_ledger_page(ledger, out, keys)
    if moved:
        names = ", ".join(moved[:SHOWN]) + (f" and {len(moved) - SHOWN} more" if len(moved) > SHOWN else "")
        on_line("deliver", "moved", 0.0, f"not ours, now in {home / ASIDE / run_id}: {names}")
    on_line("deliver", "done", time.monotonic() - began, _told(parts))
    return Delivered(out, refused)


def _end_where_changed(out: Path, changed: Sequence[str], aside: Path) -> None:
    """Ends a delivery while which delivered files were altered: they are moved aside, never signed. The next
    one makes them anew.
    """
    if not changed:
        return
    for name in sorted(set(changed)):
        if is_ordinary(out / name) or (out / name).is_symlink():
            move_aside(out, name, aside)
    names = ", ".join(sorted(set(changed))[:SHOWN])
    raise TamperedError(
        f"交付时文件被改 delivered files were altered while the delivery was made, now in {aside}: {names}.",
        "Find who writes below out/, then deliver anew: zhixiang run --month YYYY-MM --from deliver",
    )


def _write_stage(
    delivery: Delivery, ledger: Ledger, setting: str
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
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
        prices = _prices_origin(delivery, setting)
        if not delivery.stands(delivery.last_month, [f"{prices[0]}.html"], prices):
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


def _prices_origin(delivery: Delivery, setting: str) -> tuple[str, str]:
    """Name and origin of the price page: what it is set by, the facts among it, up to the newest month."""
    return "prices/index", origin_of(setting, str(delivery.last_month))


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
        + "".join(
            f"; {len(part['by_sum_alone'])} {name} held to their sum alone 仅核对合计: the rules they were "
            "issued by are not kept"
            for name, part in parts.items()
            if part.get("by_sum_alone")
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
    """All that the delivered files depend on, but for their months."""
    # A table is known once its module is imported; a state must not depend on what was imported before.
    for module in pkgutil.iter_modules(pipelines.tables.__path__, f"{pipelines.tables.__name__}."):
        import_module(module.name)
    for _, part in every_product.delivered_products():
        named(part.deliver)
    tables = [table for table in all_tables() if table.layer in (Layer.PRODUCT, Layer.SILVER, Layer.GOLD)]
    parts = {
        "versions": delivery.store.versions(tables),
        "models": {model["name"]: model["digest"] for model in delivery.registry.known()},
        "setting": setting,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
