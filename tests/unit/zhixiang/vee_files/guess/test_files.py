"""What ``zhixiang vee --guess`` proposes reads the right energy, or says what is to be decided."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import UsageError
from pipelines.formats import FormatSettings, LongForm, load_mapping
from pipelines.settings import load_settings, packaged
from tests.field.harness import INPUTS, command
from zhixiang.vee_files.guess.files import guess_files
from zhixiang.vee_files.guess.proposal import Guess, as_yaml

CONF = load_settings(packaged("conf"))
FORMATS = CONF.section(FormatSettings)


def guessed(*paths: Path) -> Guess:
    return guess_files(paths, CONF.platform.ingest, FORMATS)


def of_text(tmp_path: Path, text: str, name: str = "a.csv") -> Guess:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return guessed(path)


@pytest.mark.parametrize(
    ("case", "energy", "keys", "to_decide"),
    [
        (
            "11",
            {"active_forward": 105.531},
            {"separator": ";", "decimal": ","},
            {"stamp.zone", "meter_point"},
        ),
        ("13", {"active_forward": 104.682}, {}, {"stamp.zone", "stamp.format", "values.Consumed"}),
        ("12", {"active_forward": 104.865}, {}, {"meter_point", "values.Valeur"}),
        ("24", {"active_forward": 105.531}, {}, {"stamp.zone", "values"}),
        ("95epoch", {"active_forward": 105.531}, {}, {"stamp.zone", "values.kwh"}),
        ("04", {"active_forward": 105.464}, {}, {"stamp.zone", "values.stand_kwh reading"}),
        (
            "03",
            {"active_forward": 249.668, "active_reverse": 240.249},
            {},
            {"stamp.zone", "values.kwh", "values.kwh sign"},
        ),
        (
            "17",
            {"active_forward": 202.408},
            {"nothing": ["-", "--", "n/a", "null"]},
            {"stamp.zone", "values.kwh"},
        ),
        (
            "113",
            {"active_forward": 566.57},
            {"interval_minutes": 1440},
            {"stamp.zone", "meter_point", "values.kwh"},
        ),
        ("10", {"active_forward": 104.865}, {"interval_minutes": 30}, {"stamp.zone", "values.wh"}),
        ("31", {"active_forward": 105.531}, {}, {"stamp.zone", "values.kwh"}),
        ("80", {"active_forward": 316.616}, {"thousands": ","}, {"stamp.zone", "values.wh"}),
    ],
)
def test_files_that_people_have_are_read_as_they_are_meant(
    case: str, energy: dict[str, float], keys: dict[str, object], to_decide: set[str], tmp_path: Path
) -> None:
    path = next(each for each in sorted((INPUTS / case).iterdir()) if each.suffix != ".yaml")
    guess = guessed(path)
    assert guess.energy == pytest.approx(energy, abs=0.001)
    assert (guess.held, guess.refusal, len(guess.rows)) == (0, "", 10)
    assert set(guess.unsure) == to_decide
    assert {key: guess.keys.get(key) for key in keys} == keys
    written = tmp_path / "m.yaml"
    written.write_text(as_yaml(guess), encoding="utf-8")
    mapping = load_mapping(written)
    read = LongForm(mapping).read(path.read_bytes(), path.name, FORMATS)
    assert read.rows.num_rows == guess.days, "what is written is what was tried"
    assert mapping.fits(path.name)


def test_what_names_and_stamps_tell_is_taken(tmp_path: Path) -> None:
    lines = ["表号\t结束时间\t正向有功总(kWh)\t反向有功总(kWh)\t无功(kvarh)\t电压"]
    for slot in range(1, 25):
        moment = f"2026-03-01 {slot:02d}:00" if slot < 24 else "2026-03-02 00:00"
        lines.append(f"0012\t{moment}\t{slot % 5 + 0.5}\t0.25\t0.1\t220.{slot}")
    guess = of_text(tmp_path, "\n".join(lines) + "\n", "2026年3月.txt")
    assert guess.keys["separator"] == "tab"
    assert guess.keys["meter_point"] == {"column": "表号"}
    assert (guess.keys["stamp"]["place"], guess.keys["interval_minutes"]) == ("interval_end", 60)
    assert [value["channel"] for value in guess.keys["values"]] == [
        "active_forward",
        "active_reverse",
        "reactive_lagging",
    ]
    assert guess.rows[0]["begin"] == "2026-03-01 00:00"
    assert guess.keys["files"] == ["*年*月.txt"]
    assert any("电压" in remark for remark in guess.remarks)


def test_a_day_before_or_after_the_month_is_told_by_even_steps(tmp_path: Path) -> None:
    dates = [(day, month) for month, last in ((3, 31), (4, 5)) for day in range(1, last + 1)]
    days = [f"{day:02d}/{month:02d}/2026" for day, month in dates]
    text = "meter,ts,kwh\n" + "".join(
        f"M,{day} {hour:02d}:00,{(hour + place) % 7}.5\n"
        for place, day in enumerate(days)
        for hour in range(24)
    )
    guess = of_text(tmp_path, text)
    assert guess.keys["stamp"]["format"] == "%d/%m/%Y %H:%M"
    assert guess.days == 36
    assert "stamp.format" not in guess.unsure, "a day 31 leaves no doubt"


def test_numbered_columns_are_a_wide_day(tmp_path: Path) -> None:
    head = "户号,日期," + ",".join(f"P{place}" for place in range(1, 97))
    row = ",".join("0.5" for _ in range(96))
    guess = of_text(tmp_path, f"{head}\n001,20260301,{row}\n001,20260302,{row}\n", "负荷_kW.csv")
    assert guess.keys["wide"] == {"date": "日期", "columns": "P1..P96"}
    assert guess.keys["values"] == [{"unit": "kW", "channel": "active_forward"}]
    assert guess.energy == {"active_forward": pytest.approx(24.0)}


def test_a_comma_that_may_be_either_is_to_be_decided(tmp_path: Path) -> None:
    text = "meter;ts;wh\n" + "".join(
        f"M;2026-03-01 {hour:02d}:00;{hour % 5 + 1},{hour * 7 % 1000:03d}\n" for hour in range(24)
    )
    assert "decimal" in of_text(tmp_path, text).unsure


def test_a_workbook_and_typed_columns_are_taken_too(tmp_path: Path) -> None:
    moments = pa.array([f"2026-03-01T{hour:02d}:00:00" for hour in range(24)]).cast(pa.timestamp("us"))
    table = pa.table({"device": ["D"] * 24, "from": moments, "consumption": [float(x) for x in range(24)]})
    pq.write_table(table, tmp_path / "x.parquet")
    guess = guessed(tmp_path / "x.parquet")
    assert guess.energy == {"active_forward": 276.0}
    assert "separator" not in guess.keys


def test_further_files_are_tried_and_known_formats_need_no_mapping(tmp_path: Path) -> None:
    first, second, other = INPUTS / "17" / "a.csv", tmp_path / "b.csv", tmp_path / "c.csv"
    second.write_bytes(first.read_bytes().replace(b"T1", b"T2"))
    other.write_text("meter,when,wert\nM,2026-03-01 00:00,1\n")
    known = packaged("samples") / "steel" / "E_MP_POWER_CURVE_2026-03.csv"
    guess = guessed(known, first, second, other)
    assert guess.keys["files"] == ["a.csv", "b.csv"]
    assert any("c.csv cannot be read" in remark for remark in guess.remarks)
    assert any("needs no mapping" in remark for remark in guess.remarks)
    with pytest.raises(UsageError, match="needs no mapping"):
        guessed(known)
    with pytest.raises(UsageError, match="stamps"):
        of_text(tmp_path, "name,kwh\nx,1\ny,2\n", "d.csv")


def test_the_command_writes_shows_and_never_overwrites(tmp_path: Path) -> None:
    target = tmp_path / "m.yaml"
    file = INPUTS / "11" / "a.csv"
    code, said, complained = command("vee", file, "--guess", target)
    assert (code, complained) == (0, "")
    assert "0.071" in said
    assert "to decide: stamp.zone" in said
    assert max(map(len, said.split("\n\n")[0].splitlines()[:12])) <= 80
    before = target.read_bytes()
    code, _, complained = command("vee", file, "--guess", target)
    assert (code, "is there already" in complained) == (2, True)
    assert target.read_bytes() == before
    code, said, _ = command("vee", file, "--guess", tmp_path / "n.yaml", "--json")
    told = json.loads(said)
    assert (code, told["mapping"]["separator"], len(told["rows"])) == (0, ";", 10)
    code, _, complained = command("vee", file)
    assert (code, "--out" in complained) == (2, True)
    code, _, _ = command("vee", file, "--mapping", target, "--out", tmp_path / "out")
    assert code == 0, "what is proposed can be used as it is"


def test_what_cannot_be_read_is_said_and_ends_with_exit_3(tmp_path: Path) -> None:
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    rows = [
        f"A,{begin + timedelta(minutes=7 * number):%Y-%m-%d %H:%M},{0.5 + number % 7}"
        for number in range(300)
    ]
    (tmp_path / "a.csv").write_text("\n".join(["meter,ts,kwh", *rows, ""]), "utf-8")
    code, _, complained = command("vee", tmp_path / "a.csv", "--guess", tmp_path / "m.yaml")
    assert (code, "cannot be read under it yet" in complained) == (3, True)
    assert "NOT READ YET" in (tmp_path / "m.yaml").read_text(encoding="utf-8")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as inside:
        inside.writestr("word/document.xml", "<x/>")
    (tmp_path / "a.docx").write_bytes(archive.getvalue())
    code, _, complained = command("vee", tmp_path / "a.docx", "--guess", tmp_path / "n.yaml")
    assert code == 3, complained
    assert not (tmp_path / "n.yaml").exists()


def test_names_with_line_ends_and_words_of_yaml_do_not_leave_their_place() -> None:
    keys = {
        "id": "x",
        "nothing": ["null", "no"],
        "meter_point": {"column": 'a"b: {c'},
        "values": [{"unit": "kWh"}],
    }
    text = as_yaml(Guess("a\nb: c", keys, {"id": "x\ny: z"}))
    assert 'nothing: ["null", "no"]' in text
    assert [line.split(":")[0] for line in text.splitlines() if line[0] not in "# "] == [*keys]


def test_midnight_behind_the_other_columns_is_the_end_of_its_day(tmp_path: Path) -> None:
    times = [f"{minutes // 60 % 24:02d}:{minutes % 60:02d}" for minutes in range(15, 1455, 15)]
    values = [f"{0.5 + slot % 7 / 10:.1f}" for slot in range(96)]
    rows = [f"A,2026-03-{day:02d},{','.join(values)}" for day in range(1, 6)]
    path = tmp_path / "ends.csv"
    path.write_text("\n".join([f"meter,day,{','.join(times)}", *rows]) + "\n", encoding="utf-8")
    guess = guessed(path)
    assert guess.keys["stamp"]["place"] == "interval_end"
    assert [(row["begin"], row["value"]) for row in guess.rows[:2]] == [
        ("2026-03-01 00:00", 0.5),
        ("2026-03-01 00:15", 0.6),
    ]
