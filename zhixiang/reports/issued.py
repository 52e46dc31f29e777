"""An issued result with its evidence: the newest revision, or an earlier one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.engine.ledger import readable_ledger
from pipelines.errors import UnknownNameError, UsageError
from pipelines.storage.store import Store
from pipelines.tables.base import Table
from products import every_product
from products.credit_index.declaration import CREDIT_INDEX_DECLARED

MONTHS_TOLD = 6
_TOO_LITTLE = (
    "收到的缴费或历史不足以训练模型 Too few payments or months of history were received to train a model. "
)


def issued(
    store: Store,
    result: type[Table],
    evidence: Sequence[type[Table]],
    subject: str,
    month: str,
    *,
    revision: int | None = None,
    beside: str | None = None,
) -> dict[str, Any]:
    """One result row as ``result`` and its evidence rows under each table's name.

    subject  The first column of the result's key; month: its partition.
    beside   The second column of a subject that has two, as a tenant's supplier; None: the only one.
    Raises UnknownNameError where there is none, and UsageError where ``beside`` has to tell several apart.
    """
    month_column = result.partition_column()
    subject_column, *second = subject_columns(result)
    mine = [(subject_column, "=", subject), (month_column, "=", month)]
    rows = store.arrow(result, filters=mine).to_pylist()
    if second:
        (column,) = second
        others = sorted({row[column] for row in rows})
        if beside is None and len(others) > 1:
            raise UsageError(
                f"{subject} has {result.name} of {len(others)} suppliers in {month}: {', '.join(others)}.",
                f"Name one: --supplier {others[0]}",
            )
        if beside is not None and others and beside not in others:
            raise UnknownNameError(f"supplier of {subject} in {month}", beside, others, is_public=True)
        rows = [row for row in rows if beside in (None, row[column])]
        mine += [(column, "=", row[column]) for row in rows[:1]]
    chosen = [row for row in rows if revision is None or row["revision"] == revision]
    if not chosen:
        raise _not_issued(store, result, subject, month, [row["revision"] for row in rows], revision)
    row = max(chosen, key=lambda row: int(row["revision"]))
    found: dict[str, Any] = {"result": row}
    for table in evidence:
        lines = store.arrow(table, filters=mine).to_pylist()
        order = [name for name in table.key() if name not in result.key()]
        of_revision = [line for line in lines if line["revision"] == row["revision"]]
        found[table.name] = sorted(of_revision, key=lambda line: tuple(line[name] for name in order))
    return found


def subject_columns(result: type[Table]) -> list[str]:
    """The columns that say whose a result is: its key without month and revision."""
    return [name for name in result.key() if name not in (result.partition_column(), "revision")]


def _not_issued(
    store: Store, result: type[Table], subject: str, month: str, revisions: list[int], revision: int | None
) -> UnknownNameError:
    """What is missing: the revision, the month, or the subject itself. Other subjects are named only where
    they are near.
    """
    if revisions:
        known = [str(each) for each in sorted(revisions)]
        return UnknownNameError(f"revision of {subject} {month}", str(revision), known, is_public=True)
    month_column, subject_column = result.partition_column(), result.key()[0]
    months = store.arrow(result, [month_column], filters=[(subject_column, "=", subject)]).column(0)
    if len(months):
        issued_for = ", ".join(sorted(set(months.to_pylist()))[-MONTHS_TOLD:])
        return UnknownNameError(f"{result.name} of {month}", subject, (), f"It has {issued_for}.")
    known = store.arrow(result, [subject_column], filters=[(month_column, "=", month)]).column(0).to_pylist()
    where = (
        f"`zhixiang table show {result.name}` shows some of those that were issued."
        if known
        else f"Nothing was issued for {month} yet: {_how_to_issue(store, result, month)}"
    )
    return UnknownNameError(f"{result.name} of {month}", subject, known, where)


def _how_to_issue(store: Store, result: type[Table], month: str) -> str:
    """The command; where the last run left the product out, why: the same command alone would do so again."""
    again, ledger = f"zhixiang run --month {month}", readable_ledger(store.settings.home)
    steps = [product.name for product in every_product.PRODUCTS if product.result is result]
    why = next(iter(found for step in steps if ledger is not None and (found := ledger.left_out(step))), None)
    if why is None:
        return again
    lacks = _TOO_LITTLE if result is CREDIT_INDEX_DECLARED.result else ""
    return (
        f"the last run left {steps[0]} out. {why} {lacks}Deliver what it lacks: zhixiang inbox add FILE, "
        f"then {again}"
    )


def with_corrected(
    store: Store, result: type[Table], evidence: Sequence[type[Table]], found: dict[str, Any]
) -> dict[str, Any]:
    """The same with ``corrected``: the revision that this one corrects and its evidence; a first issue is
    left as it is.
    """
    row = found["result"]
    if row["supersedes_revision"] is None:
        return found
    month_column = result.partition_column()
    before = issued(
        store, result, evidence, row[result.key()[0]], row[month_column], revision=row["supersedes_revision"]
    )
    return found | {"corrected": before}


def newest(rows: pa.Table, table: type[Table]) -> pa.Table:
    """Of a result or evidence table, the rows of each subject's newest revision."""
    subject = [name for name in table.key() if name != "revision"]
    latest = rows.group_by(subject).aggregate([("revision", "max")]).rename_columns([*subject, "_latest"])
    placed = rows.select([*subject, "revision"]).append_column(
        "_place", pa.array(range(rows.num_rows), pa.int64())
    )
    joined = placed.join(latest, subject, join_type="inner")
    chosen = joined.filter(pc.equal(joined.column("revision"), joined.column("_latest"))).column("_place")
    return rows.take(pa.array(sorted(chosen.to_pylist()), pa.int64()))


def newest_with_evidence(
    store: Store,
    result: type[Table],
    evidence: Sequence[type[Table]],
    month: str,
    leave_out: Collection[tuple[str, int]] = (),
) -> dict[str, Any]:
    """All newest results of a month: ``results`` as rows, and per evidence table its rows by subject, a tuple
    where the subject has two columns.

    leave_out  Subject and revision of results that do not count.
    Evidence rows belong to the revision of their result; those of earlier revisions are left out.
    """
    month_column = result.partition_column()
    subject_column = result.key()[0]
    subject = [name for name in result.key() if name not in ("revision",)]
    every = store.arrow(result, filters=[(month_column, "=", month)])
    if leave_out:
        names = zip(
            every.column(subject_column).to_pylist(), every.column("revision").to_pylist(), strict=True
        )
        every = every.filter(pa.array([name not in leave_out for name in names], pa.bool_()))
    rows = newest(every, result).to_pylist()
    revisions: Mapping[tuple[Any, ...], int] = {
        tuple(row[name] for name in subject): row["revision"] for row in rows
    }
    found: dict[str, Any] = {
        "results": sorted(rows, key=lambda row: tuple(str(row[name]) for name in subject))
    }
    for table in evidence:
        order = [name for name in table.key() if name not in (*subject, "revision")]
        grouped: dict[Any, list[dict[str, Any]]] = {}
        for line in store.arrow(table, filters=[(month_column, "=", month)]).to_pylist():
            if revisions.get(tuple(line[name] for name in subject)) == line["revision"]:
                named = tuple(line[name] for name in subject_columns(result))
                grouped.setdefault(named if len(named) > 1 else named[0], []).append(line)
        for lines in grouped.values():
            lines.sort(key=lambda line: tuple(line[name] for name in order))
        found[table.name] = grouped
    return found
