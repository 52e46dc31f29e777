"""A read after missed ones settles several days: each gets its share, is marked, and is compared as a day."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.tables.gold import GoldDayEnergy
from pipelines.tables.silver import SilverRegisterEnergy
from products.efficiency_bill.comparison.days import account_energy, arrange_days
from products.efficiency_bill.comparison.missed_reads import spread_over_spans, spread_rows
from tests.unit.products.efficiency_bill.case.gold_rows import BUILDING, REGISTERS, billed, september_days

DAILY = 1000.0
STATIONS = pa.table(
    {
        "customer_id": ["A"],
        "valid_from_date": [date(2026, 1, 1)],
        "weather_station_id": pa.array([None], pa.string()),
    }
)
WEATHER = pa.table(
    {
        "station_id": pa.array([], pa.string()),
        "weather_date": pa.array([], pa.date32()),
        "mean_celsius": pa.array([], pa.float64()),
    }
)


def day_rows(days: dict[int, float], point: str = "MP", **accounts: str | None) -> list[dict[str, Any]]:
    named = {"customer_id": "A", "deducted_customer_id": None} | accounts
    return [
        {
            "meter_point_id": point,
            "channel_code": "active_forward",
            "energy_date": date(2026, 9, day),
            "energy_kwh_or_kvarh": energy,
            "basis_code": "register",
            "estimated_ratio": 0.0,
            "energy_month": "2026-09",
            **named,
        }
        for day, energy in days.items()
    ]


def span(day: int, days: int, point: str = "MP") -> dict[str, Any]:
    return {
        "meter_point_id": point,
        "channel_code": "active_forward",
        "energy_date": date(2026, 9, day),
        "span_days": days,
    }


def written(kind: Any, rows: list[dict[str, Any]], folder: Path) -> list[str]:
    """A data file of a table."""
    schema = pa.schema([field.with_nullable(True) for field in kind.arrow_schema()])
    found = pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema)
    path = folder / f"energy_month=2026-09/{kind.name}.parquet"
    path.parent.mkdir(exist_ok=True)
    pq.write_table(found.drop_columns(["energy_month"]), path)
    return [str(path)]


def test_four_days_of_one_read_are_four_days(tmp_path: Path) -> None:
    """Three days without a read: the fourth had four days' energy, and the month a false saving."""
    days = {day: DAILY for day in range(1, 31) if day not in (10, 11, 12)} | {13: 4 * DAILY}
    days_of = written(GoldDayEnergy, day_rows(days), tmp_path)
    reads = written(SilverRegisterEnergy, [span(13, 4), span(14, 1)], tmp_path)
    spread = spread_rows(days_of, reads, ["A"])
    found = arrange_days(account_energy(days_of, None), STATIONS, WEATHER, spread)
    np.testing.assert_allclose(found.energy, np.full((1, 30), DAILY))
    assert found.spread is not None
    assert (np.flatnonzero(found.spread[0]) + 1).tolist() == [10, 11, 12, 13]
    assert spread_rows(days_of, reads, ["B"]).num_rows == 0


def test_a_month_that_begins_with_missed_reads_gets_its_days(tmp_path: Path) -> None:
    days = dict.fromkeys(range(5, 31), DAILY) | {4: 4 * DAILY}
    days_of = written(GoldDayEnergy, day_rows(days), tmp_path)
    reads = written(SilverRegisterEnergy, [span(4, 4)], tmp_path)
    found = arrange_days(account_energy(days_of, None), STATIONS, WEATHER, spread_rows(days_of, reads, None))
    assert found.days[0] == date(2026, 9, 1)
    np.testing.assert_allclose(found.energy, np.full((1, 30), DAILY))


def table(rows: list[dict[str, Any]], *names: str) -> pa.Table:
    schema = (
        GoldDayEnergy.arrow_schema()
        if "energy_kwh_or_kvarh" in names
        else SilverRegisterEnergy.arrow_schema()
    )
    wanted = pa.schema([schema.field(name).with_nullable(True) for name in names])
    return pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows], wanted)


def spread_of(days: list[dict[str, Any]], spans: list[dict[str, Any]]) -> list[tuple[str, int, float, bool]]:
    found = spread_over_spans(
        table(
            days,
            "meter_point_id",
            "energy_date",
            "energy_kwh_or_kvarh",
            "customer_id",
            "deducted_customer_id",
        ),
        table(spans, "meter_point_id", "energy_date", "span_days"),
    )
    return [
        (row["customer_id"], row["energy_date"].day, row["energy_kwh_or_kvarh"], row["is_own"])
        for row in found.to_pylist()
    ]


def test_a_span_that_was_split_where_it_was_settled_stays_so() -> None:
    """By its curve, or evenly over the end of a month: the days before the read have rows of their own."""
    assert spread_of(day_rows({9: 700.0, 10: 300.0}), [span(10, 2)]) == []
    assert spread_of(day_rows({9: 700.0}), [span(10, 2)]) == [], "a read without energy"


def test_what_is_taken_out_of_another_account_is_spread_there_too() -> None:
    rows = day_rows({10: 300.0}, customer_id="T", deducted_customer_id="A")
    assert spread_of(rows, [span(10, 3)]) == [
        ("T", 10, -200.0, True),
        ("T", 9, 100.0, True),
        ("T", 8, 100.0, True),
        ("A", 10, 200.0, False),
        ("A", 9, -100.0, False),
        ("A", 8, -100.0, False),
    ]


@pytest.mark.parametrize(("known", "verdict"), [(30, "within"), (27, "within")])
def test_the_month_is_compared_over_the_days_that_are_known(known: int, verdict: str) -> None:
    """30,000 kWh are billed, 27 days are known: the expectation of 27 days is held against their energy, not
    against the bill.
    """
    from tests.unit.products.efficiency_bill.case.test_case import flat_baseline

    days = september_days("BDG-A")
    days.energy[0, known:] = np.nan
    bill = billed(BUILDING, REGISTERS, days=days, baseline=flat_baseline())
    assert bill["baseline_verdict_code"] == verdict
    assert bill["baseline_kwh"] == pytest.approx(1000.0 * known)
    assert "EB-A05" not in {row["advice_id"] for row in bill["advice"]}
