"""``zhixiang vee``: a metering engineer's files in, intervals, flags and a report out; no store, no Spark."""

from __future__ import annotations

import csv
import json
import os
import shutil
import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipelines.errors import GateHaltedError, UsageError
from pipelines.facts import load_facts
from pipelines.formats import LongMapping, load_mapping
from pipelines.settings import load_settings, packaged
from pipelines.transforms.curves.day_curves import CurveOutcome
from pipelines.vee import CHECKS
from tests.command_line import zhixiang
from zhixiang.vee_files import judged as vee_run
from zhixiang.vee_files.folder import prepare_folder, write_summary, written_whole
from zhixiang.vee_files.outputs import flags_of, long_intervals, write_vee
from zhixiang.vee_files.result import VeeResult
from zhixiang.vee_files.run import run_vee

CONF = load_settings(packaged("conf"))
FACTS = load_facts(CONF.facts_dir)
STEEL, NEM12 = packaged("samples") / "steel", packaged("samples") / "nem12"
TODAY = date(2026, 11, 1)


def ran(paths: list[Path], mapping: LongMapping | None = None) -> VeeResult:
    return run_vee(paths, mapping, CONF, FACTS, TODAY)


def told(intervals: pa.Table, channel: str = "active_forward") -> dict[str, dict[str, Any]]:
    """Intervals of one channel by local time."""
    return {
        str(row["interval_start_local"]): row
        for row in intervals.filter(pc.equal(intervals["channel_code"], channel)).to_pylist()
    }


def test_gap_and_spike_in_steel_curves_are_found_and_estimated_and_nothing_else_changes(
    tmp_path: Path,
) -> None:
    months = sorted(STEEL.glob("E_MP_POWER_CURVE_2026-0[3-6].csv"))
    clean = told(long_intervals(ran([*months, STEEL / "meter_points.csv"]).curves))
    with months[2].open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    day = next(row for row in rows if row["DATA_TYPE"] == "1" and row["DATA_DATE"] == "2026-05-13")
    for point in range(41, 49):
        day[f"P{point}"] = ""
    day["P60"] = repr(float(day["P60"]) * 40)
    mended = tmp_path / "curve.csv"
    with mended.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    result = ran([months[0], months[1], mended, months[3], STEEL / "meter_points.csv"])
    found = told(long_intervals(result.curves))
    gap = [f"2026-05-13 {10 + slot // 4:02d}:{slot % 4 * 15:02d}:00" for slot in range(8)]
    spike = "2026-05-13 14:45:00"
    assert result.holidays
    assert not result.assumed
    for moment in gap:
        row = found[moment]
        assert row["measured_kwh_or_kvarh"] is None
        assert row["status"].startswith("estimated")
        assert row["method"].startswith("VEE-E")
        assert (
            row["expected_low_kwh_or_kvarh"] <= row["final_kwh_or_kvarh"] <= row["expected_high_kwh_or_kvarh"]
        )
    assert found[spike]["measured_kwh_or_kvarh"] == pytest.approx(40 * clean[spike]["measured_kwh_or_kvarh"])
    assert found[spike]["status"].startswith("estimated")
    assert found[spike]["failed_checks"]
    others = set(found) - {*gap, spike}
    assert all(
        found[moment]["measured_kwh_or_kvarh"] == clean[moment]["measured_kwh_or_kvarh"] for moment in others
    )
    changed = [
        moment
        for moment in others
        if found[moment]["final_kwh_or_kvarh"] != clean[moment]["final_kwh_or_kvarh"]
    ]
    assert all(clean[moment]["status"] != "measured" for moment in changed)
    flagged = {(str(row["curve_date"]), row["check_id"]) for row in flags_of(result.curves).to_pylist()}
    assert ("2026-05-13", "VEE-V01") in flagged


