"""The project's own contract for tables without a grid standard: CSV with the declared columns and
``sent_at``.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from pipelines.formats.cells import Cell, CellKind
from pipelines.formats.contract import SNIFF_SHARE, FormatSettings, ReadResult, declared_columns, rows_schema
from pipelines.formats.csv_lines import CsvLayout
from pipelines.formats.csv_records import read_csv, sniff_columns
from pipelines.tables.base import BOOLEAN, DATE, DOUBLE, ENERGY, INTEGER, Table

SENT_AT = "sent_at"

_KINDS = {DATE: CellKind.DATE, DOUBLE: CellKind.NUMBER, ENERGY: CellKind.DECIMAL, INTEGER: CellKind.INTEGER}
_BOOLEANS = {"true": True, "false": False}


def cells_of(table: type[Table]) -> tuple[Cell, ...]:
    """The cells of a file in the declared form."""
    fields = {field.name: field for field in table.fields()}
    cells = []
    for column in declared_columns(table):
        field = fields[column]
        kind, accepted = _KINDS.get(field.dtype, CellKind.TEXT), dict[str, Any]()
        if field.dtype == BOOLEAN:
            kind, accepted = CellKind.CODE, dict(_BOOLEANS)
        elif field.codes is not None:
            kind, accepted = CellKind.CODE, {member.value: member.value for member in field.codes}
        elif column.endswith("_month"):
            kind = CellKind.MONTH
        elif field.identifier:
            kind = CellKind.IDENTIFIER
        needed, least, above, most = not field.nullable, field.minimum, field.above, field.maximum
        cells.append(
            Cell(
                column,
                kind,
                needed,
                accepted,
                minimum=least,
                above=above,
                maximum=most,
                optional=field.optional,
            )
        )
    return (*cells, Cell(SENT_AT, CellKind.LOCAL_TIME))


class DeclaredCsv:
    """Reader of the CSV files of one declared bronze table."""

    def __init__(self, table: type[Table]) -> None:
        self.table = table
        self.id = f"declared_{table.name.removeprefix('bronze_')}_csv"
        self.title = f"{table.name.removeprefix('bronze_')} (CSV in the declared form)"
        self.cells = cells_of(table)

    def sniff(self, name: str, head: bytes, share: float = SNIFF_SHARE) -> bool:
        """Whether the header has most of the columns."""
        return sniff_columns([cell.name for cell in self.cells if not cell.optional], head, share)

    def read(self, content: bytes, name: str, settings: FormatSettings) -> ReadResult:
        """Reads a whole unpacked file."""
        return read_csv(content, name, self.layout(settings), settings)

    def layout(self, settings: FormatSettings) -> CsvLayout:
        """The cells of the table's declaration."""
        return CsvLayout(self.cells, self.table, self._assemble)

    def _assemble(self, cells: pa.Table) -> pa.Table:
        named = cells.rename_columns({SENT_AT: "sent_at_utc"})
        return named.select(rows_schema(self.table).names)
