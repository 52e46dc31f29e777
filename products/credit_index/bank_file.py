"""The file a bank receives: one line per enterprise, a manifest that counts and hashes it, and a detached
signature of the manifest.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from pathlib import Path, PurePosixPath
from typing import TypeVar

import pyarrow as pa

from pipelines.codes import Provenance
from pipelines.errors import UsageError
from pipelines.periods import BillingMonth
from pipelines.tables.base import rows_of_table
from products.credit_index.rows import CreditIndexReasonsV1Row, CreditIndexV1Row
from products.page_kit.site import write_bytes
from products.provenance import provenances

AnyPath = TypeVar("AnyPath", Path, PurePosixPath)

LAYOUT = "credit_index_bank_file_v1"
COLUMNS = (
    "customer_id",
    "customer_name",
    "score_month",
    "revision",
    "industry_code",
    "default_probability_ratio",
    "horizon_months",
    "score_points",
    "grade_code",
    "veto_code",
    "veto_zh",
    "warning_code",
    "score_change_points",
    "estimated_ratio",
    "scale_label",
    "model_name",
    "model_version",
    "provenance",
)
REASON_COLUMNS = ("reason_id", "effect_points", "text_zh", "text_en")
_OF_SOMEBODY = frozenset((Provenance.REAL, Provenance.DATES_SHIFTED))
# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_bank_file(
    scores: pa.Table,
    reasons: pa.Table,
    month: BillingMonth,
    folder: Path,
    sign: Callable[[bytes], bytes],
    context: Mapping[str, object],
) -> Path:
    """Writes ``credit_index_{month}.csv`` with ``.manifest.json`` and ``.manifest.json.sig`` beside it, and
    returns the CSV's path.

    scores   Rows of credit_index_v1; only the newest revision of each customer of that month goes out.
    reasons  Rows of credit_index_reasons_v1.
    sign     Gives the detached signature of the manifest's bytes.
    context  What only the caller knows: ``key_id``, ``facts_digest``, ``table_versions``, ``model_digest``,
             ``run_id``; all go into the manifest.
    The signature covers the manifest, and the manifest the CSV by its SHA-256. The manifest is written last:
    a CSV without one is not delivered.
    Raises UsageError where the month has no scores, or where a row is not simulated: real scores need the
    subject's authorisation on record.
    """
    rows = newest_revisions(scores, month)
    if not rows:
        raise UsageError(
            f"There are no scores of {month} to deliver.", "Run the credit-index stage for that month first."
        )
    real = sum(not is_simulated(row) for row in rows)
    if real:
        raise UsageError(
            f"{real} scores of {month} are not simulated; authorisations are not on record.",
            "Deliver simulated scores only.",
        )
    content = bank_csv(rows, reasons_by_customer(reasons, rows))
    path = folder / f"credit_index_{month}.csv"
    manifest = {
        **context,
        "layout": LAYOUT,
        "file": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "encoding": "UTF-8, RFC 4180, every field quoted, a leading ' before formula characters",
        "month": str(month),
        "rows": len(rows),
        "grades": dict(sorted(Counter(row["grade_code"] for row in rows).items())),
        "warnings": dict(sorted(Counter(row["warning_code"] for row in rows).items())),
        "vetoes": dict(sorted(Counter(row["veto_code"] for row in rows if row["veto_code"]).items())),
        "model_versions": sorted({f"{row['model_name']}:{row['model_version']}" for row in rows}),
        "scale": rows[0]["scale_label"],
        "provenance": "SIMULATED",
        "note": "模拟数据，不得用于授信 · simulated enterprises, not for lending decisions",
    }
    raw = json.dumps(manifest, sort_keys=True, ensure_ascii=False, indent=1).encode()
    for target, written in ((path, content), (signature_path(path), sign(raw)), (manifest_path(path), raw)):
        write_bytes(target, written)
    return path


def is_simulated(row: CreditIndexV1Row) -> bool:
    """Whether a score is of nobody real, so that it may go to a bank without an authorisation."""
    kinds = set(provenances(row["provenance"]))
    return Provenance.SIMULATED in kinds and not kinds & _OF_SOMEBODY


def manifest_path(path: AnyPath) -> AnyPath:
    """The manifest beside a bank file."""
    return path.with_name(f"{path.stem}.manifest.json")


def signature_path(path: AnyPath) -> AnyPath:
    """The detached signature beside a bank file."""
    return path.with_name(f"{path.stem}.manifest.json.sig")


def newest_revisions(scores: pa.Table, month: BillingMonth) -> list[CreditIndexV1Row]:
    """The newest revision of each customer's score of a month, by customer."""
    newest: dict[str, CreditIndexV1Row] = {}
    for row in rows_of_table(scores, CreditIndexV1Row):
        known = newest.get(row["customer_id"])
        if row["score_month"] == str(month) and (known is None or row["revision"] > known["revision"]):
            newest[row["customer_id"]] = row
    return [newest[customer] for customer in sorted(newest)]


def reasons_by_customer(
    reasons: pa.Table, rows: Sequence[CreditIndexV1Row]
) -> dict[str, list[CreditIndexReasonsV1Row]]:
    """The reasons of each of these scores, of the same month and revision, by rank."""
    wanted = {(row["customer_id"], row["score_month"], row["revision"]) for row in rows}
    found: dict[str, list[CreditIndexReasonsV1Row]] = {row["customer_id"]: [] for row in rows}
    for reason in rows_of_table(reasons, CreditIndexReasonsV1Row):
        if (reason["customer_id"], reason["score_month"], reason["revision"]) in wanted:
            found[reason["customer_id"]].append(reason)
    return {
        customer: sorted(own, key=lambda reason: int(reason["reason_rank"]))
        for customer, own in found.items()
    }


def bank_csv(
    rows: Sequence[Mapping[str, object]], reasons: Mapping[str, Sequence[Mapping[str, object]]]
) -> bytes:
    """The lines of a bank file: the score, then each reason's columns by rank; every field quoted."""
    ranks = max((len(own) for own in reasons.values()), default=0)
    header = [
        *COLUMNS,
        *(
            f"reason_{rank}_{name.removeprefix('reason_')}"
            for rank in range(1, ranks + 1)
            for name in REASON_COLUMNS
        ),
    ]
    text = StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        told = [reason[name] for reason in reasons[str(row["customer_id"])] for name in REASON_COLUMNS]
        cells = [*(row[name] for name in COLUMNS), *told, *[None] * (len(header) - len(COLUMNS) - len(told))]
        writer.writerow([_cell(value) for value in cells])
    return text.getvalue().encode()


def _cell(value: object) -> str:
    """A cell as text; numbers stay numbers, text that a spreadsheet would run is disarmed."""
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(round(value, 6))
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA_STARTS) else text
