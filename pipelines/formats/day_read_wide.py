"""E_MP_DAY_READ in its old wide form: one row per meter point and day, one group of columns per register
family, as CSV.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import InputRefusedError
from pipelines.formats.cells import Cell, CellKind, month_of
from pipelines.formats.contract import SNIFF_SHARE, FormatSettings, ReadResult, RefusalReason, rows_schema
from pipelines.formats.csv_lines import CsvLayout
from pipelines.formats.csv_records import header_names, read_csv
from pipelines.formats.day_read import EVERY_RATE, rate_lists, up_to_last
from pipelines.tables.base import STRING, Table
from pipelines.tables.bronze import BronzeRegisterReads

KEY_COLUMNS = ("ID", "DATA_DATE", "COL_TIME")
INSERT_TIME = "INSERT_TIME"
_FAMILY = re.compile(r"([A-Z][A-Z0-9]*)_R")


class DayReadWideCsv:
    """Reader of old E_MP_DAY_READ files; which family counts what stands in ``wide_register_families`` of the
    settings.
    """

    id = "e_mp_day_read_wide_csv"
    title = "E_MP_DAY_READ (CSV, old wide form)"
    table: type[Table] = BronzeRegisterReads

    def sniff(self, name: str, head: bytes, share: float = SNIFF_SHARE) -> bool:
        """Whether the header has the key columns and a register family."""
        names = header_names(head)
        return all(column in names for column in KEY_COLUMNS) and any(
            _FAMILY.fullmatch(column) for column in names
        )

    def read(self, content: bytes, name: str, settings: FormatSettings) -> ReadResult:
        """Reads a whole unpacked file: a row of it gives one row of the table per family that has a
        register.
        """
        names = header_names(content)
        present = {match[1] for column in names if (match := _FAMILY.fullmatch(column))}
        families = [family for family in settings.wide_register_families if family in present]
        unknown = sorted(present - set(families))
        if unknown:
            known = ", ".join(settings.wide_register_families)
            reason = (
                f"nothing says what the register family {unknown[0]} counts; wide_register_families of "
                f"conf/formats.yaml names {known}"
            )
            raise InputRefusedError(
                name, RefusalReason.MISSING_COLUMN, reason, line=1, column=f"{unknown[0]}_R"
            )
        rates = {
            family: up_to_last([f"{family}_{rate}" for rate in EVERY_RATE], names) for family in families
        }
        cells = [
            Cell("ID", CellKind.IDENTIFIER, required=True),
            Cell("DATA_DATE", CellKind.DAY, required=True),
            Cell("COL_TIME", CellKind.LOCAL_TIME),
            *(
                Cell(column, CellKind.DECIMAL, minimum=0)
                for family in families
                for column in (f"{family}_R", *rates[family])
                if column in names
            ),
        ]
        if INSERT_TIME in names:
            cells.append(Cell(INSERT_TIME, CellKind.LOCAL_TIME))

        def assemble(read: pa.Table) -> pa.Table:
            parts = [
                _family_rows(read, family, rates[family], settings.wide_register_families[family].value)
                for family in families
            ]
            return pa.concat_tables([rows_schema(BronzeRegisterReads).empty_table(), *parts])

        return read_csv(content, name, CsvLayout(tuple(cells), self.table, assemble), settings)


def _family_rows(cells: pa.Table, family: str, rates: list[str], channel: str) -> pa.Table:
    """Rows of one register family, where it has a register at all."""
    told = cells[f"{family}_R"].is_valid()
    for column in rates:
        if column in cells.column_names:
            told = pc.or_(told, cells[column].is_valid())
    cells = cells.filter(told)
    count = cells.num_rows
    schema = rows_schema(BronzeRegisterReads)
    columns = {
        "meter_point_id": cells["ID"],
        "channel_code": pa.repeat(pa.scalar(channel, STRING), count),
        "read_date": cells["DATA_DATE"],
        "collected_at_utc": cells["COL_TIME"],
        "register_unscaled": cells[f"{family}_R"],
        "rate_registers_unscaled": rate_lists(cells, rates) if rates and count else None,
        "read_month": month_of(cells["DATA_DATE"]) if count else None,
        "line_number": cells["line_number"],
        "sent_at_utc": cells[INSERT_TIME] if INSERT_TIME in cells.column_names else None,
    }
    arrays = [columns.get(field.name) for field in schema]
    return pa.table(
        {
            field.name: pa.nulls(count, field.type) if array is None else array
            for field, array in zip(schema, arrays, strict=True)
        }
    ).cast(schema)
