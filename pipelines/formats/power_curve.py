"""E_MP_POWER_CURVE: the day curve of a State Grid collection system, 96 mean powers a day (or 24), as CSV."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import IntArray
from pipelines.codes import Channel, CurveMeasure, RejectReason
from pipelines.formats.cells import Cell, CellKind, month_of
from pipelines.formats.contract import SNIFF_SHARE, FormatSettings, ReadResult
from pipelines.formats.csv_lines import CsvLayout, RowFault
from pipelines.formats.csv_records import read_csv, sniff_columns
from pipelines.periods import DAY_MINUTES
from pipelines.tables.base import DOUBLE, INTEGER, STRING, Table
from pipelines.tables.bronze import BronzeLoadCurves

POINTS = 96
POINT_COLUMNS = tuple(f"P{number}" for number in range(1, POINTS + 1))
COLUMNS = (
    "ID",
    "DATA_DATE",
    "DATA_TYPE",
    "DATA_POINT_FLAG",
    "DATA_WHOLE_FLAG",
    *POINT_COLUMNS,
    "INSERT_TIME",
)

CHANNEL_OF_DATA_TYPE = {
    "1": Channel.ACTIVE_FORWARD.value,
    "2": Channel.ACTIVE_PHASE_A.value,
    "3": Channel.ACTIVE_PHASE_B.value,
    "4": Channel.ACTIVE_PHASE_C.value,
    "5": Channel.REACTIVE_LAGGING.value,
    "6": Channel.REACTIVE_PHASE_A.value,
    "7": Channel.REACTIVE_PHASE_B.value,
    "8": Channel.REACTIVE_PHASE_C.value,
    # Not of the State Grid table: the project's own assumed extensions, so that both directions of reactive
    # and active power can be sent.
    "9": Channel.REACTIVE_LEADING.value,
    "10": Channel.ACTIVE_REVERSE.value,
}


class PowerCurveCsv:
    """Reader of E_MP_POWER_CURVE files; values in kW or kvar before the multiplier, null where the field is
    empty.
    """

    id = "e_mp_power_curve_csv"
    title = "E_MP_POWER_CURVE (CSV, 96 points)"
    table: type[Table] = BronzeLoadCurves

    def sniff(self, name: str, head: bytes, share: float = SNIFF_SHARE) -> bool:
        """Whether the header has most of the columns."""
        return sniff_columns(COLUMNS, head, share)

    def read(self, content: bytes, name: str, settings: FormatSettings) -> ReadResult:
        """Reads a whole unpacked file."""
        return read_csv(content, name, self.layout(settings), settings)

    def layout(self, settings: FormatSettings) -> CsvLayout:
        """The cells under these settings."""
        minutes = _minutes_of_flags(settings)
        cells = (
            Cell("ID", CellKind.IDENTIFIER, required=True),
            Cell("DATA_DATE", CellKind.DAY, required=True),
            Cell("DATA_TYPE", CellKind.CODE, required=True, codes=CHANNEL_OF_DATA_TYPE),
            Cell("DATA_POINT_FLAG", CellKind.CODE, codes={flag: flag for flag in minutes}),
            Cell("DATA_WHOLE_FLAG", CellKind.TEXT),
            *(Cell(column, CellKind.NUMBER) for column in POINT_COLUMNS),
            Cell("INSERT_TIME", CellKind.LOCAL_TIME),
        )
        return CsvLayout(
            cells,
            self.table,
            lambda read: _assemble(read, minutes),
            judge=lambda read: _misfits(read, minutes),
        )


def _minutes_of_flags(settings: FormatSettings) -> dict[str, int]:
    """DATA_POINT_FLAG -> length of an interval. [min]"""
    flags = {
        96: settings.point_flags_of_96,
        48: settings.point_flags_of_48,
        24: settings.point_flags_of_24,
    }
    return {flag: DAY_MINUTES // points for points, told in flags.items() for flag in told}


def _slots(cells: pa.Table, minutes: dict[str, int]) -> IntArray:
    """(rows) points of the day; 96 where no flag tells."""
    place = pc.index_in(cells["DATA_POINT_FLAG"], value_set=pa.array(list(minutes), STRING))
    points = np.append([DAY_MINUTES // length for length in minutes.values()], POINTS)
    return np.asarray(points[pc.fill_null(place, -1).to_numpy()], np.int64)


def _misfits(cells: pa.Table, minutes: dict[str, int]) -> Iterator[RowFault]:
    """Rows whose flags are not one a point, or that have values behind their last point."""
    slots = _slots(cells, minutes)
    lengths = pc.fill_null(pc.utf8_length(cells["DATA_WHOLE_FLAG"]), 0).to_numpy()
    for count in np.unique(slots).tolist():
        mine = slots == count
        yield RowFault(
            mine & (lengths != 0) & (lengths != count),
            "DATA_WHOLE_FLAG",
            RejectReason.BAD_STRUCTURE,
            f"found another number of characters, expected {count} or none",
        )
        for column in POINT_COLUMNS[count:]:
            yield RowFault(
                mine & cells[column].is_valid().to_numpy(),
                column,
                RejectReason.BAD_STRUCTURE,
                f"found a value behind the {count} points that DATA_POINT_FLAG tells",
            )


def _assemble(cells: pa.Table, minutes: dict[str, int]) -> pa.Table:
    count, slots = cells.num_rows, _slots(cells, minutes)
    points = np.empty((count, POINTS))
    for slot, column in enumerate(POINT_COLUMNS):
        points[:, slot] = pc.fill_null(cells[column], np.nan).to_numpy()
    whole = bool((slots == POINTS).all())
    flat = points.reshape(-1) if whole else points[np.arange(POINTS) < slots[:, None]]
    offsets = pa.array(np.concatenate(([0], np.cumsum(slots))).astype(np.int32))
    return pa.table(
        {
            "meter_point_id": cells["ID"],
            "channel_code": cells["DATA_TYPE"],
            "curve_date": cells["DATA_DATE"],
            "interval_minutes": pa.array((DAY_MINUTES // slots).astype(np.int32), INTEGER),
            "measure_code": pa.repeat(pa.scalar(CurveMeasure.MEAN_POWER.value, STRING), count),
            # Every number was checked to be finite, so NaN stands for an empty field and for nothing else.
            "values_unscaled": pa.ListArray.from_arrays(offsets, pa.array(flat, DOUBLE, mask=np.isnan(flat))),
            "present_flags": cells["DATA_WHOLE_FLAG"],
            "sender_quality_codes": pa.nulls(count, pa.list_(STRING)),
            "curve_month": month_of(cells["DATA_DATE"]),
            "line_number": cells["line_number"],
            "sent_at_utc": cells["INSERT_TIME"],
        }
    )
