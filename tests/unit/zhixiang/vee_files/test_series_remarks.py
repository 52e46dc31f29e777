"""What estimates replaced is told where it is too much for chance, or more than what came."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.facts import load_facts
from pipelines.formats import LongMapping
from pipelines.settings import load_settings, packaged
from zhixiang.vee_files.run import run_vee

CONF = load_settings(packaged("conf"))
FACTS = load_facts(CONF.facts_dir)


def remarks(folder: Path, fed_back: float, slots: range, days: int = 10) -> list[str]:
    """What is told of a NEM12 stream of half hours of 0.4 kWh that shows another value at noon."""
    rows = ["100,NEM12,202604010000,X,Y", "200,VABC000001,E1,E1,E1,N1,MET1,kWh,30,"]
    for day in range(days):
        values = ",".join(str(-fed_back if slot in slots else 0.4 + slot / 1000) for slot in range(48))
        rows.append(f"300,{date(2026, 3, 1) + timedelta(days=day):%Y%m%d},{values},A,,,20260401000000,")
    (folder / "net.csv").write_text("\n".join([*rows, "900"]) + "\n", encoding="utf-8")
    result = run_vee([folder / "net.csv"], None, CONF, FACTS, date(2026, 11, 1))
    return [told for told in result.remarks if "VEE-V03" in told]


def test_net_values_of_a_format_without_a_sign_are_told_with_their_energy(tmp_path: Path) -> None:
    """80 kWh that were fed back are estimated as drawn: no file that cannot say so does that unseen."""
    (told,) = remarks(tmp_path, 1.0, range(20, 28))
    assert told.startswith(
        "NEM12-VABC000001-1 active_forward: 80 values below zero, 80 in all, from 2026-03-01 to 2026-03-10 "
    )


@pytest.mark.parametrize(("fed_back", "slots", "days"), [(0.001, range(20, 28), 10), (1.0, range(20, 21), 7)])
def test_noise_and_single_slips_are_not(tmp_path: Path, fed_back: float, slots: range, days: int) -> None:
    assert remarks(tmp_path, fed_back, slots, days) == []


@pytest.mark.parametrize(("written", "is_told"), [("%d/%m/%Y %H:%M", True), ("%m/%d/%Y %H:%M", False)])
def test_days_read_as_months_are_told_by_what_had_to_be_estimated(
    tmp_path: Path, written: str, is_told: bool
) -> None:
    """12 days, each of which is of another month where day and month change places: eighteen times the
    energy, nearly all of it estimated.
    """
    mapping = LongMapping.model_validate(
        {
            "id": "us",
            "interval_minutes": 60,
            "meter_point": {"constant": "A"},
            "stamp": {
                "column": "ts",
                "place": "interval_start",
                "zone": "+08:00",
                "format": "%m/%d/%Y %H:%M",
            },
            "values": [{"column": "kwh", "unit": "kWh", "channel": "active_forward"}],
        }
    )
    stamps = [datetime(2025, 3, 1) + timedelta(hours=hour) for hour in range(12 * 24)]  # noqa: DTZ001 - local
    rows = [f"{stamp:{written}},{1 + stamp.hour * 7 % 24 / 24:.3f}" for stamp in stamps]
    (tmp_path / "us.csv").write_text("\n".join(["ts,kwh", *rows]) + "\n", encoding="utf-8")
    result = run_vee([tmp_path / "us.csv"], mapping, CONF, FACTS, date(2026, 11, 1))
    told = [each for each in result.remarks if each.startswith("more is estimated than came: A active")]
    assert bool(told) is is_told
    assert all("288 came" in each for each in told)


@pytest.mark.parametrize("day", [1, 2])
def test_a_day_that_came_in_two_lengths_is_told(tmp_path: Path, day: int) -> None:
    """Twenty-four hours, then ten hours of quarters with a later time: fourteen hours stand nowhere."""
    header = ["ID", "DATA_DATE", "DATA_TYPE", "DATA_POINT_FLAG", "DATA_WHOLE_FLAG"]
    header += [*(f"P{point}" for point in range(1, 97)), "INSERT_TIME"]
    hours = ["MP-1", "2026-03-01", "1", "3", "", *["1.0"] * 24, *[""] * 72, "2026-03-02 01:00:00"]
    quarters = ["MP-1", f"2026-03-0{day}", "1", "1", "", *["1.0"] * 40, *[""] * 56, "2026-03-02 02:00:00"]
    text = "\n".join(",".join(row) for row in (header, hours, quarters)) + "\n"
    (tmp_path / "E_MP_POWER_CURVE.csv").write_text(text, encoding="utf-8")
    result = run_vee([tmp_path / "E_MP_POWER_CURVE.csv"], None, CONF, FACTS, date(2026, 11, 1))
    told = [each for each in result.remarks if each.startswith("days came in intervals of two lengths")]
    assert len(told) == (day == 1)
    assert all(each.endswith("MP-1 active_forward: 1 days from 2026-03-01 to 2026-03-01") for each in told)


@pytest.mark.parametrize("factor", [1, 4])
def test_a_curve_in_another_unit_than_its_register_is_told(tmp_path: Path, factor: int) -> None:
    """Mean power taken for energy is four times the register: it stands in the flags, and is said too."""
    days = [date(2026, 3, 1) + timedelta(days=day) for day in range(20)]
    header = ["ID", "DATA_DATE", "DATA_TYPE", "DATA_POINT_FLAG", "DATA_WHOLE_FLAG"]
    rows = [",".join([*header, *(f"P{point}" for point in range(1, 97)), "INSERT_TIME"])]
    for number, day in enumerate(days):
        powers = [f"{(1 + point % 24 / 24) * (factor if number >= 8 else 1):.4f}" for point in range(96)]
        rows.append(",".join(["MP-1", str(day), "1", "1", "", *powers, f"{day} 23:59:00"]))
    (tmp_path / "E_MP_POWER_CURVE.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    energy = sum(round(1 + point % 24 / 24, 4) for point in range(96)) / 4
    reads = ["ID,READ_TYPE,DATA_DATE,COLL_TIME,R,R1,R2,R3,R4,STATUS,INSERT_TIME"]
    for number in range(21):
        day = days[0] + timedelta(days=number - 1)
        reads.append(f"MP-1,1,{day},,{1000 + number * energy:.4f},,,,,,")
    (tmp_path / "E_MP_DAY_READ.csv").write_text("\n".join(reads) + "\n", encoding="utf-8")
    result = run_vee([tmp_path], None, CONF, FACTS, date(2026, 11, 1))
    told = [each for each in result.remarks if "VEE-V32" in each]
    assert len(told) == (factor == 4)
    assert all(
        each.startswith("MP-1 active_forward: on 12 days from 2026-03-09 to 2026-03-20") for each in told
    )
