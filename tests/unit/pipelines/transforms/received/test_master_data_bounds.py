"""Meter points that can only be a slip of the sender: refused with line and column in every way they can be
read, and never assumed away.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.engine.gate import Rule, check
from pipelines.engine.gate_rules import rules_of
from pipelines.errors import GateHaltedError
from pipelines.facts import load_facts
from pipelines.formats import FormatSettings, ReadResult, detect
from pipelines.formats.contract import declared_columns
from pipelines.settings import load_settings, packaged
from pipelines.storage.constraints import below_minimum
from pipelines.tables.bronze import BronzeMeterPoints
from pipelines.tables.silver import SilverMeterPoints
from zhixiang.vee_files.outputs import write_vee
from zhixiang.vee_files.run import run_vee

pytestmark = pytest.mark.long

CONF = load_settings(packaged("conf"))
SETTINGS = CONF.section(FormatSettings)
STEEL = packaged("samples") / "steel"
POINT = {
    "meter_point_id": "MP1",
    "valid_from_date": "2026-01-01",
    "meter_id": "M1",
    "multiplier_ratio": "10",
    "capacity_kva": "400",
}
NONSENSE = [
    ("multiplier_ratio", "0"),
    ("multiplier_ratio", "-3"),
    ("multiplier_ratio", "1e300"),
    ("multiplier_ratio", "100000001"),
    ("capacity_kva", "0"),
    ("capacity_kva", "-5"),
    ("capacity_kva", "1e300"),
]
SOUND = [
    ("multiplier_ratio", "0.001"),
    ("multiplier_ratio", "1"),
    ("multiplier_ratio", "100000000"),
    ("capacity_kva", "0.5"),
    ("capacity_kva", ""),
]


def by_csv(*points: dict[str, str]) -> ReadResult:
    columns = [*declared_columns(BronzeMeterPoints), "sent_at"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(points)
    content = text.getvalue().replace("\r\n", "\n").encode()
    return detect("points.csv", content).read(content, "points.csv", SETTINGS)


def by_parquet(*points: dict[str, str]) -> ReadResult:
    rows: list[dict[str, Any]] = []
    for point in points:
        typed = {"valid_from_date": date(2026, 1, 1), "sent_at": datetime(2026, 1, 1, tzinfo=UTC)}
        numbers = {
            name: float(point[name]) if point[name] else None for name in ("multiplier_ratio", "capacity_kva")
        }
        rows.append(dict.fromkeys(declared_columns(BronzeMeterPoints)) | point | typed | numbers)
    declared = BronzeMeterPoints.arrow_schema()
    schema = pa.schema(
        [declared.field(name) for name in declared_columns(BronzeMeterPoints)]
        + [("sent_at", pa.timestamp("us", "UTC"))]
    )
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema), sink)
    return detect("points.parquet", sink.getvalue()).read(sink.getvalue(), "points.parquet", SETTINGS)


@pytest.mark.parametrize("reader", [by_csv, by_parquet])
@pytest.mark.parametrize(("column", "value"), NONSENSE)
def test_a_slip_is_held_back_with_line_and_column_and_the_other_rows_go_on(
    reader: Any, column: str, value: str
) -> None:
    result = reader(POINT, POINT | {"meter_point_id": "MP2", column: value})
    (reject,) = result.rejects.to_pylist()
    line = 3 if reader is by_csv else 2
    assert (reject["line_number"], reject["column_name"], reject["reason_code"]) == (
        line,
        column,
        "out_of_range",
    )
    assert "above 0" in reject["reason"] or "at most 100,000,000" in reject["reason"]
    assert result.rows["meter_point_id"].to_pylist() == ["MP1"]


@pytest.mark.parametrize("reader", [by_csv, by_parquet])
@pytest.mark.parametrize(("column", "value"), SOUND)
def test_what_a_meter_can_have_is_taken(reader: Any, column: str, value: str) -> None:
    result = reader(POINT | {column: value})
    assert (result.rows.num_rows, result.rejects.num_rows) == (1, 0)
    assert result.rows[column].to_pylist() == [float(value) if value else None]


def test_silver_promises_the_same() -> None:
    told = [rule.text for rule in rules_of(SilverMeterPoints)]
    assert "multiplier_ratio lies in (0, 1e+08]" in told
    assert "capacity_kva lies in (0, 1e+08]" in told
    rows = pa.table({"multiplier_ratio": [0.0, 1e-9, -1.0], "capacity_kva": [None, 0.0, 0.5]})
    assert below_minimum(rows, SilverMeterPoints) == 3


def test_the_gate_halts_on_the_bound_itself_and_lets_what_lies_above_it_pass() -> None:
    rule = Rule("between", ("multiplier_ratio",), above=0, maximum=10)
    assert check(pd.DataFrame({"multiplier_ratio": [1e-9, 10.0]}), "points", [rule]).failures == ()
    with pytest.raises(GateHaltedError, match=r"multiplier_ratio lies in \(0, 10\]: fails on 2 rows"):
        check(pd.DataFrame({"multiplier_ratio": [0.0, 1.0, 10.5]}), "points", [rule])


def test_vee_assumes_no_multiplier_for_a_meter_point_whose_row_was_held_back(tmp_path: Path) -> None:
    text = (STEEL / "meter_points.csv").read_text(encoding="utf-8")
    assert ",1000,6,5," in text
    (tmp_path / "meter_points.csv").write_text(text.replace(",1000,6,5,", ",0,6,5,"), encoding="utf-8")
    files = [
        STEEL / "E_MP_POWER_CURVE_2026-03.csv",
        STEEL / "E_MP_DAY_READ_2026-03.csv",
        tmp_path / "meter_points.csv",
    ]
    result = run_vee(files, None, CONF, load_facts(CONF.facts_dir), date(2026, 11, 1))
    assert (result.assumed, result.unknown) == ([], ["MP-STEEL-0001"])
    assert (result.curves.num_rows, result.registers.num_rows) == (0, 0)
    held = [row for row in result.rejects if row["file"].endswith("meter_points.csv")]
    assert [(row["line_number"], row["column_name"], row["reason_code"]) for row in held] == [
        (2, "multiplier_ratio", "out_of_range")
    ]
    others = [row for row in result.rejects if row not in held]
    assert {row["reason_code"] for row in others} == {"unknown_meter_point"}
    figures = write_vee(result, tmp_path / "out")
    assert (figures["unknown_multiplier"], figures["assumed_multiplier_1"], figures["measured"]) == (1, 0, 0)
    assert "multiplier unusable" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
