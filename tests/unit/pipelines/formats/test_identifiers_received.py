"""Every identifier of every received table, in every form: what breaks the rule is held back with its place,
what obeys it is kept to the letter, blanks at its ends are taken off, and the rows beside it stand.
"""

from __future__ import annotations

import csv
import io
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from pipelines.errors import InputRefusedError
from pipelines.formats import FormatSettings, ReadResult
from pipelines.formats.contract import declared_columns
from pipelines.formats.day_read import DayReadCsv
from pipelines.formats.day_read_wide import DayReadWideCsv
from pipelines.formats.declared import DeclaredCsv
from pipelines.formats.nem.nem12 import Nem12
from pipelines.formats.parquet import DeclaredParquet
from pipelines.formats.power_curve import COLUMNS, POINT_COLUMNS, PowerCurveCsv
from pipelines.settings import Settings, packaged
from pipelines.tables.base import Table
from pipelines.tables.bronze import (
    BronzeLoadCurves,
    BronzePayments,
    BronzeRegisterReads,
)
from tests.hostile_ids import DECLARED, LEGAL, REFUSED
from tests.unit.pipelines.formats.mapped_lines import lines, mapping
from tests.unit.pipelines.formats.mapped_lines import read as read_long

SETTINGS = Settings(packaged("conf"), packaged("conf")).section(FormatSettings)
PLACES = [
    (table, field.name, field.nullable) for table in DECLARED for field in table.fields() if field.identifier
]
ONE_LINE = [text for text in REFUSED if not set(text) & set("\n\r")]


def row_of(table: type[Table], **changes: str) -> dict[str, Any]:
    """A record that can be read, with every needed column filled."""
    fields = {field.name: field for field in table.fields()}
    found: dict[str, Any] = {}
    for name in declared_columns(table):
        if fields[name].identifier:
            found[name] = "A1"
        elif fields[name].nullable:
            found[name] = ""
        elif pa.types.is_date(fields[name].dtype):
            found[name] = "2026-09-01"
        else:
            found[name] = "2026-09" if name.endswith("_month") else "1"
    return found | {"sent_at": "2026-09-02 00:00:00"} | changes


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_parquet(table: type[Table], rows: list[dict[str, Any]], *, dictionary: bool = False) -> bytes:
    """The rows as the table declares them, their texts as they are."""
    schema = table.arrow_schema()
    columns = {}
    for name in rows[0]:
        texts = pa.array([row[name] or None for row in rows], pa.string())
        kind = pa.timestamp("us") if name == "sent_at" else schema.field(name).type
        columns[name] = texts if kind == pa.string() else _typed(texts, kind)
        if dictionary and kind == pa.string():
            columns[name] = columns[name].dictionary_encode()
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


