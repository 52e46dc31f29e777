"""E_MP_DAY_READ: registers frozen at the end of a day, one row per register family, as CSV (the new long form)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pipelines.codes import Channel
from pipelines.formats.cells import Cell, CellKind, month_of
from pipelines.formats.contract import FormatSettings, ReadResult
from pipelines.formats.csv_records import CsvLayout, read_csv, sniff_columns
from pipelines.tables.base import ENERGY, Table
from pipelines.tables.bronze import BronzeRegisterReads

RATE_COLUMNS = ("R1", "R2", "R3", "R4")
COLUMNS = ("ID", "READ_TYPE", "DATA_DATE", "COLL_TIME", "R", *RATE_COLUMNS, "STATUS", "INSERT_TIME")

CHANNEL_OF_READ_TYPE = {
    "1": Channel.ACTIVE_FORWARD.value,
    "2": Channel.REACTIVE_LAGGING.value,
    "3": Channel.REACTIVE_Q1.value,
    "4": Channel.REACTIVE_Q4.value,
    "5": Channel.ACTIVE_REVERSE.value,
    "6": Channel.REACTIVE_LEADING.value,
    "7": Channel.REACTIVE_Q2.value,
    "8": Channel.REACTIVE_Q3.value,
}


class DayReadCsv:
    """Reader of E_MP_DAY_READ files; registers before the multiplier, exact decimals."""

    id = "e_mp_day_read_csv"
    title = "E_MP_DAY_READ (CSV, long form)"
    table: type[Table] = BronzeRegisterReads

    def sniff(self, name: str, head: bytes) -> bool:
        """Whether the header has most of the columns."""
        return sniff_columns(COLUMNS, head)

    def read(self, content: bytes, name: str, settings: FormatSettings) -> ReadResult:
        """Reads a whole unpacked file."""
        return read_csv(content, name, self.layout(settings), settings)

    def layout(self, settings: FormatSettings) -> CsvLayout:
        """The cells; a cumulative register is never negative."""
        cells = (
            Cell("ID", CellKind.TEXT, required=True),
            Cell("READ_TYPE", CellKind.CODE, required=True, codes=CHANNEL_OF_READ_TYPE),
            Cell("DATA_DATE", CellKind.DATE, required=True),
            Cell("COLL_TIME", CellKind.LOCAL_TIME),
            *(Cell(column, CellKind.DECIMAL, minimum=0) for column in ("R", *RATE_COLUMNS)),
            Cell("STATUS", CellKind.TEXT),
            Cell("INSERT_TIME", CellKind.LOCAL_TIME),
        )
        return CsvLayout(cells, self.table, _assemble)


def _assemble(cells: pa.Table) -> pa.Table:
    return pa.table(
        {
            "meter_point_id": cells["ID"],
            "channel_code": cells["READ_TYPE"],
            "read_date": cells["DATA_DATE"],
            "collected_at_utc": cells["COLL_TIME"],
            "register_unscaled": cells["R"],
            "rate_registers_unscaled": rate_lists(cells, RATE_COLUMNS),
            "sender_status": cells["STATUS"],
            "read_month": month_of(cells["DATA_DATE"]),
            "line_number": cells["line_number"],
            "sent_at_utc": cells["INSERT_TIME"],
        }
    )


def rate_lists(cells: pa.Table, names: Sequence[str]) -> pa.Array:
    """The registers of the rates as one list a row; null where none of them was sent."""
    count = cells.num_rows
    columns = [cells[column].combine_chunks() for column in names]
    if all(column.null_count == count for column in columns):
        return pa.nulls(count, pa.list_(ENERGY))
    width = len(columns)
    order = (np.arange(count)[:, None] + np.arange(width)[None, :] * count).reshape(-1)
    flat = pa.concat_arrays(columns).take(pa.array(order))
    none_sent = np.logical_and.reduce([column.is_null().to_numpy(zero_copy_only=False) for column in columns])
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * width, mask=np.append(none_sent, False))
    return pa.ListArray.from_arrays(offsets, flat)
