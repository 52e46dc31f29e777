"""A wrong file is named for what it is, before any reader fails at it."""

from __future__ import annotations

import gzip
import io
import zipfile
from dataclasses import dataclass

import pytest

from pipelines.errors import InputRefusedError
from pipelines.formats import detect, unpack
from pipelines.formats.mapping import LongMapping
from tests.unit.pipelines.formats.mapped_lines import mapping

MIB = 1 << 20
CSV = b"meter,ts,kwh\nA,2026-03-01 00:00,1\n"


@dataclass(frozen=True)
class Limits:
    max_file_bytes: int = 100 * MIB
    max_unpacked_bytes: int = 100 * MIB
    max_unpack_ratio: float = 200


def zipped(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("TYPES", "[Content_Types].xml"), content)
    return packed.getvalue()


def refusal(content: bytes, *mappings: LongMapping, name: str = "a.csv") -> tuple[str, str]:
    with pytest.raises(InputRefusedError) as refused:
        detect(name, unpack(name, content, Limits()), mappings, mappings[0] if mappings else None)
    return refused.value.reason_code, refused.value.reason


XLSX = zipped(TYPES=b"<Types/>", **{"xl__workbook.xml": b"<workbook/>"})
WRONG = {
    "Excel workbook (.xlsx)": XLSX,
    "binary form (.xlsb)": zipped(TYPES=b"<Types/>", **{"xl__workbook.bin": b"\0"}),
    "Word document": zipped(TYPES=b"<Types/>", **{"word__document.xml": b"<document/>"}),
    "OpenDocument": zipped(
        mimetype=b"application/vnd.oasis.opendocument.spreadsheet", **{"content.xml": b"<x/>"}
    ),
    "old Office file": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
    "PDF": b"%PDF-1.7\n1 0 obj\n",
    "7z archive": b"7z\xbc\xaf\x27\x1c\0\4" + b"\1" * 40,
    "RAR archive": b"Rar!\x1a\x07\x01\0" + b"\1" * 40,
    "xz archive": b"\xfd7zXZ\0" + b"\1" * 40,
    "bzip2 archive": b"BZh91AY&SY" + b"\1" * 40,
    "tar archive": b"a.csv" + b"\0" * 252 + b"ustar\x0000" + b"\0" * 300,
    "SQLite": b"SQLite format 3\0" + b"\1" * 40,
    "image (PNG)": b"\x89PNG\r\n\x1a\n" + b"\1" * 40,
    "image (JPEG)": b"\xff\xd8\xff\xe0" + b"\1" * 40,
    "web page": b"\r\n<!DOCTYPE html>\n<html><body>Please log in</body></html>",
    "XML file": b'\xef\xbb\xbf<?xml version="1.0"?>\n<rows><row a="1"/></rows>',
    "JSON file": b'{"readings": [{"ts": "2026-03-01", "kwh": 1}]}',
}


@pytest.mark.parametrize("told", WRONG)
@pytest.mark.parametrize("mapped", [False, True])
def test_a_wrong_file_is_named_with_a_hint_whatever_its_name_and_mapping(told: str, mapped: bool) -> None:
    if mapped and told == "Excel workbook (.xlsx)":
        return  # a workbook is read under a mapping
    code, reason = refusal(WRONG[told], *([mapping(files=["*.csv"])] if mapped else []))
    assert code == "wrong_kind"
    assert told in reason
    assert ";" in reason  # what it is; what to do


@pytest.mark.parametrize("text", [b'[{"kwh": 1}]', b"[]", b'{\n "a": 1}', b"[[1, 2]]"])
def test_lists_and_objects_are_json(text: bytes) -> None:
    assert refusal(text)[0] == "wrong_kind"


@pytest.mark.parametrize(
    "header",
    [b"[meter],[ts],[kwh]", b"<meter>,<ts>,<kwh>", b"ORCA_ID,ts", b"{meter},ts", b"MZ,ts", b"BZh9,ts"],
)
def test_a_header_that_only_begins_alike_is_taken_for_text(header: bytes) -> None:
    assert refusal(header + b"\n1,2\n")[0] == "unknown_format"


def test_archives_inside_archives_say_so() -> None:
    inner = zipped(**{"a.csv": CSV})
    for content in (
        zipped(**{"inner.zip": inner}),
        gzip.compress(inner),
        zipped(**{"a.csv.gz": gzip.compress(CSV)}),
        gzip.compress(gzip.compress(CSV)),
    ):
        code, reason = refusal(content)
        assert code == "zip_contents"
        assert "inside another archive" in reason
    assert "a zip inside" in refusal(zipped(**{"inner.zip": inner}))[1]


def test_a_packed_workbook_is_a_workbook() -> None:
    for content in (zipped(**{"a.xlsx": XLSX}), gzip.compress(XLSX)):
        assert unpack("a.zip", content, Limits()) == XLSX
        assert "Excel workbook" in refusal(content)[1]


def test_an_archive_of_several_files_names_them() -> None:
    code, reason = refusal(zipped(**{"a.csv": CSV, "b.csv": CSV}))
    assert (code, "'a.csv', 'b.csv'" in reason) == ("zip_contents", True)


def test_a_workbook_that_grows_too_much_is_a_bomb_too() -> None:
    bomb = zipped(TYPES=b"<Types/>", **{"xl__workbook.xml": b" " * (40 * MIB)})
    assert refusal(bomb)[0] == "unpack_ratio"
    assert refusal(zipped(**{"a.xlsx": bomb}))[0] == "unpack_ratio"


def test_a_pattern_of_a_mapping_takes_no_file_that_has_all_columns_of_a_known_format() -> None:
    day_read = b"ID,READ_TYPE,DATA_DATE,COLL_TIME,R,R1,R2,R3,R4,STATUS,INSERT_TIME\nA,1,2026-03-01,,1,,,,,,\n"
    declared = mapping(files=["city_*.csv"])
    assert detect("city_reads.csv", day_read, [declared]).id == "e_mp_day_read_csv"
    assert detect("city_load.csv", CSV, [declared]).id == f"long_{declared.id}"
    # Part of a known format's columns is no such file: there the declaration knows better.
    assert detect("city_x.csv", day_read.replace(b",STATUS", b",S"), [declared]).id == f"long_{declared.id}"


def test_a_mapping_by_hand_goes_before_a_known_format_of_which_a_file_has_only_most_columns() -> None:
    """P1 to P96 are a known format's, and documented names of a mapping's; the day's column decides."""
    points = ",".join(f"P{number}" for number in range(1, 97))
    declared = mapping(
        interval_minutes=15,
        meter_point={"column": "户号"},
        stamp={"place": "interval_end", "zone": "+08:00"},
        wide={"date": "日期", "columns": "P1..P96"},
        values=[{"unit": "kWh", "channel": "active_forward"}],
        encoding="gbk",
    )
    for encoding in ("utf-8", "gbk"):
        content = f"户号,日期,{points}\n".encode(encoding)
        named = declared.model_copy(update={"encoding": encoding})
        assert detect("a.csv", content, [named], named).id == "long_plain"
    # One that has none of the mapping's columns is told what it lacks of the known format.
    assert detect("a.csv", f"ID,DAY,{points}\n".encode(), [declared], declared).id == "e_mp_power_curve_csv"
