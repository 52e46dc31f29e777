"""Mappings as files: what is read from a folder, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.errors import SettingsError
from pipelines.formats import (
    load_mapping,
    load_mappings,
)

GOOD = """id: plain
interval_minutes: 30
meter_point:
  column: meter
stamp:
  column: ts
  place: interval_start
  zone: +08:00
values:
  - column: kwh
    unit: kWh
    channel: active_forward
"""


def test_a_mapping_file_is_read_and_a_folder_of_them(tmp_path: Path) -> None:
    (tmp_path / "plain.yaml").write_text(GOOD)
    assert load_mapping(tmp_path / "plain.yaml").columns == ("meter", "ts", "kwh")
    assert [found.id for found in load_mappings(tmp_path)] == ["plain"]
    assert load_mappings(tmp_path / "absent") == ()


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("  place:", "  plaice:", 7, "stamp.plaice is not known here"),
        ("interval_minutes: 30", "interval_minutes: 7", 2, "must divide"),
        ("zone: +08:00", "zone: Mars/Base", 8, "no zone is named"),
        ("zone: +08:00", "zone: Europe/Paris", 5, "day_offset"),
        ("unit: kWh", "unit: kWs", 11, "no unit"),
        ("channel: active_forward", "channel: active_foward", 12, "active_forward"),
        ("unit: kWh", "unit: kvarh", 1, "does not fit the channel"),
        ("id: plain", "id: plain\nid: again", 2, "stands twice"),
        ("values:", "values: [", 10, "not readable"),
        ("    channel: active_forward\n", "", 1, "channel of its own"),
    ],
)
def test_a_bad_mapping_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, says: str
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(SettingsError) as refusal:
        load_mapping(path)
    assert says in refusal.value.message
    assert f"bad.yaml:{line}:" in refusal.value.message
