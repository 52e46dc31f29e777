"""What ``zhixiang vee`` must not pass over in silence: files it does not use, years without a calendar, empty
files, classes, formulas in cells.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines.facts import load_facts
from pipelines.formats import LongMapping
from pipelines.settings import load_settings, packaged
from zhixiang.cli.data import vee as command
from zhixiang.cli.main import run_app
from zhixiang.vee_files.outputs import flags_of, write_vee
from zhixiang.vee_files.result import VeeResult
from zhixiang.vee_files.run import run_vee

CONF = load_settings(packaged("conf"))
FACTS = load_facts(CONF.facts_dir)
STEEL = packaged("samples") / "steel"
MONTHS = [STEEL / f"E_MP_POWER_CURVE_2026-{month:02d}.csv" for month in range(3, 7)]
READS = [STEEL / f"E_MP_DAY_READ_2026-{month:02d}.csv" for month in range(3, 5)]
POINTS, CUSTOMERS = STEEL / "meter_points.csv", STEEL / "customers.csv"
LONG = LongMapping.model_validate(
    {
        "id": "plain",
        "interval_minutes": 60,
        "meter_point": {"column": "meter"},
        "stamp": {"column": "ts", "place": "interval_start", "zone": "+08:00"},
        "values": [{"column": "kwh", "unit": "kWh", "channel": "active_forward"}],
    }
)


def ran(paths: list[Path], mapping: LongMapping | None = None) -> VeeResult:
    return run_vee(paths, mapping, CONF, FACTS, date(2026, 11, 1))


def test_files_of_tables_that_are_not_looked_at_are_named(tmp_path: Path) -> None:
    weather = packaged("samples") / "buildings" / "weather.csv.gz"
    result = ran([MONTHS[0], weather])
    assert [row["status"] for row in result.files] == ["accepted", "not_used"]
    assert result.remarks == [f"not used by vee: {weather} (1 files)"]
    figures = write_vee(result, tmp_path)
    assert figures["files"]["not_used"] == 1
    assert "vee does not look at" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_run_of_zeros_in_an_outage_on_record_has_its_own_code(tmp_path: Path) -> None:
    """Two dark days; the events file knows of one of them."""
    with MONTHS[2].open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    for row in rows:
        if row["DATA_TYPE"] == "1" and row["DATA_DATE"] in ("2026-05-13", "2026-05-20"):
            row.update({f"P{point}": "0" for point in range(1, 97)})
    curves, events = tmp_path / "curves.csv", tmp_path / "events.csv"
    with curves.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    events.write_text(
        "event_id,customer_id,event_code,started_date,ended_date,detail,provenance,sent_at\n"
        "E1,STEEL-0001,outage,2026-05-20,2026-05-20,,simulated,2026-05-21 08:00:00\n"
    )

    def zeros(*more: Path) -> set[tuple[str, str]]:
        result = ran([curves, POINTS, *more])
        assert all(row["status"] == "accepted" for row in result.files)
        flags = flags_of(result.curves).to_pylist()
        return {
            (str(row["curve_date"]), row["check_id"])
            for row in flags
            if row["check_id"] in ("VEE-V04", "VEE-V12")
        }

    assert zeros() == {("2026-05-13", "VEE-V04"), ("2026-05-20", "VEE-V04")}
    assert zeros(events) == {("2026-05-13", "VEE-V04"), ("2026-05-20", "VEE-V12")}


def test_years_without_a_calendar_are_named(tmp_path: Path) -> None:
    rows = [
        f"A,{year}-05-{day:02d} {hour:02d}:00:00,{hour * 7 % 24 + 1}"
        for year in (2026, 2027)
        for day in range(1, 29)
        for hour in range(24)
    ]
    path = tmp_path / "long.csv"
    path.write_text("\n".join(["meter,ts,kwh", *rows]) + "\n")
    result = run_vee([path], LONG, CONF, FACTS, date(2027, 12, 1))
    assert result.remarks == ["no calendar of holidays for 2027: there like-days follow the week alone"]
    write_vee(result, tmp_path / "out")
    assert "no calendar of holidays for 2027" in (tmp_path / "out" / "report.html").read_text(
        encoding="utf-8"
    )


def test_a_header_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / MONTHS[0].name
    path.write_text(MONTHS[0].read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    result = ran([path])
    assert (result.files[0]["status"], result.exit_code) == ("refused", 3)
    assert "no record under it" in result.files[0]["reason"]


def test_errors_are_told_by_customer_class() -> None:
    classes = {
        name: set(ran([*MONTHS, *more]).errors["customer_class_code"].to_pylist())
        for name, more in (("told", [POINTS, CUSTOMERS]), ("not", []))
    }
    assert classes == {"told": {"large_industry"}, "not": {"none"}}


def test_registers_alone_are_counted_as_registers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "sys.argv", ["zhixiang", "vee", *map(str, READS), str(POINTS), "--out", str(tmp_path)]
    )
    assert run_app() == 0
    out = capsys.readouterr().out
    assert "settled_reads" in out
    assert "intervals" not in out
    figures = write_vee(ran([*READS, POINTS]), tmp_path)
    with (tmp_path / "register_energy.csv").open(encoding="utf-8-sig") as handle:
        rows = list(csv.DictReader(handle))
    assert figures["register_reads"] == len(rows) > 100
    assert (
        figures["settled_reads"] == sum(row["energy_kwh_or_kvarh"] != "" for row in rows) == len(rows) - 3
    ), "all but the first read of three channels"
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "register_energy.csv holds what the registers settle" in page
    assert "intervals.csv" not in page


def test_a_cell_is_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    good = [f"A,2026-05-{day:02d} {hour:02d}:00:00,1" for day in range(1, 9) for hour in range(24)]
    path.write_text("\n".join(["meter,ts,kwh", "=HYPERLINK(1),2026-13-01 00:00:00,1", *good]) + "\n")
    write_vee(ran([path], LONG), tmp_path / "out")
    with (tmp_path / "out" / "rejected.csv").open(encoding="utf-8-sig") as handle:
        (row,) = csv.DictReader(handle)
    assert row["raw_record"].startswith("'=HYPERLINK")


def test_the_report_tells_how_many_truths_the_bands_hold(tmp_path: Path) -> None:
    result = ran([*MONTHS, POINTS, CUSTOMERS])
    write_vee(result, tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    chosen = result.errors.filter(pc.equal(result.errors["estimator_id"], "chosen"))
    assert chosen.num_rows
    for row in chosen.to_pylist():
        assert f"{100 * row['covered_ratio']:.0f} %" in page
    none = replace(
        result,
        errors=pa.table(
            {
                name: pa.array([], column.type)
                for name, column in zip(chosen.column_names, chosen.columns, strict=True)
            }
        ),
    )
    write_vee(none, tmp_path / "none")
    assert "误差带覆盖率" not in (tmp_path / "none" / "report.html").read_text(encoding="utf-8")


def test_steps_done_before_the_bar_shows_are_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "_QUIET_SECONDS", -1.0)
    steps = command._Steps(3, quiet=False)
    steps._began -= 1
    monkeypatch.setattr(command, "_QUIET_SECONDS", 1e9)
    steps.begin("one")
    steps.begin("two")
    monkeypatch.setattr(command, "_QUIET_SECONDS", -1.0)
    steps.begin("three")
    steps.close()
    told = capsys.readouterr().err
    assert told.index("one") < told.index("two")
    assert "[2/3]" in told
