"""Which issued results changed since a run, which would change now, by how much, and which files or edits
affected them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.codes import FileStatus
from pipelines.engine.ledger import Ledger
from pipelines.errors import UnknownNameError
from pipelines.periods import RUN_INSTANT, RUN_INSTANT_LENGTH
from pipelines.storage.store import Store
from pipelines.tables.base import Table, rows_of_table
from pipelines.tables.bronze import BronzeFiles, BronzeLoadCurves, BronzeRegisterReads
from pipelines.tables.edits import BronzeManualEdits
from pipelines.tables.rows.bronze import BronzeFilesRow, BronzeManualEditsRow
from pipelines.tables.silver import SilverMeterPoints
from products.every_product import products_as_told
from products.protocol import Product, steps_of

if TYPE_CHECKING:
    from pipelines.engine.runner import Runner

_READS = ((BronzeRegisterReads, "read_date"), (BronzeLoadCurves, "curve_date"))
_Notices = Mapping[tuple[object, ...], list[str]]
ISSUED, PENDING = "issued", "would change"


def runs_since(ledger: Ledger, run_id: str) -> list[str]:
    """The runs after one, oldest first; raises UnknownNameError where there is no such run."""
    runs = [str(run["run_id"]) for run in reversed(ledger.runs(1_000_000))]
    if run_id not in runs:
        raise UnknownNameError("run", run_id, runs, "`zhixiang ledger --all` names them.")
    return runs[runs.index(run_id) + 1 :]


def issued_since(store: Store, later: Sequence[str]) -> list[dict[str, Any]]:
    """Corrections that runs have issued already: each with the revision that it superseded."""
    found = []
    for product in products_as_told():
        table, sheets = product.result, product.corrections
        notices = {} if sheets is None else _notices(product, store.arrow(sheets).to_pylist())
        rows = store.arrow(table).to_pylist()
        by_revision = {(*_subject(table, row), row["revision"]): row for row in rows}
        for row in rows:
            if row["supersedes_revision"] is not None and row["computed_run_id"] in set(later):
                found.append(
                    _told(
                        product,
                        by_revision[(*_subject(table, row), row["supersedes_revision"])],
                        row,
                        ISSUED,
                        notices,
                    )
                )
    return found


def pending(
    store: Store, runner: Runner, on_step: Callable[[str, int], None] = lambda _step, _found: None
) -> list[dict[str, Any]]:
    """Corrections that a run would issue from silver and gold as they stand, for the runner's months; nothing
    is written.

    on_step  Told of each product that was computed, and how many of its results would change.
    """
    from pipelines.engine.step import Step

    found = []
    for product, step in [(each, step) for each in products_as_told() for step in steps_of(each)]:
        table, sheets = product.result, product.corrections
        if not isinstance(step, Step) or table not in step.writes or store.version(table) is None:
            continue
        frames = runner.would_revise(step, [table] if sheets is None else [table, sheets])
        if not frames:
            continue
        changed = _rows(frames[table], "supersedes_revision")
        issued = (
            {(*_subject(table, row), row["revision"]): row for row in store.arrow(table).to_pylist()}
            if changed
            else {}
        )
        is_told = changed and sheets is not None and sheets in frames
        notices = _notices(product, _rows(frames[sheets]) if is_told and sheets is not None else [])
        found += [
            _told(product, issued[(*_subject(table, row), row["supersedes_revision"])], row, PENDING, notices)
            for row in changed
        ]
        on_step(step.name, len(changed))
    return found


def _rows(found: pa.Table, needed: str = "") -> list[dict[str, Any]]:
    """Rows as Python values; with a column named, those in which it is not empty."""
    held = found.filter(pc.is_valid(found[needed])) if needed else found
    rows: list[dict[str, Any]] = held.to_pylist()
    return rows


def with_reasons(
    store: Store, since: str, later: Sequence[str], corrections: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The corrections with why, ordered: notices that came after the issue, then files and edits since then
    that affected their customer's
    metering in or before the month."""
    affected = _affected(store, since, set(later))
    found = []
    for row in corrections:
        causes = [f"notice {name}" for name in row["notices"]]
        causes += sorted(
            cause for day, cause in affected.get(row["customer_id"], ()) if day[:7] <= row["month"]
        )
        reason = "; ".join(causes[:3]) + (f"; and {len(causes) - 3} more" if len(causes) > 3 else "")
        found.append(
            {
                **row,
                "reason": reason
                or "no metering of this customer came since: terms, prices, peers, model or rules changed",
            }
        )
    return sorted(
        found,
        key=lambda row: (row["product"], row["month"], row["subject"], row["state"], row["new_revision"]),
    )