def test_intervals_of_nem12_files_keep_length_and_sum_of_their_files(tmp_path: Path) -> None:
    result = ran(
        [
            *sorted((NEM12 / "valid").glob("*.csv")),
            *sorted((NEM12 / "refused").glob("*")),
            *sorted((NEM12 / "partly").glob("*")),
        ]
    )
    states = {Path(row["file"]).name: row["status"] for row in result.files}
    assert {name for name, state in states.items() if state == "refused"} == {
        path.name for path in (NEM12 / "refused").glob("*")
    }
    assert all(row["reason"] for row in result.files if row["status"] == "refused")
    assert (result.exit_code, result.holidays) == (3, False)
    intervals = long_intervals(result.curves)
    assert set(intervals["interval_minutes"].to_pylist()) == {5, 15, 30}
    wanted = pc.equal(intervals["meter_point_id"], "NEM12-NMI1234567-1")
    # The 5-minute file tells a month; its solar channel is fed back.
    assert "active_reverse" in intervals.filter(wanted)["channel_code"].to_pylist()
    figures = write_vee(result, tmp_path / "out")
    assert figures["files"]["refused"] == len(list((NEM12 / "refused").glob("*")))
    assert pq.read_table(tmp_path / "out" / "intervals.parquet").cast(intervals.schema).equals(intervals)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert all(name in page for name in states)
    assert "<script" not in page


def test_victoria_as_a_long_csv_in_melbourne_s_wall_time_of_utc_stamps(
    reference_data: Path, tmp_path: Path
) -> None:
    table = pq.read_table(reference_data / "vic_elec_halfhour.parquet").slice(0, 48 * 90)
    dropped = {1000, 1001, 1002, *range(2000, 2048)}
    lines = ["Time,Demand"] + [
        f"{row['Time']},{row['Demand']}"
        for place, row in enumerate(table.to_pylist())
        if place not in dropped
    ]
    (tmp_path / "vic.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "vic.yaml").write_text(
        "id: victoria\ninterval_minutes: 30\nmeter_point: {constant: VIC}\n"
        "stamp: {column: Time, place: interval_start, zone: UTC, day_offset: +11:00}\n"
        "values:\n  - {column: Demand, unit: MWh, channel: active_forward}\n"
    )
    result = ran([tmp_path / "vic.csv"], load_mapping(tmp_path / "vic.yaml"))
    assert (result.rejects, result.assumed, result.holidays) == ([], ["VIC"], False)
    intervals = long_intervals(result.curves)
    assert intervals.num_rows == table.num_rows
    gaps = pc.is_null(intervals["measured_kwh_or_kvarh"]).to_pylist()
    assert {place for place, gap in enumerate(gaps) if gap} == dropped
    expected = [
        demand * 1000 for place, demand in enumerate(table["Demand"].to_pylist()) if place not in dropped
    ]
    assert intervals.filter(pc.is_valid(intervals["measured_kwh_or_kvarh"]))[
        "measured_kwh_or_kvarh"
    ].to_pylist() == pytest.approx(expected, rel=1e-12)
    truth = table["Demand"].to_numpy()[2000:2048] * 1000
    filled = intervals["final_kwh_or_kvarh"].to_numpy()[2000:2048]
    assert abs(filled - truth).mean() < 0.1 * truth.mean()


