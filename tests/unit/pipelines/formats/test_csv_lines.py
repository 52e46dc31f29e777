"""Files and mappings of another kind are told for what they are: width of characters, separators, line ends,
clock changes, aliases.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.errors import InputRefusedError, SettingsError
from pipelines.formats import detect
from pipelines.formats.mapping_files import MOST_BYTES, load_mapping
from pipelines.settings import packaged
from tests.unit.pipelines.formats.mapped_lines import as_parquet, lines, mapping, read, stamped

CURVES = (packaged("samples") / "steel" / "E_MP_POWER_CURVE_2026-03.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("changed", "code", "says"),
    [
        (lambda text: text.encode("utf-16"), "bad_encoding", "the file is UTF-16; save it as UTF-8"),
        (lambda text: text.encode("utf-16-le"), "bad_encoding", "the file is UTF-16"),
        (lambda text: text.replace(",", ";").encode(), "bad_structure", "separated by semicolons"),
        (lambda text: text.replace(",", "\t").encode(), "bad_structure", "separated by tabs"),
        (
            lambda text: text.replace("\r\n", "\r").replace("\n", "\r").encode(),
            "bad_structure",
            "lines end in CR alone",
        ),
    ],
)
def test_a_file_of_another_kind_is_told_for_what_it_is(changed: object, code: str, says: str) -> None:
    for content, reader in (
        (changed(CURVES), lambda content: detect("curves.csv", content)),
        (changed(lines("A,2026-09-01 00:00:00,1")), read_long),
    ):  # type: ignore[operator]
        with pytest.raises(InputRefusedError, match=says) as refused:
            reader(content)
        assert (refused.value.reason_code, refused.value.line) == (code, 1)


def read_long(content: bytes) -> object:
    return read(content, mapping())


@pytest.mark.parametrize(
    ("stamp", "told"),
    [
        ("2026-04-05 02:30:00", "a local time that occurs twice in Australia/Sydney"),
        ("2026-10-04 02:30:00", "that does not occur"),
    ],
)
def test_a_time_of_a_clock_change_is_told_as_such(stamp: str, told: str) -> None:
    """In Sydney the hour from 2 to 3 comes twice on 2026-04-05 and is left out on 2026-10-04."""
    sydney = mapping(**stamped(zone="Australia/Sydney", day_offset="+10:00"))
    (reject,) = read(lines(f"A,{stamp},1"), sydney).rejects.to_pylist()
    assert told in reject["reason"]
    assert "have stamps sent with an offset, or" in reject["reason"]
    assert "repeated_hour: " in reject["reason"]
    table = as_parquet({"meter": ["A"], "ts": pa.array([stamp]).cast(pa.timestamp("s")), "kwh": [1.0]})
    (reject,) = read(table, sydney, "long.parquet").rejects.to_pylist()
    assert "have stamps sent with an offset, or" in reject["reason"]
    assert "repeated_hour: " in reject["reason"]


def test_a_mapping_takes_no_aliases_and_is_no_book(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text("id: &a x\nvalues: *a\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"m\.yaml:1: a mapping takes no anchors"):
        load_mapping(path)
    grown = "\n".join(
        ["a0: &a0 [1, 2]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30))]
    )
    path.write_text(grown + "\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"m\.yaml:1: "):
        load_mapping(path)
    path.write_text("#" * (MOST_BYTES + 1), encoding="utf-8")
    with pytest.raises(SettingsError, match="larger than"):
        load_mapping(path)
    path.write_bytes("id: 甲\n".encode("gbk"))
    with pytest.raises(SettingsError, match="not UTF-8") as gbk:
        load_mapping(path)
    assert "encoding: gbk" in gbk.value.hint
    with pytest.raises(SettingsError, match="is a folder, not a mapping file"):
        load_mapping(tmp_path)
