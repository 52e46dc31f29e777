"""``zhixiang vee``: deliveries that differ, rejects that follow a rule, names of meters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipelines.codes import IntervalStatus
from pipelines.facts import load_facts
from pipelines.settings import load_settings, packaged
from tests.unit.pipelines.formats.mapped_lines import lines, mapping
from zhixiang.vee_files.outputs import flags_of, write_vee
from zhixiang.vee_files.result import VeeResult
from zhixiang.vee_files.run import run_vee

CONF = load_settings(packaged("conf"))
FACTS = load_facts(CONF.facts_dir)


def vee(folder: Path, files: Mapping[str, str], **changes: Any) -> VeeResult:
    declared = mapping(**({"interval_minutes": 60, "meter_point": {"column": "meter"}} | changes))
    paths = []
    for name, text in files.items():
        paths.append(folder / name)
        paths[-1].write_text(text, encoding="utf-8")
    return run_vee(paths, declared, CONF, FACTS, date(2026, 11, 1))


def measured(result: VeeResult) -> dict[str, float]:
    """Energy whose status is measured, by meter point. [kWh]"""
    found: dict[str, float] = {}
    for row in result.curves.to_pylist():
        told = zip(row["final_kwh_or_kvarh"], row["interval_status_codes"], strict=True)
        energy = sum(value for value, status in told if status == IntervalStatus.MEASURED)
        found[row["meter_point_id"]] = found.get(row["meter_point_id"], 0.0) + energy
    return found


def hours(meter: str, days: int = 10, value: float = 1.0) -> list[str]:
    return [
        f"{meter},2026-03-{day:02d} {hour:02d}:00,{value}" for day in range(1, days + 1) for hour in range(24)
    ]


def test_downloads_that_differ_in_one_hour_cost_that_hour_and_are_told(tmp_path: Path) -> None:
    first = lines("A,2026-03-01 00:00,0.1", "A,2026-03-01 01:00,0.2")
    second = lines("A,2026-03-01 00:00,0.1", "A,2026-03-01 01:00,0.25", "A,2026-03-01 02:00,0.3")
    result = vee(tmp_path, {"first.csv": first, "second.csv": second})
    assert result.curves["measured_kwh_or_kvarh"][0].as_py()[:4] == [0.1, None, 0.3, None]
    assert measured(result) == pytest.approx({"A": 0.4})
    assert [
        row["intervals"] for row in flags_of(result.curves).to_pylist() if row["check_id"] == "VEE-V01"
    ] == [21]
    figures = write_vee(result, tmp_path / "out")
    assert (figures["reasons"], figures["exit_code"]) == ({"conflicting_values": 2}, 0)
    (remark,) = figures["remarks"]
    assert remark.startswith("2 deliveries of a day differ from others; what is in dispute is held back")
    assert "Other records differ at 01:00" in remark


@pytest.mark.parametrize("sent", ["2026-03-02 00:00", "2026-03-05 00:00"])
def test_the_later_time_of_the_sender_stands(tmp_path: Path, sent: str) -> None:
    header = "meter,ts,kwh,sent"
    first = lines(
        "A,2026-03-01 00:00,0.1,2026-03-03 00:00", "A,2026-03-01 01:00,0.2,2026-03-03 00:00", header=header
    )
    second = lines(f"A,2026-03-01 01:00,0.25,{sent}", f"A,2026-03-01 02:00,0.3,{sent}", header=header)
    result = vee(tmp_path, {"first.csv": first, "second.csv": second}, received_at={"column": "sent"})
    hour = 0.25 if sent == "2026-03-05 00:00" else 0.2
    assert result.curves["measured_kwh_or_kvarh"][0].as_py()[:3] == [0.1, hour, 0.3]
    assert (result.rejects, result.remarks) == ([], [])


def test_rejects_of_one_time_of_every_day_halt_the_file_by_name(tmp_path: Path) -> None:
    """Two days of 1.0 an hour, 4.0 at 24:00, are told; three are no longer filled."""
    written = {
        "stamp": {"column": "ts", "place": "interval_end", "zone": "+08:00", "format": "%Y-%m-%d %H:%M"}
    }
    rows = [
        f"A,2026-03-{day:02d} {hour:02d}:{'61' if hour == 24 else '00'},{4.0 if hour == 24 else 1.0}"
        for day in range(1, 4)
        for hour in range(1, 25)
    ]
    two = vee(tmp_path, {"two.csv": lines(*rows[:48])}, **written)
    assert (two.exit_code, two.files[0]["warnings"], len(two.remarks)) == (
        0,
        [two.remarks[0].split(": ", 1)[1]],
        1,
    )
    assert "24:61 on 2 of 2 days" in two.remarks[0]
    three = vee(tmp_path, {"three.csv": lines(*rows)}, **written)
    assert (three.exit_code, three.files[0]["status"], three.curves.num_rows) == (4, "halted", 0)
    assert "24:61 on 3 of 3 days" in three.files[0]["reason"]


def test_a_meter_point_of_another_spacing_is_held_back_and_the_others_stay(tmp_path: Path) -> None:
    quarters = [
        f"Q,2026-03-{day:02d} {slot // 4:02d}:{slot % 4 * 15:02d},0.25"
        for day in range(1, 11)
        for slot in range(96)
    ]
    result = vee(tmp_path, {"a.csv": lines(*quarters, *hours("H"))}, interval_minutes=15)
    assert measured(result) == pytest.approx({"Q": 240.0})
    assert result.exit_code == 0
    (remark,) = result.remarks
    assert "values come every 60 minutes, the mapping says 15; they are held back: " in remark
    assert " of 'H' from 2026-03-01 to 2026-03-" in remark


def test_meters_that_a_spreadsheet_made_one_are_refused(tmp_path: Path) -> None:
    """Two meters, each line with another time of its sender: half of them would be superseded."""
    rows = [
        f"{row.replace('A,', '5.41449E+17,', 1)},2026-04-0{sent} 00:00"
        for sent in (1, 2)
        for row in hours("A", 5, sent)
    ]
    result = vee(
        tmp_path, {"a.csv": lines(*rows, header="meter,ts,kwh,sent")}, received_at={"column": "sent"}
    )
    assert (result.exit_code, result.curves.num_rows) == (4, 0)
    assert "a spreadsheet rounded this one" in result.files[0]["reason"]


def test_a_meter_with_blanks_behind_its_name_in_a_part_of_the_file_is_one(tmp_path: Path) -> None:
    rows = hours("K1", 10, 0.5)
    padded = [row.replace("K1,", "K1   ,", 1) for row in rows[120:]]
    result = vee(
        tmp_path, {"a.csv": lines(*rows[:120], *padded), "b.csv": lines("K1\u3000,2026-03-11 00:00,0.5")}
    )
    assert measured(result) == pytest.approx({"K1": 120.5})
    assert pc.unique(result.curves["meter_point_id"]).to_pylist() == ["K1"]


def test_a_mapping_or_a_key_of_it_that_changes_nothing_is_told(tmp_path: Path) -> None:
    rows = [f"{row}," for row in hours("A", 2)]
    untimed = vee(
        tmp_path, {"a.csv": lines(*rows, header="meter,ts,kwh,sent")}, received_at={"column": "sent"}
    )
    told = "of the mapping plain this has no effect: received_at, for no line has a time in sent"
    assert [remark.split(": ", 1)[1] for remark in untimed.remarks] == [told]
    table = pa.table(
        {"meter": ["A"] * 24, "ts": [f"2026-03-01 {hour:02d}:00" for hour in range(24)], "kwh": [1.0] * 24}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    declared = mapping(interval_minutes=60, meter_point={"column": "meter"}, encoding="gbk")
    parquet = run_vee([tmp_path / "a.parquet"], declared, CONF, FACTS, date(2026, 11, 1))
    assert "encoding: gbk, for the texts of Parquet are UTF-8" in parquet.remarks[0]
    steel = packaged("samples") / "steel"
    known = run_vee([steel / "E_MP_POWER_CURVE_2026-03.csv"], mapping(), CONF, FACTS, date(2026, 11, 1))
    assert "the mapping plain was used for no file: all are of known formats" in known.remarks
    assert vee(tmp_path, {"b.csv": lines(*hours("A", 2))}).remarks == []