def test_the_command_writes_its_folder_and_tells_by_its_exit_code(tmp_path: Path) -> None:
    good = STEEL / "E_MP_POWER_CURVE_2026-03.csv"
    with zipfile.ZipFile(tmp_path / "curves.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(good, "curves.csv")
    out = tmp_path / "out"
    done = zhixiang(tmp_path / "home", "vee", str(tmp_path / "curves.zip"), "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["meter_points"] == 1
    curves_alone = {
        "intervals.parquet",
        "intervals.csv",
        "flags.csv",
        "meters.csv",
        "estimation_errors.csv",
        "rejected.csv",
        "report.html",
        "summary.json",
    }
    assert {path.name for path in out.iterdir()} == curves_alone
    assert json.loads(done.stdout)["measured_values_changed"] == 0
    assert not (tmp_path / "home" / "tables").exists()

    (tmp_path / "letter.txt").write_text("Dear Sir or Madam\n")
    lines = good.read_text().splitlines()
    (tmp_path / "bad.csv").write_text(
        "\n".join(
            line.replace("2026-03", "2026-13", 1) if number % 3 == 1 else line
            for number, line in enumerate(lines)
        )
    )
    refused = zhixiang(
        tmp_path / "home", "vee", str(good), str(tmp_path / "letter.txt"), "--out", str(tmp_path / "two")
    )
    halted = zhixiang(tmp_path / "home", "vee", str(tmp_path / "bad.csv"), "--out", str(tmp_path / "three"))
    assert (refused.returncode, halted.returncode) == (3, 4)
    assert "letter.txt" in refused.stderr
    assert (tmp_path / "two" / "intervals.csv").is_file()
    assert "line 3" in halted.stderr or "line 2" in halted.stderr
    (tmp_path / "m.yaml").write_text("id: x\nintervall_minutes: 15\n")
    misspelt = zhixiang(
        tmp_path / "home", "vee", str(good), "--out", str(out), "--mapping", str(tmp_path / "m.yaml")
    )
    assert misspelt.returncode == 2
    assert "m.yaml:2: intervall_minutes is not known here" in misspelt.stderr
    nowhere = zhixiang(tmp_path / "home", "vee", str(good), "--out", str(tmp_path / "letter.txt" / "out"))
    assert (nowhere.returncode, "cannot be written to" in nowhere.stderr) == (2, True)
    undeclared = tmp_path / "long.csv"
    undeclared.write_text("meter,time,kwh\nM1,2026-08-01 00:00:00,1\n")
    unknown = zhixiang(tmp_path / "home", "vee", str(undeclared), "--out", str(out))
    assert (unknown.returncode, "--mapping" in unknown.stderr) == (3, True)
    assert {path.name for path in out.iterdir()} == {"rejected.csv", "report.html", "summary.json"}, (
        "nothing of the run before stays"
    )


def test_the_user_s_own_files_in_the_folder_are_neither_taken_away_nor_overwritten(tmp_path: Path) -> None:
    own, mapping = tmp_path / "own", tmp_path / "m.yaml"
    own.mkdir()
    (own / "intervals.csv").write_text("meter,time,kwh\nM1,2026-08-01 00:00:00,1\n")
    (own / "flags.csv").write_text("mine\n")
    mapping.write_text(
        "id: x\nfiles: ['intervals.csv']\ninterval_minutes: 15\nmeter_point: {column: meter}\n"
        "stamp: {column: time, place: interval_start, zone: '+08:00'}\n"
        "values:\n  - {column: kwh, unit: kWh, channel: active_forward}\n"
    )
    before = {path.name: path.read_bytes() for path in own.iterdir()}
    onto_itself = zhixiang(
        tmp_path / "home", "vee", str(own / "intervals.csv"), "--mapping", str(mapping), "--out", str(own)
    )
    assert (onto_itself.returncode, "is read and would be overwritten" in onto_itself.stderr) == (2, True), (
        onto_itself.stderr
    )
    beside = tmp_path / "beside"
    beside.mkdir()
    shutil.copy(own / "flags.csv", beside)
    with pytest.raises(UsageError, match=r"holds flags\.csv"):
        prepare_folder(beside, [own / "intervals.csv", mapping])
    assert {path.name: path.read_bytes() for path in own.iterdir()} == before
    assert {path.name: path.read_text() for path in beside.iterdir()} == {"flags.csv": "mine\n"}


def test_only_what_an_earlier_run_wrote_is_replaced_and_only_by_a_whole_answer(tmp_path: Path) -> None:
    prepare_folder(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    for text in ("first", "second"):
        with written_whole(tmp_path) as folder:
            (folder / "flags.csv").write_text(text)
            if text == "first":
                (folder / "intervals.csv").write_text(text)
            write_summary({"days": 1}, folder)
        prepare_folder(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"notes.txt", "flags.csv", "summary.json"}
    assert (tmp_path / "flags.csv").read_text() == "second"

    def broken() -> None:
        with written_whole(tmp_path) as folder:
            (folder / "flags.csv").write_text("third")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert (tmp_path / "flags.csv").read_text() == "second"
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]
    (tmp_path / "flags.csv").write_text("edited by hand")
    with pytest.raises(UsageError, match=r"flags\.csv, which is not as an earlier run"):
        prepare_folder(tmp_path)
    (tmp_path / "flags.csv").unlink()
    os.link(tmp_path / "notes.txt", tmp_path / "report.html")
    with pytest.raises(UsageError, match="is read and would be overwritten"):
        prepare_folder(tmp_path, [tmp_path / "notes.txt"])


def test_a_folder_stands_for_its_files_and_registers_and_days_are_checked_too(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox" / "deep"
    inbox.mkdir(parents=True)
    for month in ("2026-03", "2026-04"):
        for kind in ("E_MP_POWER_CURVE", "E_MP_DAY_READ"):
            shutil.copy(STEEL / f"{kind}_{month}.csv", inbox)
    shutil.copy(STEEL / "meter_points.csv", inbox)
    (inbox / ".hidden").write_text("not read")
    reads = inbox / "E_MP_DAY_READ_2026-04.csv"
    lines = reads.read_text().splitlines()
    place = next(
        number for number, line in enumerate(lines) if line.startswith("MP-STEEL-0001,1,2026-04-20,")
    )
    cells = lines[place].split(",")
    cells[4] = f"{float(cells[4]) - 200:.5f}"
    lines[place] = ",".join(cells)
    reads.write_text("\n".join(lines) + "\n")
    result = ran([tmp_path / "inbox"])
    assert {Path(row["file"]).name for row in result.files} == {
        path.name for path in inbox.iterdir() if path.name != ".hidden"
    }
    flags = flags_of(result.curves, result.findings)
    decrease = next(check for check in CHECKS if check.title.startswith("Register decrease"))
    (found,) = [row for row in flags.to_pylist() if row["check_id"] == decrease.id]
    assert (str(found["curve_date"]), found["severity"], found["check"]) == (
        "2026-04-20",
        decrease.severity.value,
        decrease.title,
    )
    assert (found["intervals"], found["interval_minutes"]) == (None, None)
    assert set(result.findings["check_id"].to_pylist()) | {
        row["check_id"] for row in flags_of(result.curves).to_pylist()
    } == set(flags["check_id"].to_pylist())
    figures = write_vee(result, tmp_path / "out")
    assert figures["checks"][decrease.id] == 1
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert decrease.title_zh in page
    assert "Masked error by length of gap and method" in page
    errors = list(
        csv.DictReader(
            (tmp_path / "out" / "estimation_errors.csv").read_text(encoding="utf-8-sig").splitlines()
        )
    )
    assert {row["estimator_id"] for row in errors} >= {"chosen", "VEE-E01", "VEE-E03"}


def test_a_changed_measured_value_stops_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vee_run, "measured_not_as_received", lambda *_tables: 3)
    with pytest.raises(GateHaltedError, match="3 measured values differ") as halted:
        ran([STEEL / "E_MP_POWER_CURVE_2026-03.csv"])
    assert halted.value.exit_code == 4


@pytest.mark.parametrize(
    ("spoil", "told"),
    [("drop", "96 received values are lost"), ("final", "1 measured values have another final value")],
)
def test_a_lost_value_and_a_changed_final_one_stop_everything(
    monkeypatch: pytest.MonkeyPatch, spoil: str, told: str
) -> None:
    refine = vee_run.refine_curves

    def spoilt(*arguments: Any) -> CurveOutcome:
        outcome = refine(*arguments)
        final = outcome.curves["final_kwh_or_kvarh"].to_pylist()
        final[3][10] += 0.001
        place = outcome.curves.schema.get_field_index("final_kwh_or_kvarh")
        changed = outcome.curves.set_column(
            place, outcome.curves.schema.field(place), pa.array(final, pa.list_(pa.float64()))
        )
        return replace(outcome, curves=outcome.curves.slice(1) if spoil == "drop" else changed)

    monkeypatch.setattr(vee_run, "refine_curves", spoilt)
    with pytest.raises(GateHaltedError, match=told):
        ran([STEEL / "E_MP_POWER_CURVE_2026-03.csv"])


def test_the_count_of_changed_values_in_the_report_is_the_one_that_was_counted(tmp_path: Path) -> None:
    result = ran([STEEL / "E_MP_POWER_CURVE_2026-03.csv"])
    assert write_vee(result, tmp_path)["measured_values_changed"] == result.changed == 0
    assert write_vee(replace(result, changed=7), tmp_path)["measured_values_changed"] == 7
