"""Parquet in the declared shape: damage refuses the file, a bad record is held back with its column."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import InputRefusedError
from pipelines.formats import FormatSettings, ReadResult, detect
from pipelines.formats.contract import rows_schema
from pipelines.settings import load_settings, packaged
from pipelines.tables.bronze import BronzeLoadCurves, BronzePayments, BronzeRegisterReads

SETTINGS = load_settings(packaged("conf")).section(FormatSettings)
PAYMENT: dict[str, Any] = {
    "customer_id": "C1",
    "billing_month": "2026-08",
    "billed_cny": 100.5,
    "due_date": date(2026, 9, 10),
    "paid_date": None,
    "paid_cny": None,
    "provenance": "simulated",
    "sent_at": datetime(2026, 9, 1, 8, tzinfo=UTC),
}
CURVE: dict[str, Any] = {
    "meter_point_id": "MP1",
    "channel_code": "active_forward",
    "curve_date": date(2026, 9, 1),
    "interval_minutes": 360,
    "measure_code": "energy",
    "values_unscaled": [1.0, None, 3.0, 4.0],
    "present_flags": None,
    "sender_quality_codes": None,
    "sent_at": datetime(2026, 9, 1, 8, tzinfo=UTC),
}
READ: dict[str, Any] = {
    "meter_point_id": "MP1",
    "channel_code": "active_forward",
    "read_date": date(2026, 9, 1),
    "collected_at_utc": None,
    "register_unscaled": Decimal("12.34"),
    "rate_registers_unscaled": None,
    "sender_status": None,
    "sent_at": datetime(2026, 9, 1, 8, tzinfo=UTC),
}
TYPES = {
    field.name: field.type
    for table in (BronzePayments, BronzeLoadCurves, BronzeRegisterReads)
    for field in table.arrow_schema()
}


def parquet(*rows: dict[str, Any], types: dict[str, pa.DataType] | None = None) -> bytes:
    known = TYPES | {"sent_at": pa.timestamp("us", tz="UTC")} | (types or {})
    columns = {name: pa.array([row[name] for row in rows], known.get(name)) for name in rows[0]}
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def read(content: bytes) -> ReadResult:
    result = detect("x.parquet", content).read(content, "x.parquet", SETTINGS)
    assert result.received_rows == result.rows.num_rows + result.rejects.num_rows
    return result


def refused(content: bytes) -> tuple[str, str | None]:
    with pytest.raises(InputRefusedError) as refusal:
        read(content)
    return refusal.value.reason_code, refusal.value.column


def test_payments_curves_and_registers_are_told_apart_and_read() -> None:
    payments, curves, reads = read(parquet(PAYMENT)), read(parquet(CURVE)), read(parquet(READ))
    assert payments.rows.schema == rows_schema(BronzePayments)
    assert payments.rows.to_pylist()[0]["sent_at_utc"] == datetime(2026, 9, 1, 8, tzinfo=UTC)
    assert curves.rows.schema == rows_schema(BronzeLoadCurves)
    assert curves.rows.to_pylist()[0]["values_unscaled"] == [1.0, None, 3.0, 4.0]
    assert curves.rows["curve_month"].to_pylist() == ["2026-09"]
    assert reads.rows.schema == rows_schema(BronzeRegisterReads)
    assert (reads.rows["read_month"].to_pylist(), reads.rows["line_number"].to_pylist()) == (["2026-09"], [1])


def test_a_time_without_a_zone_is_local() -> None:
    row = PAYMENT | {"sent_at": datetime(2026, 9, 1, 8)}  # noqa: DTZ001
    assert read(parquet(row, types={"sent_at": pa.timestamp("us")})).rows["sent_at_utc"].to_pylist() == [
        datetime(2026, 9, 1, tzinfo=UTC)
    ]


@pytest.mark.parametrize("missing", [1, 4, 30, 200])
def test_a_cut_off_file_is_refused(missing: int) -> None:
    with pytest.raises(InputRefusedError) as refusal:
        detect("x.parquet", parquet(PAYMENT)[:-missing])
    assert refusal.value.reason_code == "unreadable_parquet"


def test_damaged_pages_are_refused() -> None:
    content = bytearray(parquet(PAYMENT))
    content[4:200] = bytes(196)
    assert refused(bytes(content)) == ("unreadable_parquet", None)


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())],
    ids=str,
)
@pytest.mark.parametrize("column", ["customer_id", "provenance"])
def test_bytes_that_are_no_text_cost_their_record_alone(column: str, kind: pa.DataType) -> None:
    rows = [PAYMENT | {column: text} for text in ("real", "Cxyz1", "甲", "Cxyz2")]
    content = parquet(*rows, types={column: kind}).replace(b"Cxyz", b"C\xff\xfe\xfd")
    result = read(content)
    assert result.rows[column].to_pylist() == ["real", "甲"]
    held = result.rejects.to_pylist()
    assert [(row["line_number"], row["column_name"], row["reason_code"]) for row in held] == [
        (2, column, "bad_encoding"),
        (4, column, "bad_encoding"),
    ]
    assert all("\\xff\\xfe\\xfd" in row["reason"] and "\\xff" in row["raw_record"] for row in held)


def test_a_quality_that_is_no_text_costs_its_day_alone() -> None:
    days = [CURVE | {"sender_quality_codes": [*"AAA", last]} for last in ("A", "Cxyz1", "A")]
    content = parquet(*days, CURVE).replace(b"Cxyz1", b"C\xff\xfe\xfd1")
    result = read(content)
    assert result.rows["line_number"].to_pylist() == [1, 3, 4]
    assert result.rows["sender_quality_codes"].to_pylist() == [[*"AAAA"], [*"AAAA"], None]
    (held,) = result.rejects.to_pylist()
    assert (held["line_number"], held["column_name"]) == (2, "sender_quality_codes")
    assert held["reason_code"] == "bad_encoding"


def test_a_missing_column_and_a_wrong_type_name_the_column() -> None:
    assert refused(parquet({key: value for key, value in PAYMENT.items() if key != "due_date"})) == (
        "missing_column",
        "due_date",
    )
    assert refused(parquet(PAYMENT | {"due_date": "soon"}, types={"due_date": pa.string()})) == (
        "wrong_type",
        "due_date",
    )
    assert refused(parquet(PAYMENT | {"customer_id": 7}, types={"customer_id": pa.int64()})) == (
        "wrong_type",
        "customer_id",
    )
    assert refused(parquet(READ | {"register_unscaled": 1.1}, types={"register_unscaled": pa.float64()})) == (
        "wrong_type",
        "register_unscaled",
    )
    assert refused(parquet(PAYMENT | {"sent_at": "2026"}, types={"sent_at": pa.string()})) == (
        "wrong_type",
        "sent_at",
    )


def test_a_surplus_column_is_noted() -> None:
    assert read(parquet(PAYMENT | {"colour": "red"})).notes == (
        "columns not in the contract, ignored: colour",
    )


def test_too_many_records_are_refused_before_they_are_read() -> None:
    content = parquet(PAYMENT, PAYMENT, PAYMENT)
    with pytest.raises(InputRefusedError, match="3 records"):
        detect("x", content).read(content, "x", SETTINGS.model_copy(update={"max_records": 2}))


@pytest.mark.parametrize(
    ("row", "changes", "column", "reason"),
    [
        (PAYMENT, {"customer_id": None}, "customer_id", "missing_key"),
        (PAYMENT, {"billed_cny": float("nan")}, "billed_cny", "bad_number"),
        (PAYMENT, {"billing_month": "2026-00"}, "billing_month", "bad_date"),
        (PAYMENT, {"due_date": date(1989, 12, 31)}, "due_date", "bad_date"),
        (PAYMENT, {"sent_at": datetime(1989, 12, 31, tzinfo=UTC)}, "sent_at", "bad_date"),
        (READ, {"collected_at_utc": datetime(2300, 1, 1, tzinfo=UTC)}, "collected_at_utc", "bad_date"),
        (CURVE, {"channel_code": "sideways"}, "channel_code", "bad_code"),
        (CURVE, {"interval_minutes": 7}, "interval_minutes", "bad_structure"),
        (CURVE, {"interval_minutes": 0}, "interval_minutes", "bad_structure"),
        (CURVE, {"interval_minutes": None}, "interval_minutes", "missing_key"),
        (CURVE, {"values_unscaled": [1.0, 2.0, 3.0]}, "values_unscaled", "bad_structure"),
        (CURVE, {"values_unscaled": [1.0, 2.0, 3.0, float("inf")]}, "values_unscaled", "bad_number"),
        (CURVE, {"values_unscaled": None}, "values_unscaled", "missing_key"),
        (CURVE, {"curve_date": None}, "curve_date", "missing_key"),
        (READ, {"register_unscaled": Decimal("-0.01")}, "register_unscaled", "out_of_range"),
    ],
)
def test_a_bad_record_is_held_back_with_its_number_and_column(
    row: dict[str, Any], changes: dict[str, Any], column: str, reason: str
) -> None:
    result = read(parquet(row, row | changes, row))
    reject = result.rejects.to_pylist()
    assert [(one["line_number"], one["column_name"], one["reason_code"]) for one in reject] == [
        (2, column, reason)
    ]
    assert result.rows["line_number"].to_pylist() == [1, 3]
