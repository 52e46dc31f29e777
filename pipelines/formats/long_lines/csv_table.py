"""A long or wide CSV file under a mapping as typed lines."""

from __future__ import annotations

import re
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.codes import RejectReason
from pipelines.errors import InputRefusedError
from pipelines.formats.cells import Cell, CellKind
from pipelines.formats.contract import FormatSettings, RefusalReason
from pipelines.formats.csv_lines import CsvLayout, Header
from pipelines.formats.csv_records import CellsRead, read_cells, read_header
from pipelines.formats.long_lines.typed_lines import LineRejects, TypedLines, typed_lines
from pipelines.formats.mapped.stamps import faults_told, stamp_reader
from pipelines.formats.mapped.wide_days import IntervalColumns, interval_columns
from pipelines.formats.mapping import LongMapping
from pipelines.formats.shape.last_line import CUT_REASON, last_line
from pipelines.tables.bronze import BronzeLoadCurves

_BROKEN = (RejectReason.TOO_FEW_FIELDS, RejectReason.NUL_BYTE, RejectReason.BAD_ENCODING)
_TIME_OF_DAY = re.compile(r"\s*\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*([AaPp][Mm])?\s*")


def csv_lines(content: bytes, name: str, mapping: LongMapping, settings: FormatSettings) -> TypedLines:
    """The lines of a whole file; raises InputRefusedError as ``read_cells`` and ``typed_lines`` do, and
    missing_column where the columns of the intervals are not those of a day.
    """
    declared = settings.model_copy(update={"default_encoding": mapping.encoding, "encodings": {}})
    cells = _cells(mapping)
    layout = CsvLayout(tuple(cells), BronzeLoadCurves, lambda table: table, dialect=mapping.dialect)
    header = read_header(content, name, layout, declared)
    intervals = None
    if mapping.wide:
        header, intervals = _wide_header(header, name, mapping)
        numbers = [Cell(column, CellKind.NUMBER, notation=mapping.numbers) for column in intervals[1]]
        layout = replace(layout, cells=(*cells, *numbers))
    read = read_cells(content, name, layout, declared, header)
    rejects = _stamps_first(read, mapping)
    cut, told = last_line(read.lines, settings.least_odd_steps)
    cells_read = read.cells
    if cut is not None and cut not in read.rejects.lines():
        rejects.add(cut, mapping.number_column(-1), RejectReason.CUT_SHORT, CUT_REASON, read.record(cut))
        cells_read = cells_read.filter(pc.not_equal(cells_read["line_number"], cut))
    count = cells_read.num_rows + len(rejects)
    table = typed_lines(
        cells_read, name, mapping, settings, rejects, read.record, intervals, lambda: _time_columns(read)
    )
    before = (
        ()
        if header.line == 1
        else (f"the header is line {header.line}; what stands before it is passed over",)
    )
    warnings = (told,) if told else ()
    notes = (*before, *read.notes)
    return TypedLines(table, rejects, read.record, count, notes, warnings, read.header.names)


def _stamps_first(read: CellsRead, mapping: LongMapping) -> LineRejects:
    """The lines that cannot be read; of one whose stamp is none either, the stamp is told: such a line is one
    of units or a header again and no record with a slip.
    """
    rows = read.rejects.table().to_pylist()
    stamps = [mapping.wide.date] if mapping.wide else list(mapping.stamp.columns)
    others = {cell.name for cell in _cells(mapping)} - set(stamps)
    places = [read.header.names.index(column) for column in stamps]
    texts = [
        _stamp_text(read, row["line_number"], places)
        if row["column_name"] in others and row["reason_code"] not in _BROKEN
        else None
        for row in rows
    ]
    column = pa.chunked_array([pa.array(texts, pa.string())])
    told = dict(faults_told(stamp_reader(mapping.stamp).read(column), column))
    rejects = LineRejects()
    for place, row in enumerate(rows):
        if place in told:
            row |= {
                "column_name": mapping.stamp_shown,
                "reason_code": RejectReason.BAD_DATE,
                "reason": told[place],
            }
        rejects.add(*row.values())
    return rejects


def _stamp_text(read: CellsRead, line: int, places: list[int]) -> str | None:
    fields = read.fields(line)
    texts = [fields[place] for place in places]
    return " ".join(texts) if all(texts) else None


def _cells(mapping: LongMapping) -> list[Cell]:
    """The cells that every file needs; stamps stay texts, for their sense may hang on other lines."""
    notation = mapping.numbers
    stamps = [mapping.wide.date] if mapping.wide else list(mapping.stamp.columns)
    cells = [Cell(column, CellKind.TEXT, required=True, notation=notation) for column in stamps]
    if mapping.meter_point.column:
        cells.append(
            Cell(
                mapping.meter_point.column,
                CellKind.IDENTIFIER,
                required=True,
                length=mapping.meter_point.longest,
                notation=notation,
            )
        )
    cells += [
        Cell(value.column, CellKind.NUMBER, notation=notation) for value in mapping.values if value.column
    ]
    if mapping.channel:
        codes = mapping.channel.codes
        cells.append(
            Cell(mapping.channel.column, CellKind.CODE, required=True, codes=codes, notation=notation)
        )
    if mapping.quality:
        codes = mapping.quality.codes
        cells.append(Cell(mapping.quality.column, CellKind.CODE, codes=codes, notation=notation))
    if mapping.received_at:
        cells.append(Cell(mapping.received_at.column, CellKind.TEXT, notation=notation))
    return cells


def _wide_header(
    header: Header, name: str, mapping: LongMapping
) -> tuple[Header, tuple[IntervalColumns, tuple[str, ...]]]:
    """The header with a name for each interval column, and those columns."""
    if mapping.wide is None:
        raise ValueError("the mapping is of a long file")
    try:
        found = interval_columns(mapping.wide, header.names, mapping.stamp.place, mapping.interval_minutes)
    except ValueError as error:
        raise InputRefusedError(
            name, RefusalReason.MISSING_COLUMN, f"wide.columns: {error}", line=header.line
        ) from None
    names = list(header.names)
    for place in found.places:
        if not names[place] or names.count(names[place]) > 1:
            names[place] = f"column {place + 1}"
    return replace(header, names=tuple(names)), (found, tuple(names[place] for place in found.places))


def _time_columns(read: CellsRead) -> list[str]:
    """Names of columns whose first cell is a time of day."""
    if not len(read.lines):
        return []
    cells = read.fields(int(read.lines.numbers[0]))
    return [
        name
        for name, cell in zip(read.header.names, cells, strict=False)
        if name and _TIME_OF_DAY.fullmatch(cell)
    ]