def _affected(store: Store, since: str, later: set[str]) -> dict[str, list[tuple[str, str]]]:
    """Customer -> (first day, words) of each file and edit that came in those runs; a run's id begins with
    its instant.
    """
    owners = dict(
        zip(
            *(
                store.arrow(SilverMeterPoints, ["meter_point_id", "customer_id"]).column(at).to_pylist()
                for at in range(2)
            ),
            strict=True,
        )
    )
    files = [
        row
        for row in rows_of_table(store.arrow(BronzeFiles), BronzeFilesRow)
        if row["run_id"] in later and row["status_code"] == FileStatus.ACCEPTED.value
    ]
    names = {row["content_hash"]: row["source_file"] for row in files}
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for table, day in _READS if names else ():
        rows = store.arrow(
            table, ["content_hash", "meter_point_id", day], [("content_hash", "in", sorted(names))]
        )
        spans = rows.group_by(["content_hash", "meter_point_id"]).aggregate([(day, "min"), (day, "max")])
        for row in spans.to_pylist():
            first, last = row[f"{day}_min"].isoformat(), row[f"{day}_max"].isoformat()
            if owners.get(row["meter_point_id"]):
                found[owners[row["meter_point_id"]]].append(
                    (first, f"{names[row['content_hash']]} ({first}{f' to {last}' if last != first else ''})")
                )
    for edit in rows_of_table(store.arrow(BronzeManualEdits), BronzeManualEditsRow):
        customer = owners.get(edit["meter_point_id"])
        if customer and f"{edit['approved_at_utc']:{RUN_INSTANT}}" >= since[:RUN_INSTANT_LENGTH]:
            found[customer].append(
                (edit["curve_date"].isoformat(), f"edit {edit['edit_id']} ({edit['curve_date']})")
            )
    return found


def _subject(table: type[Table], row: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(row[name] for name in table.key() if name != "revision")


def _notices(product: Product, rows: Iterable[Mapping[str, Any]]) -> _Notices:
    """Subject and revision of a result -> the notices of its correction sheet, each once."""
    found: dict[tuple[object, ...], dict[str, None]] = {}
    for row in sorted(rows, key=lambda row: int(row["correction_number"])):
        found.setdefault((*_subject(product.result, row), row["revision"]), {}).update(
            dict.fromkeys(row["notices"])
        )
    return {name: list(documents) for name, documents in found.items()}


def _told(
    product: Product, old: Mapping[str, Any], new: Mapping[str, Any], state: str, notices: _Notices
) -> dict[str, Any]:
    table = product.result
    month = table.partition_column()
    told: dict[str, Any] = {
        "product": table.name,
        "subject": new[product.subject],
        "customer_id": new[product.customer],
        "month": new[month],
        "state": state,
        "old_revision": old["revision"],
        "new_revision": new["revision"],
        "notices": notices.get((*_subject(table, new), new["revision"]), []),
    }
    for name in product.told:
        told[f"old_{name}"], told[f"new_{name}"] = old[name], new[name]
        if isinstance(old[name], int | float | Decimal) and isinstance(new[name], int | float | Decimal):
            told[f"{name}_difference"] = new[name] - old[name]
    return told


def known_months(store: Store) -> list[str]:
    """Months for which anything was issued."""
    found: set[str] = set()
    for product in products_as_told():
        month = product.result.partition_column()
        found |= set(pc.unique(store.arrow(product.result, [month]).column(0)).to_pylist())
    return sorted(found)
