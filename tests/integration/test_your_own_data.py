"""The page from an empty home to the first bill: its commands, in its order, on files of one's own."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.settings import load_settings, packaged
from pipelines.storage.store import Store
from pipelines.tables.gold import GoldBillingDeterminants
from products.efficiency_bill.tables import EfficiencyBillLinesV1, EfficiencyBillV1

PAGE = Path(__file__).resolve().parents[2] / "docs" / "your-own-data.md"
DAILY = {"MP-1": Decimal("4.00"), "MP-2": Decimal("310.50"), "MP-3": Decimal("9.25")}
MULTIPLIERS = {"MP-1": 100, "MP-2": 1, "MP-3": 200}
CUSTOMERS = {"MP-1": "3300000001", "MP-2": "3300000002", "MP-3": "3300000003"}
FIRST, BEGIN = date(2026, 7, 31), Decimal("1000.00")

# The page names the program; here it is this checkout's. Each command's exit code is noted.
PREAMBLE = """
zhixiang() {{
  "{python}" -m zhixiang.cli.main "$@"
  local code=$?
  echo "$code zhixiang $*" >> "{codes}"
  return $code
}}
cd "{place}"
"""


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def register_lines(first: date, last: date) -> Iterator[str]:
    for point, daily in DAILY.items():
        day = first
        while day <= last:
            register = BEGIN + daily * (day - FIRST).days
            after = day + timedelta(days=1)
            yield f"{point},1,{day},{after} 00:00:00,{register},,,,,,{after} 01:10:00"
            day = after


def write_registers(folder: Path) -> None:
    (begins,) = blocks("csv")
    header, *shown = begins.splitlines()
    for month, first, last in (
        ("2026-08", FIRST, date(2026, 8, 31)),
        ("2026-09", date(2026, 9, 1), date(2026, 9, 30)),
    ):
        lines = list(register_lines(first, last))
        assert month != "2026-08" or lines[: len(shown)] == shown, "the page shows how the file begins"
        (folder / f"registers_{month}.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


def shipped() -> str:
    files = sorted(path for path in packaged("conf").rglob("*") if path.is_file())
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], str]:
    """The folder after every command of the page, the commands with their exit codes, and what was shown."""
    place = tmp_path_factory.mktemp("own") / "my files 我的"
    place.mkdir()
    write_registers(place)
    codes = place.parent / "codes.txt"
    script = PREAMBLE.format(python=sys.executable, codes=codes, place=place) + "\n".join(blocks("sh"))
    plain = {name: value for name, value in os.environ.items() if not name.startswith("ZHIXIANG")}
    before = shipped()
    answer = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
        env={**plain, "PYTHONPATH": str(PAGE.parents[1])},
    )
    assert shipped() == before
    assert "Traceback" not in answer.stderr
    assert "Unexpected" not in answer.stderr
    return place, codes.read_text(encoding="utf-8").splitlines(), answer.stdout + answer.stderr


@pytest.mark.slow
@pytest.mark.timeout(1600)
def test_the_files_are_taken_and_settled_to_the_kilowatt_hour(walked: tuple[Path, list[str], str]) -> None:
    place, commands, shown = walked
    ends = {
        line[2:]: line[0] for line in commands if not line[2:].startswith(("zhixiang run", "zhixiang bill"))
    }
    assert set(ends.values()) == {"0"}, (ends, shown[-3000:])
    rows = Store(load_settings(home=place / "utility")).arrow(
        GoldBillingDeterminants, ["meter_point_id", "billing_month", "energy_kwh"]
    )
    settled = {(row["meter_point_id"], row["billing_month"]): row["energy_kwh"] for row in rows.to_pylist()}
    assert {key: energy for key, energy in settled.items() if key[1] in ("2026-08", "2026-09")} == {
        (point, month): daily * days * MULTIPLIERS[point]
        for point, daily in DAILY.items()
        for month, days in (("2026-08", 31), ("2026-09", 30))
    }


@pytest.mark.slow
@pytest.mark.timeout(1600)
def test_every_command_of_the_page_ends_well(walked: tuple[Path, list[str], str]) -> None:
    _, commands, shown = walked
    assert [line for line in commands if not line.startswith("0 ")] == [], shown[-3000:]
    assert len(commands) == len(re.findall(r"^zhixiang ", "\n".join(blocks("sh")), re.MULTILINE))
    assert shown.count("index.html") >= 3


@pytest.mark.slow
@pytest.mark.timeout(1600)
def test_the_example_gives_a_bill_and_codes(walked: tuple[Path, list[str], str]) -> None:
    place, _, shown = walked
    rows = Store(load_settings(home=place / "example")).arrow(EfficiencyBillV1, ["customer_id"])
    assert set(rows.column(0).to_pylist()) == {"EX-1001", "EX-1002", "EX-1003"}
    assert "fee codes: 2026-09: 6" in shown
    assert (place / "example" / "out" / "index.html").is_file()


@pytest.mark.slow
@pytest.mark.timeout(1600)
def test_three_customers_of_ones_own_are_billed_in_both_months(
    walked: tuple[Path, list[str], str],
) -> None:
    place, _, _ = walked
    store = Store(load_settings(home=place / "utility"))
    bills = store.arrow(EfficiencyBillV1).to_pylist()
    energy = {(row["customer_id"], row["billing_month"]): row["energy_kwh"] for row in bills}
    assert energy == {
        (CUSTOMERS[point], month): daily * days * MULTIPLIERS[point]
        for point, daily in DAILY.items()
        for month, days in (("2026-08", 31), ("2026-09", 30))
    }
    assert not any(row["is_illustrative"] for row in bills)
    assert {row["provenance"] for row in bills} == {"real"}
    lines = store.arrow(EfficiencyBillLinesV1, ["customer_id", "billing_month", "amount_cny"]).to_pylist()
    for row in bills:
        mine = [
            line["amount_cny"]
            for line in lines
            if (line["customer_id"], line["billing_month"]) == (row["customer_id"], row["billing_month"])
        ]
        assert sum(mine) == row["total_cny"]


@pytest.mark.slow
@pytest.mark.timeout(1600)
def test_each_bill_names_on_its_page_what_its_comparisons_lack(walked: tuple[Path, list[str], str]) -> None:
    place, _, _ = walked
    for month in ("2026-08", "2026-09"):
        for customer in CUSTOMERS.values():
            page = place / "utility" / "out" / "bills" / month / f"{customer}.html"
            text = page.read_text(encoding="utf-8")
            lacking = [
                *(
                    "与自己的基线相比",
                    "因此没有基线，不判断用电高低",
                    "no baseline and the month is not judged",
                ),
                *("与同行相比", "没有建筑面积，无法与同行比较", "no floor area to compare with peers by"),
                *("没有分时曲线", "There is no load curve", "没有无功电量", "Reactive energy is not metered"),
            ]
            if month == "2026-08":
                lacking += ["没有上月的账单可比", "There is no bill of last month"]
            assert [words for words in lacking if words not in text] == [], (month, customer)
            assert ("没有上月的账单可比" in text) is (month == "2026-08")


@pytest.mark.slow
@pytest.mark.timeout(1600)
def test_the_second_month_is_one_command_that_takes_the_file_in(
    walked: tuple[Path, list[str], str],
) -> None:
    place, commands, shown = walked
    at = commands.index("0 zhixiang run --month 2026-09 registers_2026-09.csv")
    assert not any("registers_2026-09" in line for line in commands[:at])
    taken = place / "utility" / "inbox" / "registers_2026-09.csv"
    assert taken.read_bytes() == (place / taken.name).read_bytes()
    assert f"taken into {taken}" in shown
