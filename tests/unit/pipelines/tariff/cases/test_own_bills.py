"""Prices of one's own in their Chinese shape: a monthly bill by period, capacity, funds, factor, holidays."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import FactFileError
from pipelines.facts import load_facts
from pipelines.settings import packaged
from pipelines.tariff.cases.case_files import read_case
from pipelines.tariff.cases.own_bills import OwnPricedMonth, own_bills

D = Decimal
FACTS = load_facts(packaged("conf") / "facts")
HEAD = "title: t\nmonths:\n"
MONTH = (
    "  - {month: 2026-09, energy_by_period: {peak: 120000, flat: 80000, valley: 100000}, "
    "lagging_kvarh: 100000, leading_kvarh: 0}\n"
)
OFFER = """own_prices:
  name: a works elsewhere
  document: its bill, prices made up
  energy: {peak: [0.9], flat: [0.6], valley: [0.3]}
  capacity_kva: 1000
  capacity_cny_per_kva: 30
  funds_cny_per_kwh: 0.03
  power_factor_standard: 0.90
"""


def priced(tmp_path: Path, text: str) -> list[OwnPricedMonth]:
    path = tmp_path / "case.yaml"
    path.write_text(text, encoding="utf-8")
    return own_bills(read_case(path), tmp_path, FACTS)


def amounts(found: OwnPricedMonth) -> dict[Any, Decimal]:
    return {(line.kind, line.period): line.amount_cny for line in found.bill.lines}


def test_a_monthly_bill_without_a_curve(tmp_path: Path) -> None:
    """300,000 kWh beside 100,000 kvarh is a power factor of 0.95, by the national table 0.75 % less at a
    standard of 0.90: of 108,000 + 48,000 + 30,000 + 30,000 that is 1,620.00.
    """
    (found,) = priced(tmp_path, HEAD + MONTH + OFFER)
    assert found.power_factor == D("0.95")
    assert amounts(found) == {
        ("energy", "peak"): D("108000.00"),
        ("energy", "flat"): D("48000.00"),
        ("energy", "valley"): D("30000.00"),
        ("capacity", ""): D("30000.00"),
        ("funds", ""): D("9000.00"),
        ("power_factor", ""): D("-1620.00"),
    }
    assert found.bill.total_cny == D("223380.00")


def test_without_reactive_energy_the_adjustment_is_said_to_be_missing(tmp_path: Path) -> None:
    bare = MONTH.replace(", lagging_kvarh: 100000, leading_kvarh: 0", "")
    (found,) = priced(tmp_path, HEAD + bare + OFFER)
    assert (found.power_factor, found.missing_inputs) == (None, ("reactive_registers",))
    assert found.bill.total_cny == D("225000.00")


def test_one_price_and_a_demand_price_need_no_period(tmp_path: Path) -> None:
    own = "own_prices: {name: n, document: d, energy: {any: [0.5]}, demand: {any_time: [40]}}\n"
    (found,) = priced(tmp_path, HEAD + "  - {month: 2026-09, energy_kwh: 1000, max_demand_kw: 25}\n" + own)
    assert amounts(found) == {("energy", "any"): D("500.00"), ("demand", "any_time"): D("1000.00")}


def hours(period: str) -> str:
    return "[" + ", ".join(["[" + ", ".join([period] * 24) + "]"] * 12) + "]"


def test_holidays_have_hours_of_their_own(tmp_path: Path) -> None:
    """1 kWh a quarter hour: two days of 96 kWh at 0.1, 28 at 0.5."""
    rows = [
        f"2026-09-{day:02d}T{slot // 4:02d}:{slot % 4 * 15:02d},1"
        for day in range(1, 31)
        for slot in range(96)
    ]
    (tmp_path / "curve.csv").write_text("\n".join(["interval_start,energy_kwh", *rows]) + "\n", "utf-8")
    own = (
        "own_prices:\n  name: n\n  document: d\n  energy: {work: [0.5], rest: [0.1]}\n"
        f"  weekday_hours: {hours('work')}\n  weekend_hours: {hours('work')}\n"
        f"  holidays: [2026-09-03, 2026-09-05]\n  holiday_hours: {hours('rest')}\n"
    )
    (found,) = priced(tmp_path, HEAD + "  - {month: 2026-09, curve: curve.csv}\n" + own)
    assert amounts(found) == {("energy", "work"): D("1344.00"), ("energy", "rest"): D("19.20")}


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("flat: 80000", "sharp: 80000", 3, "own_prices have no price for the period sharp"),
        ("{month: 2026-09, ", "{month: 2026-09, energy_kwh: 5, ", 3, "the periods sum to 300000 kWh"),
        ("{month: 2026-09, ", "{month: 2026-09, exported_kwh: 5, ", 3, "have no price for it"),
        ("{month: 2026-09, ", "{month: 2026-09, curve: case.yaml, ", 3, "have no hours to split it by"),
        ("  power_factor_standard: 0.90\n", "", 3, "without a power_factor_standard ignore it"),
        ("  capacity_kva: 1000\n", "", 8, "A capacity charge needs both"),
        ("  funds_cny", "  demand: {any_time: [9]}\n  funds_cny", 3, "needs max_demand_kw or a curve"),
        ("  funds_cny", "  holidays: [2026-09-03]\n  funds_cny", 4, "hours must be 12 rows of 24"),
    ],
)
def test_each_thing_that_cannot_be_meant_names_its_line(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    text = HEAD + MONTH + OFFER
    assert old in text
    with pytest.raises(FactFileError) as raised:
        priced(tmp_path, text.replace(old, new, 1))
    assert words in raised.value.message
    assert raised.value.line == line
