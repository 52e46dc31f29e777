"""The report answers which meter is wrong, since when and how."""

from __future__ import annotations

import csv
import json
import re
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from pipelines.arrays import FloatArray
from pipelines.facts import load_facts
from pipelines.formats import LongMapping
from pipelines.settings import load_settings, packaged
from zhixiang.pages import quality_charts
from zhixiang.pages.quality_charts import error_chart
from zhixiang.vee_files import report as report_module
from zhixiang.vee_files.outputs import write_vee
from zhixiang.vee_files.run import run_vee

CONF = load_settings(packaged("conf"))
FIRST, DAYS, SLOTS = date(2026, 1, 1), 100, 24
MAPPING = LongMapping.model_validate(
    {
        "id": "hours",
        "files": ["M*.csv"],
        "interval_minutes": 60,
        "meter_point": {"column": "meter"},
        "stamp": {"column": "ts", "place": "interval_start", "zone": "+08:00"},
        "values": [{"column": "kwh", "unit": "kWh", "channel": "active_forward"}],
    }
)


def write_meter(path: Path, load: FloatArray) -> None:
    lines = ["meter,ts,kwh"]
    for day, slot in np.argwhere(~np.isnan(load)).tolist():
        lines.append(f"{path.stem},{FIRST + timedelta(days=day)} {slot:02d}:00:00,{load[day, slot]:.3f}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    inbox = folder / "inbox"
    inbox.mkdir()
    random = np.random.default_rng(7)
    day = 8 + 4 * np.sin(2 * np.pi * (np.arange(SLOTS) - 7) / SLOTS)
    clean = day * random.lognormal(0, 0.05, (DAYS, SLOTS))
    stepped, holed, spiked = clean.copy(), clean.copy(), clean.copy()
    stepped[60:] *= 1000
    holed[30:70] = np.nan
    spiked[20, 9] *= 60
    for name, load in {"M0": clean, "M1": stepped, "M2": holed, "M3": spiked}.items():
        write_meter(inbox / f"{name}.csv", load)
    (inbox / "letter.txt").write_text("Dear Sir or Madam\n")
    result = run_vee([inbox], MAPPING, CONF, load_facts(CONF.facts_dir), date(2026, 11, 1))
    write_vee(result, folder / "out")
    return folder / "out"


def test_meters_csv_says_which_meter_is_wrong_since_when_and_how(out: Path) -> None:
    rows = list(csv.DictReader((out / "meters.csv").read_text(encoding="utf-8-sig").splitlines()))
    found = {(row["meter_point_id"], row["check_id"]): row for row in rows}
    assert not [key for key in found if key[0] == "M0"]
    step, hole = found["M1", "VEE-V40"], found["M2", "VEE-V01"]
    assert (step["first_day"], step["last_day"], step["days"]) == ("2026-03-02", "2026-04-10", "40")
    assert (hole["first_day"], hole["last_day"], hole["days"]) == ("2026-01-31", "2026-03-11", "40")
    assert float(step["energy_kwh_or_kvarh"]) == pytest.approx(40 * 24 * 8000, rel=0.02)
    assert found["M3", "VEE-V06"]["days"] == "1"


def test_the_page_and_the_figures_name_the_worst_first(out: Path) -> None:
    told = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert told["flagged_series"] == 3
    assert list(dict.fromkeys(row["meter_point_id"] for row in told["meters"])) == ["M3", "M1", "M2"]
    page = (out / "report.html").read_text(encoding="utf-8")
    heads = re.findall(r'<h3 id="m\d+">(\w+) ', page)
    assert heads == ["M3", "M1", "M2", "M0"], "a meter of which nothing is flagged comes last"
    assert "电量水平突变" in page
    assert "<script" not in page
    assert "style=" not in page


def test_a_hole_is_shaded_with_its_length_and_axes_have_units_and_days(out: Path) -> None:
    page = (out / "report.html").read_text(encoding="utf-8")
    chart = page.split(">M2 ", 1)[1].split("<h3", 1)[0]
    assert chart.count("缺 40 天 d") == 2, "on wide and on narrow screens"
    assert {"kWh", "kW"} <= set(re.findall(r">([A-Za-z]+)</text>", chart))
    assert len(set(re.findall(r">(?:2026-)?(\d\d-\d\d)</text>", chart))) >= 7
    spike = page.split(">M3 ", 1)[1].split("<h3", 1)[0]
    told = re.findall(r">([\d.,]+) kWh</text>", spike)
    assert told, "what lies beyond the scale is written at its edge"
    assert float(told[0]) > 300
    steps = [float(each.replace(",", "")) for each in re.findall(r'anchor="end">([\d.,]+)</text>', spike)]
    assert max(steps) < 40, "one value does not press all others flat"


def test_a_refused_file_has_a_tile_with_its_name_and_reason(out: Path) -> None:
    page = (out / "report.html").read_text(encoding="utf-8")
    tile = page.split('class="card told"', 1)[1].split("</div>", 1)[0]
    assert "letter.txt" in tile
    assert "missing_column" in tile


def test_what_is_kept_for_drawing_does_not_grow_with_the_meters(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_module, "PLOTS_LIMIT", 2)
    inbox = out.parent / "inbox"
    result = run_vee([inbox], MAPPING, CONF, load_facts(CONF.facts_dir), date(2026, 11, 1))
    write_vee(result, tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert re.findall(r'<h3 id="m\d+">(\w+) ', page) == ["M3", "M1"]
    assert "2 of 4 series drawn" in page


def test_one_bad_meter_does_not_drown_the_errors_of_the_others() -> None:
    lines = {"VEE-E01": [(1.0, 0.04), (2.0, 0.05)], "VEE-E03": [(1.0, 0.03), (2.0, 1.4)]}
    chart = error_chart(lines, [])
    assert "20.0%" in chart
    assert "150.0%" not in chart
    assert ">140%<" in chart, "the one that stands out is written at the edge"


def test_long_texts_have_room_on_a_phone(out: Path) -> None:
    """A reason beside three other columns was one word wide, and a file of 168 of them 56,000 pixels high."""
    page = (out / "report.html").read_text(encoding="utf-8")
    for told in ("Files", "Which meter is wrong"):
        table = page[page.index(f"<small>{told}") :]
        assert table[table.index("<table") :].startswith('<table class="rows">')
    template = (Path(quality_charts.__file__).parent / "templates" / "vee.html.j2").read_text("utf-8")
    for column in ("说明 remark", "原因 reason"):
        assert f'class="whole" data-label="{column}"' in template