def _typed(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return texts.cast(pa.timestamp("us")).cast(kind)
    if pa.types.is_boolean(kind):
        return pa.nulls(len(texts), kind)
    return texts.cast(pa.float64()).cast(kind)


def held(answer: ReadResult) -> list[tuple[int, str | None, str]]:
    """Line, column and reason code of each record held back."""
    return [
        (row["line_number"], row["column_name"], row["reason_code"]) for row in answer.rejects.to_pylist()
    ]


@pytest.mark.parametrize(("table", "column", "may_lack"), PLACES)
def test_csv_holds_back_what_breaks_the_rule(table: type[Table], column: str, may_lack: bool) -> None:
    rows = [row_of(table), *(row_of(table, **{column: text}) for text in ONE_LINE), row_of(table)]
    answer = DeclaredCsv(table).read(as_csv(rows), "x.csv", SETTINGS)
    assert [line for line, _, _ in held(answer)] == list(range(3, 3 + len(ONE_LINE)))
    assert {name for _, name, _ in held(answer)} == {column}
    assert {code for _, _, code in held(answer)} == {"bad_id", "nul_byte"}
    assert answer.rows.column(column).to_pylist() == ["A1", "A1"]


@pytest.mark.parametrize("text", ["C\n1", "C\r1"])
def test_a_line_end_inside_an_identifier_spoils_its_line_alone(text: str) -> None:
    rows = [row_of(BronzePayments), row_of(BronzePayments, customer_id=text), row_of(BronzePayments)]
    answer = DeclaredCsv(BronzePayments).read(as_csv(rows), "x.csv", SETTINGS)
    assert answer.rows.column("customer_id").to_pylist() == ["A1", "A1"]
    assert answer.rejects.num_rows >= 1


@pytest.mark.parametrize("dictionary", [False, True])
@pytest.mark.parametrize(("table", "column", "may_lack"), PLACES)
def test_parquet_does_the_same(table: type[Table], column: str, may_lack: bool, dictionary: bool) -> None:
    rows = [row_of(table), *(row_of(table, **{column: text}) for text in REFUSED), row_of(table)]
    answer = DeclaredParquet(table).read(as_parquet(table, rows, dictionary=dictionary), "x", SETTINGS)
    assert held(answer) == [(place + 2, column, "bad_id") for place in range(len(REFUSED))]
    assert answer.rows.column(column).to_pylist() == ["A1", "A1"]


@pytest.mark.parametrize(("table", "column", "may_lack"), PLACES)
def test_what_obeys_the_rule_is_kept_to_the_letter(table: type[Table], column: str, may_lack: bool) -> None:
    rows = [row_of(table, **{column: text}) for text in LEGAL]
    for answer in (
        DeclaredCsv(table).read(as_csv(rows), "x.csv", SETTINGS),
        DeclaredParquet(table).read(as_parquet(table, rows), "x", SETTINGS),
    ):
        assert held(answer) == []
        assert answer.rows.column(column).to_pylist() == list(LEGAL)


@pytest.mark.parametrize(("table", "column", "may_lack"), PLACES)
@pytest.mark.parametrize("spoilt", [False, True])
def test_blanks_at_the_ends_are_taken_off(
    table: type[Table], column: str, may_lack: bool, spoilt: bool
) -> None:
    """Whole columns at once, and line by line beside a record that cannot be read."""
    texts = [" A 1", "A 1\u3000", "\tA 1 ", " \u00a0 "]
    rows = [row_of(table, **{column: text}) for text in [*texts, *(["C\u200b"] if spoilt else [])]]
    empty = [(len(texts) + 1, column, "missing_key")]
    for first, answer in (
        (1, DeclaredCsv(table).read(as_csv(rows), "x.csv", SETTINGS)),
        (0, DeclaredParquet(table).read(as_parquet(table, rows), "x", SETTINGS)),
    ):
        lacking = [] if may_lack else [(line + first - 1, *rest) for line, *rest in empty]
        bad = [(len(texts) + 1 + first, column, "bad_id")] if spoilt else []
        assert held(answer) == lacking + bad
        expected: list[str | None] = ["A 1"] * 3
        assert answer.rows.column(column).to_pylist() == expected + ([None] if may_lack else [])


def curve(name: str) -> dict[str, Any]:
    points = dict.fromkeys(POINT_COLUMNS, "1")
    told = {"ID": name, "DATA_DATE": "2026-09-01", "DATA_TYPE": "1"}
    return dict.fromkeys(COLUMNS, "") | points | told


def read(name: str) -> dict[str, Any]:
    told = {"ID": name, "READ_TYPE": "1", "DATA_DATE": "2026-09-01", "COLL_TIME": "", "R": "1"}
    return told | dict.fromkeys(("R1", "R2", "R3", "R4", "STATUS", "INSERT_TIME"), "")


def wide_read(name: str) -> dict[str, Any]:
    return {"ID": name, "DATA_DATE": "2026-09-01", "COL_TIME": "", "PAP_R": "1", "PAP_R1": ""}


@pytest.mark.parametrize(
    ("reader", "line"), [(PowerCurveCsv(), curve), (DayReadCsv(), read), (DayReadWideCsv(), wide_read)]
)
def test_curves_and_registers_of_the_grid(reader: Any, line: Any) -> None:
    rows = [line(name) for name in ("A1", *ONE_LINE, " A 1\u3000", *LEGAL)]
    answer = reader.read(as_csv(rows), "x.csv", SETTINGS)
    assert [row[:2] for row in held(answer)] == [(place + 3, "ID") for place in range(len(ONE_LINE))]
    assert answer.rows.column("meter_point_id").to_pylist() == ["A1", "A 1", *LEGAL]


@pytest.mark.parametrize("table", [BronzeLoadCurves, BronzeRegisterReads])
def test_curves_and_registers_in_parquet(table: type[Table]) -> None:
    names = ["A1", *REFUSED, " A 1 ", *LEGAL]
    day = pa.array(["2026-09-01"] * len(names)).cast(pa.date32())
    columns: dict[str, Any] = {
        name: pa.nulls(len(names), table.arrow_schema().field(name).type) for name in declared_columns(table)
    }
    columns |= {"meter_point_id": pa.array(names), "channel_code": ["active_forward"] * len(names)}
    if table is BronzeLoadCurves:
        columns |= {"curve_date": day, "interval_minutes": pa.array([60] * len(names), pa.int32())}
        columns |= {"measure_code": ["energy"] * len(names), "values_unscaled": [[1.0] * 24] * len(names)}
    else:
        columns |= {"read_date": day}
    target = io.BytesIO()
    pq.write_table(pa.table(columns | {"sent_at": pa.nulls(len(names), pa.timestamp("us"))}), target)
    answer = DeclaredParquet(table).read(target.getvalue(), "x", SETTINGS)
    assert held(answer) == [(place + 2, "meter_point_id", "bad_id") for place in range(len(REFUSED))]
    assert answer.rows.column("meter_point_id").to_pylist() == ["A1", "A 1", *LEGAL]


def test_nem12_holds_back_the_days_of_a_stream_without_a_name() -> None:
    def stream(name: str) -> str:
        values = ",".join(["1"] * 48)
        return f"200,{name},E1,1,E1,N1,METER,KWH,30,\n300,20260901,{values},A,,,20260902000000,\n"

    names = ["A1", "C\u202e1", "C\x1b[31m", "x" * 300, " A 1 ", "C-x/../../x", "甲", "😀"]
    content = "100,NEM12,202609020000,X,Y\n" + "".join(map(stream, names)) + "900\n"
    answer = Nem12().read(content.encode(), "x.csv", SETTINGS)
    assert held(answer) == [(line, "NMI", "bad_id") for line in (5, 7, 9)]
    assert answer.rows.column("meter_point_id").to_pylist() == [
        f"NEM12-{name}-1" for name in ("A1", "A 1", "C-x/../../x", "甲", "😀")
    ]


TEXTS = dict.fromkeys(("meter", "ts", "sent"), pa.string())
ROUNDED = ("5.41449E+17", "5.41449e17", "2,31282E+13", "1E+11", "541449000000000000.0", "5414490000000000,00")
NEAR = ("5E12", "1E+5", "541449000000000001", "1001.0", "5.41449", "E+17", "12.5E+3")
"""Names that look much the same and have all their digits."""


@pytest.mark.parametrize(("table", "column", "may_lack"), PLACES)
def test_a_number_that_a_spreadsheet_rounded_is_no_identifier(
    table: type[Table], column: str, may_lack: bool
) -> None:
    rows = [row_of(table, **{column: text}) for text in (*ROUNDED, *NEAR)]
    for first, answer in (
        (2, DeclaredCsv(table).read(as_csv(rows), "x.csv", SETTINGS)),
        (1, DeclaredParquet(table).read(as_parquet(table, rows), "x", SETTINGS)),
    ):
        assert held(answer) == [(place + first, column, "bad_id") for place in range(len(ROUNDED))]
        assert all("a spreadsheet rounded this" in row["reason"] for row in answer.rejects.to_pylist())
        assert answer.rows.column(column).to_pylist() == list(NEAR)


@pytest.mark.parametrize(
    ("reader", "line"), [(PowerCurveCsv(), curve), (DayReadCsv(), read), (DayReadWideCsv(), wide_read)]
)
def test_rounded_numbers_in_files_of_the_grid(reader: Any, line: Any) -> None:
    answer = reader.read(as_csv([line(name) for name in (*ROUNDED, *NEAR)]), "x.csv", SETTINGS)
    assert [row[:2] for row in held(answer)] == [(place + 2, "ID") for place in range(len(ROUNDED))]
    assert answer.rows.column("meter_point_id").to_pylist() == list(NEAR)


def test_a_rounded_nmi_is_no_meter_point() -> None:
    values = ",".join(["1"] * 48)
    stream = f"200,6.12345E+10,E1,1,E1,N1,METER,KWH,30,\n300,20260901,{values},A,,,20260902000000,\n"
    content = f"100,NEM12,202609020000,X,Y\n{stream}900\n".encode()
    with pytest.raises(InputRefusedError, match="a spreadsheet rounded this"):
        Nem12().read(content, "x.csv", SETTINGS)


def test_rounded_meters_of_a_long_file_are_not_merged() -> None:
    """Two meters whose numbers a spreadsheet made alike, each line with a later time of its sender."""
    declared = mapping(interval_minutes=60, received_at={"column": "sent"})
    rows = [
        f'"{name}",2026-09-01 00:00,{place},2026-09-0{place + 2} 00:00' for place, name in enumerate(ROUNDED)
    ]
    told = [*rows, "541449000000000001,2026-09-01 00:00,7,2026-09-02 00:00"]
    text = lines(*told, header="meter,ts,kwh,sent")
    table = pa_csv.read_csv(
        io.BytesIO(text.encode()), convert_options=pa_csv.ConvertOptions(column_types=TEXTS)
    )
    target = io.BytesIO()
    pq.write_table(table, target)
    for first, answer in ((2, read_long(text, declared)), (1, read_long(target.getvalue(), declared))):
        assert held(answer) == [(place + first, "meter", "bad_id") for place in range(len(ROUNDED))]
        assert answer.rows.column("meter_point_id").to_pylist() == ["MP-541449000000000001"]


@pytest.mark.parametrize("blanks", ["   ", "\t", "\u00a0", "\u3000"])
def test_a_meter_written_with_and_without_blanks_is_one(blanks: str) -> None:
    rows = [f"A{blanks if hour >= 12 else ''},2026-09-01 {hour:02d}:00,0.5" for hour in range(24)]
    answer = read_long(lines(*rows), mapping(interval_minutes=60))
    assert answer.rows.column("meter_point_id").to_pylist() == ["MP-A"]
    assert answer.rows.column("values_unscaled").to_pylist() == [[0.5] * 24]
