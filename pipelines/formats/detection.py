"""The list of formats that can be received, and which one a file is of."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.errors import InputRefusedError
from pipelines.formats.contract import Format, RefusalReason, shown
from pipelines.formats.csv_lines import foreign_text
from pipelines.formats.csv_records import header_names
from pipelines.formats.day_read import DayReadCsv
from pipelines.formats.day_read_wide import DayReadWideCsv
from pipelines.formats.declared import DeclaredCsv
from pipelines.formats.documents.espi import is_green_button
from pipelines.formats.documents.kinds import WORKBOOK, is_workbook, refuse_foreign, wrong_kind
from pipelines.formats.green_button import GreenButton
from pipelines.formats.long_form import LongForm
from pipelines.formats.mapped.wide_days import looks_wide
from pipelines.formats.mapping import LongMapping
from pipelines.formats.mapping_files import mapping_of
from pipelines.formats.nem.nem12 import Nem12
from pipelines.formats.nem.nem13 import Nem13
from pipelines.formats.parquet import MAGIC, DeclaredParquet, read_parquet_schema
from pipelines.formats.power_curve import PowerCurveCsv
from pipelines.tables import bronze

_DECLARED = (
    bronze.BronzeCustomers,
    bronze.BronzeMeterPoints,
    bronze.BronzeSupplyShares,
    bronze.BronzePayments,
    bronze.BronzeEvents,
    bronze.BronzeTransferDeclarations,
    bronze.BronzeWeather,
)

FORMATS: tuple[Format, ...] = (
    PowerCurveCsv(),
    DayReadCsv(),
    DayReadWideCsv(),
    Nem12(),
    Nem13(),
    GreenButton(),
    *(DeclaredCsv(table) for table in _DECLARED),
    *(DeclaredParquet(table) for table in (bronze.BronzeLoadCurves, bronze.BronzeRegisterReads, *_DECLARED)),
)


# A file that begins with as much white space is taken for empty.
_BLANK_BYTES = 65536


def detect(
    name: str,
    head: bytes,
    mappings: Sequence[LongMapping] = (),
    otherwise: LongMapping | None = None,
) -> Format:
    """The format of a file, from its content; the name serves the message, and says where a mapping is
    declared for it.

    head       The unpacked content, or its beginning with the first line whole; for Parquet always the whole
               content.
    mappings   Declared long files; the first whose patterns fit the name is taken, unless the file has all
               columns of a known format. Of Green Button, which may leave open what it counts, it says that.
    otherwise  The mapping of files that are of no known format; before one that only has most of a known
               format's columns, a file that has all of the mapping's is one.

    Raises InputRefusedError: empty_file, wrong_kind, unknown_format; unreadable_parquet for a Parquet file
    that was cut off.
    """
    if not head[:_BLANK_BYTES].removeprefix(b"\xef\xbb\xbf").strip(b"\0\r\n\t "):
        raise InputRefusedError(name, RefusalReason.EMPTY_FILE, "the file has nothing in it")
    mapping = mapping_of(name, mappings)
    if is_workbook(head):
        declared = mapping or otherwise
        if declared is None:
            raise wrong_kind(name, WORKBOOK)
        return LongForm(declared)
    if mapping is not None and is_green_button(head):
        return LongForm(mapping)
    known = next((candidate for candidate in FORMATS if candidate.sniff(name, head, share=1.0)), None)
    if known is not None:
        return known
    refuse_foreign(name, head)
    if mapping is not None:
        return LongForm(mapping)
    if otherwise is not None and set(otherwise.columns) <= set(_columns(name, head, otherwise.encoding)):
        return LongForm(otherwise)
    columns = _columns(name, head)
    known = next((candidate for candidate in FORMATS if candidate.sniff(name, head)), None)
    if known is not None:
        return known
    if otherwise is not None:
        return LongForm(otherwise)
    if not head.startswith(MAGIC) and (foreign := foreign_text(head)) is not None:
        raise InputRefusedError(name, *foreign, line=1)
    found = (
        f"its columns are {shown(', '.join(columns), 120)}"
        if len(columns) > 1
        else "it is no CSV with a known header, no NEM12 and no Parquet"
    )
    if looks_wide(columns):
        found += "; a column for each interval of the day: declare it in a mapping under `wide`"
    raise InputRefusedError(name, RefusalReason.UNKNOWN_FORMAT, f"no format is known for it: {found}", line=1)


def _columns(name: str, head: bytes, encoding: str = "utf-8") -> Sequence[str]:
    """The names of a file's columns, as far as its first line tells them."""
    if head.startswith(MAGIC):
        return list(read_parquet_schema(head, name)[0].names)
    return header_names(head, encoding)
