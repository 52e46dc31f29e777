"""The file a bank receives: one row per enterprise with score, grade, warning and reasons; a manifest; a detached signature."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
COLUMNS = (
    "customer_id", "customer_name", "score_month", "score_points", "grade_code", "default_probability_ratio", "horizon_months", "warning_code",
    "veto_code", "score_change_points", "estimated_ratio", "scale_label", "model_name", "model_version", "revision", "provenance",
)  # fmt: skip
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: Any) -> str:
    """Text that no spreadsheet takes for a formula; numbers stay numbers.

    >>> cell('=HYPERLINK("x")')
    '\\'=HYPERLINK("x")'
    >>> cell(-3)
    '-3'
    """
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6f}"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    return "'" + text if text.startswith(_STARTS_A_FORMULA) else text


def write_bank_file(
    scores: Sequence[Row], reasons: Mapping[str, Sequence[Row]], month: str, folder: Path, sign: Callable[[bytes], bytes], context: Mapping[str, Any]
) -> Path:
    """Writes ``credit_index_v1_MONTH_SIMULATED.csv`` (the word only where a row is simulated), its manifest and the manifest's signature.

    scores   Rows of credit_index_v1; reasons: customer -> its rows of credit_index_reasons_v1.
    sign     Ed25519 over the manifest's bytes.
    context  What the manifest says of tables, facts, model and key.
    Returns the path of the manifest.
    """
    count = max((len(rows) for rows in reasons.values()), default=0)
    header = [*COLUMNS, *[f"reason_{rank}_{part}" for rank in range(1, count + 1) for part in ("id", "points", "zh", "en")]]
    text = StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(header)
    ordered = sorted(scores, key=lambda row: str(row["customer_id"]))
    for row in ordered:
        told = [cell(reason[name]) for reason in reasons.get(row["customer_id"], ()) for name in ("reason_id", "effect_points", "text_zh", "text_en")]
        writer.writerow([*(cell(row[name]) for name in COLUMNS), *told])
    mark = "_SIMULATED" if any("simulated" in str(row["provenance"]) for row in ordered) else ""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"credit_index_v1_{month}{mark}.csv"
    content = text.getvalue().encode("utf-8-sig")
    path.write_bytes(content)
    manifest = {
        "file": path.name,
        "rows": len(ordered),
        "sha256": hashlib.sha256(content).hexdigest(),
        "encoding": "UTF-8 with BOM",
        "columns": header,
        "month": month,
        "provenance": sorted({str(row["provenance"]) for row in ordered}),
        "scale": sorted({str(row["scale_label"]) for row in ordered}),
        **context,
    }
    raw = json.dumps(manifest, ensure_ascii=False, sort_keys=True, indent=1).encode()
    target = path.with_suffix(".manifest.json")
    target.write_bytes(raw)
    target.with_suffix(".sig").write_bytes(sign(raw))
    return target
