"""``from`` and ``to`` of a case: its curve, and days that cannot be meant."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.codes import LineComponent
from pipelines.errors import FactFileError, ZhixiangError
from pipelines.tariff import price_supply
from pipelines.tariff.cases.case_files import read_case, supplies_of_case
from tests.correction_cases import facts_folder, price_notice

CONTRACT = """title: a works read on the 25th
contract:
  customer_class: general_commercial
  pricing_scheme: two_part
  voltage_level: 1_to_20kv
  is_time_of_use: true
  contract_capacity_kva: 1000
  running_capacity_kva: 1000
  demand_basis: actual_demand
months:
"""
D = Decimal


def write(folder: Path, months: str) -> Path:
    path = folder / "case.yaml"
    path.write_text(CONTRACT + months, encoding="utf-8")
    return path


def test_a_curve_is_priced_day_by_day(tmp_path: Path) -> None:
    """10 kWh a quarter of an hour in August, 20 in September: 6 and 25 days of 96."""
    facts_of = facts_folder(tmp_path)
    facts = price_notice(facts_of, "0.5000", "corrected", "2026-08-29")
    at, rows = datetime(2026, 8, 26, tzinfo=UTC), ["interval_start,energy_kwh"]
    while at < datetime(2026, 9, 26, tzinfo=UTC):
        rows.append(f"{at:%Y-%m-%dT%H:%M},{10 if at.month == 8 else 20}")
        at += timedelta(minutes=15)
    (tmp_path / "curve.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    path = write(tmp_path, "  - {month: 2026-09, from: 2026-08-26, to: 2026-09-25, curve: curve.csv}\n")
    (supply,) = supplies_of_case(read_case(path), tmp_path, facts)
    assert supply.days == (date(2026, 8, 26), date(2026, 9, 25))
    assert [(part.first_day, part.energy_kwh) for part in supply.segments] == [
        (date(2026, 8, 26), D("5760.00")),
        (date(2026, 9, 1), D("48000.00")),
    ]
    bill = price_supply(supply, facts)
    demand = [line.amount_cny for line in bill.lines if line.component is LineComponent.BASIC_DEMAND]
    assert demand == [D("3776.00")]  # 80 kW x 47.2, one month
    # Every kWh pays 0.1250 for transmission, whatever its hour.
    moved = [line for line in bill.lines if line.component is LineComponent.TRANSMISSION]
    assert sum(line.amount_cny for line in moved) == D("6720.00")


@pytest.mark.parametrize(
    ("months", "line", "said"),
    [
        ("  - {month: 2026-09, from: 2026-08-26, energy_kwh: 1}\n", 11, "from: to is missing"),
        ("  - {month: 2026-09, to: 2026-09-25, energy_kwh: 1}\n", 11, "to: from is missing"),
        ("  - {month: 2026-08, from: 2026-08-26, to: 2026-09-25}\n", 11, "does not end in 2026-08"),
        ("  - {month: 2026-09, from: 2026-09-26, to: 2026-09-25}\n", 11, "has no day"),
        ("  - {month: 2026-09, from: 2026-03-26, to: 2026-09-25}\n", 11, "has 184 days"),
        (
            "  - {month: 2026-08, energy_kwh: 1, energy_by_period: {flat: 1}, max_demand_kw: 1}\n"
            "  - {month: 2026-09, from: 2026-08-26, to: 2026-09-25, energy_kwh: 1}\n",
            12,
            "overlaps 2026-08-01 to 2026-08-31",
        ),
        ("  - {month: 2026-09, from: 26 August, to: 2026-09-25}\n", 11, "from"),
    ],
)
def test_days_that_cannot_be_meant_name_their_line(tmp_path: Path, months: str, line: int, said: str) -> None:
    with pytest.raises(FactFileError, match=said) as refused:
        read_case(write(tmp_path, months))
    assert f"case.yaml:{line}" in str(refused.value)


def test_a_curve_of_the_month_is_none_of_the_period(tmp_path: Path) -> None:
    rows = "interval_start,energy_kwh\n2026-09-01T00:00,1\n"
    (tmp_path / "curve.csv").write_text(rows, encoding="utf-8")
    path = write(tmp_path, "  - {month: 2026-09, from: 2026-08-26, to: 2026-09-25, curve: curve.csv}\n")
    facts = price_notice(facts_folder(tmp_path), "0.5000", "corrected", "2026-08-29")
    with pytest.raises(ZhixiangError, match=r"curve.csv:2.*2026-08-26 00:00"):
        supplies_of_case(read_case(path), tmp_path, facts)
