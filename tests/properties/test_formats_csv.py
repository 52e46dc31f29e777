"""Whatever the bytes: every record is accounted for, and the column way and the line way never differ."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.formats import FormatSettings, LongMapping
from pipelines.formats.cells import Cell, CellKind
from pipelines.formats.contract import Rejects
from pipelines.formats.csv_lines import CsvLayout, Header, read_lines
from pipelines.formats.csv_records import read_columns
from pipelines.formats.day_read import COLUMNS, DayReadCsv
from pipelines.settings import load_settings, packaged
from pipelines.tables.bronze import BronzeRegisterReads
from tests.unit.pipelines.formats.mapped_lines import mapping

SETTINGS = load_settings(packaged("conf")).section(FormatSettings)
CELLS = (
    Cell("text", CellKind.TEXT),
    Cell("key", CellKind.TEXT, required=True),
    Cell("number", CellKind.NUMBER),
    Cell("decimal", CellKind.DECIMAL, minimum=0),
    Cell("integer", CellKind.INTEGER),
    Cell("date", CellKind.DATE),
    Cell("time", CellKind.LOCAL_TIME),
    Cell("month", CellKind.MONTH),
    Cell("code", CellKind.CODE, codes={"1": "one", "2": "two"}),
    Cell("yes", CellKind.CODE, codes={"true": True, "false": False}),
)
LAYOUT = CsvLayout(CELLS, BronzeRegisterReads, lambda cells: cells)
HEADER = Header(tuple(cell.name for cell in CELLS), "utf-8", 0)

near_numbers = st.text("0123456789.+-eE _nxif,", max_size=9)
years, months, days = ["2026", "1989", "0000", "26"], ["09", "13", "2", "00"], ["01", "31", "30", " 1"]
clocks = ["01:02:03", "24:00:00", "01:02", "01", "01:02:03.5", "01:02:60", "01:02:03Z", ""]
near_dates = st.builds(
    "{}-{}-{}".format, st.sampled_from(years), st.sampled_from(months), st.sampled_from(days)
)
near_times = st.builds(
    "{}{}{}".format, near_dates, st.sampled_from([" ", "T", "", "  "]), st.sampled_from(clocks)
)
anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r"), max_size=6)
good_cells = st.tuples(
    st.sampled_from(["", "a", "杭州", " x "]),
    st.sampled_from(["k", "MP1"]),
    st.one_of(st.just(""), st.floats(allow_nan=False, allow_infinity=False).map(repr)),
    st.one_of(st.just(""), st.decimals(0, 10**11, places=6).map(str)),
    st.one_of(st.just(""), st.integers(-999999999, 999999999).map(str)),
    st.one_of(st.just(""), st.dates(SETTINGS.earliest_date, SETTINGS.latest_date).map(str)),
    st.one_of(
        st.just(""), st.dates(SETTINGS.earliest_date, SETTINGS.latest_date).map(lambda day: f"{day} 23:59:59")
    ),
    st.sampled_from(["", "2026-09"]),
    st.sampled_from(["", "1", "2"]),
    st.sampled_from(["", "true", "false"]),
)
wild_cell = st.one_of(
    near_numbers,
    near_dates,
    near_times,
    anything,
    st.sampled_from(['"', '""', '"a"', "true", "1", "2026-09"]),
)


NOTATIONS = st.sampled_from(
    [
        mapping(separator=separator, decimal=decimal, thousands=thousands, nothing=["--", "null"])
        for separator in (",", ";", "tab")
        for decimal, thousands in ((".", ","), (",", "."), (",", ""), (".", " "), (",", "'"), (".", ""))
    ]
)


@given(
    NOTATIONS,
    st.lists(
        st.one_of(
            near_numbers,
            st.sampled_from(["1.234", "1,234.5", "1.234,5", "--", "NULL", "1 234", "0,071", "1'234"]),
        ),
        min_size=1,
        max_size=3,
    ),
)
@settings(max_examples=600, deadline=None)
def test_numbers_of_a_declared_notation_are_read_the_same_both_ways(
    declared: LongMapping, cells: list[str]
) -> None:
    cell = Cell("number", CellKind.NUMBER, notation=declared.numbers)
    layout = CsvLayout((cell,), BronzeRegisterReads, lambda table: table, dialect=declared.dialect)
    header = Header(("number", "last"), "utf-8", 0, declared.separator or ",")
    records = [f'"{text}"{header.separator}x'.encode() for text in cells]
    numbers, rejects = np.arange(2, len(records) + 2), Rejects()
    fast = read_columns(pa.py_buffer(b"\n".join(records) + b"\n"), numbers, header, layout, SETTINGS)
    slow = read_lines(records, numbers.tolist(), header, layout, SETTINGS, rejects)
    assert slow.num_rows + len(rejects) == len(records)
    if fast is not None:
        assert len(rejects) == 0, rejects.table().to_pylist()
        assert fast.equals(slow)
    elif len(rejects) == 0:
        # What the column way gives up the line way may still take: a sign or blanks around a number.
        assert any(text != text.strip() or text.startswith("+") for text in cells)


def both_ways(records: list[bytes]) -> tuple[pa.Table | None, pa.Table, Rejects]:
    numbers = np.arange(2, len(records) + 2)
    rejects = Rejects()
    fast = read_columns(pa.py_buffer(b"\n".join(records) + b"\n"), numbers, HEADER, LAYOUT, SETTINGS)
    slow = read_lines(records, numbers.tolist(), HEADER, LAYOUT, SETTINGS, rejects)
    return fast, slow, rejects


@given(st.lists(good_cells, min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_good_records_are_read_the_same_both_ways(rows: list[tuple[str, ...]]) -> None:
    fast, slow, rejects = both_ways([",".join(row).encode() for row in rows])
    assert fast is not None
    assert fast.equals(slow)
    assert len(rejects) == 0


@given(good_cells, st.integers(0, len(CELLS) - 1), wild_cell)
@settings(max_examples=600, deadline=None)
def test_what_the_column_way_accepts_the_line_way_reads_the_same(
    row: tuple[str, ...], place: int, cell: str
) -> None:
    fast, slow, rejects = both_ways([",".join([*row[:place], cell, *row[place + 1 :]]).encode()])
    if fast is not None:
        assert len(rejects) == 0, rejects.table().to_pylist()
        assert fast.equals(slow)


@given(
    st.lists(st.one_of(st.binary(max_size=40), st.just(b"MP1,1,2026-09-01,,1.5,,,,,,")), max_size=12),
    st.sampled_from([b"\n", b"\r\n"]),
)
@settings(max_examples=300, deadline=None)
def test_every_record_is_kept_or_rejected(lines: list[bytes], end: bytes) -> None:
    content = end.join([",".join(COLUMNS).encode(), *lines])
    result = DayReadCsv().read(content, "x.csv", SETTINGS)
    records = [line for line in content.split(b"\n")[1:] if line.removesuffix(b"\r")]
    numbers = sorted([*result.rows["line_number"].to_pylist(), *result.rejects["line_number"].to_pylist()])
    assert result.received_rows == len(records) == len(numbers) == len(set(numbers))
    assert result.rows.num_rows >= sum(
        line == b"MP1,1,2026-09-01,,1.5,,,,,," for line in content.split(end)[1:]
    )
