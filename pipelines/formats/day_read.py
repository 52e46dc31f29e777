"""E_MP_DAY_READ: registers frozen at the end of a day, one row per register family, as CSV (the new long
form).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pipelines.codes import Channel
from pipelines.formats.cells import Cell, CellKind, month_of
from pipelines.formats.contract import SNIFF_SHARE, FormatSettings, ReadResult
from pipelines.formats.csv_lines import CsvLayout
from pipelines.formats.csv_records import header_names, read_csv, sniff_columns
from pipelines.tables.base import ENERGY, Table
from pipelines.tables.bronze import BronzeRegisterReads

RATE_COLUMNS = ("R1", "R2", "R3", "R4")
EVERY_RATE = tuple(f"R{rate}" for rate in range(1, 15))
"""Those from R5 on may lack; they are read where they stand."""
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

    def sniff(self, name: str, head: bytes, share: float = SNIFF_SHARE) -> bool:
        """Whether the header has most of the columns."""
        return sniff_columns(COLUMNS, head, share)

    def read(self, content: bytes, name: str, settings: FormatSettings) -> ReadResult:
        """Reads a whole unpacked file."""
        present = header_names(content)
        return read_csv(
            content,
            name,
            self.layout([*RATE_COLUMNS, *(rate for rate in EVERY_RATE[4:] if rate in present)]),
            settings,
        )

    def layout(self, rates: Sequence[str]) -> CsvLayout:
        """The cells; a cumulative register is never negative."""
        cells = (
            Cell("ID", CellKind.IDENTIFIER, required=True),
            Cell("READ_TYPE", CellKind.CODE, required=True, codes=CHANNEL_OF_READ_TYPE),
            Cell("DATA_DATE", CellKind.DAY, required=True),
            Cell("COLL_TIME", CellKind.LOCAL_TIME),
            *(Cell(column, CellKind.DECIMAL, minimum=0) for column in ("R", *rates)),
            Cell("STATUS", CellKind.TEXT),
            Cell("INSERT_TIME", CellKind.LOCAL_TIME),
        )
        return CsvLayout(cells, self.table, lambda read: _assemble(read, rates))


def _assemble(cells: pa.Table, rates: Sequence[str]) -> pa.Table:
    return pa.table(
        {
            "meter_point_id": cells["ID"],
            "channel_code": cells["READ_TYPE"],
            "read_date": cells["DATA_DATE"],
            "collected_at_utc": cells["COLL_TIME"],
            "register_unscaled": cells["R"],
            "rate_registers_unscaled": rate_lists(cells, up_to_last(EVERY_RATE, rates)),
            "sender_status": cells["STATUS"],
            "read_month": month_of(cells["DATA_DATE"]),
            "line_number": cells["line_number"],
            "sent_at_utc": cells["INSERT_TIME"],
        }
    )


def up_to_last(names: Sequence[str], present: Sequence[str]) -> list[str]:
    """Every name up to the last that is present, so that the place of a rate is its number."""
    return list(names[: max((place + 1 for place, name in enumerate(names) if name in present), default=0)])


def rate_lists(cells: pa.Table, names: Sequence[str]) -> pa.Array:
    """The registers of the rates as one list a row; null where none of them was sent.

    names  Columns of the first rate, the second ... as far as the file goes; one that it lacks is a rate that
           was not sent.
    """
    count = cells.num_rows
    columns = [
        cells[column].combine_chunks() if column in cells.column_names else pa.nulls(count, ENERGY)
        for column in names
    ]
    if all(column.null_count == count for column in columns):
        return pa.nulls(count, pa.list_(ENERGY))
    sent = ~np.logical_and.reduce([column.is_null().to_numpy(zero_copy_only=False) for column in columns])
    order = np.flatnonzero(sent)[:, None] + np.arange(len(columns))[None, :] * count
    values = pa.concat_arrays(columns).take(pa.array(order.reshape(-1)))
    # The lists that are null must be empty too: an offset that is null would lengthen the list before it.
    offsets = pa.array(np.concatenate(([0], np.cumsum(sent) * len(columns))).astype(np.int32))
    return pa.ListArray.from_arrays(offsets, values, mask=pa.array(~sent))
