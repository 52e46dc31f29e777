"""Days of energy behind several meters: what one account has, what another has not, and days that are not
known.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines.periods import BillingMonth
from pipelines.settings import load_settings, packaged
from pipelines.tables.gold import GoldDayEnergy
from pipelines.tables.silver import SilverDayCurves, SilverMeterPoints, SilverRegisterEnergy
from pipelines.transforms.days.day_energy import derive_day_energy
from products.credit_index.indicators.calendar import Calendar
from products.credit_index.indicators.load import deducted_days, load_indicators
from products.credit_index.settings import CreditIndexSettings
from products.efficiency_bill.comparison.days import arrange_days
from tests.supplies import METER, SHOP, World, registers, rows_of

OPERATION = load_settings(packaged("conf")).section(CreditIndexSettings).operation
ELEVENTH = date(2026, 9, 11)


def point(name: str, customer: str | None, parent: str | None) -> dict[str, Any]:
    return METER | {"meter_point_id": name, "customer_id": customer, "parent_meter_point_id": parent}


def counted(points: list[dict[str, Any]]) -> dict[str, tuple[str | None, str | None]]:
    """Whose energy each meter point's day is, and from whose it is deducted."""
    names = [row["meter_point_id"] for row in points]
    settled = [row for name in names for row in registers("1.00", name, first=ELEVENTH, last=ELEVENTH)]
    tables = (
        rows_of(SilverRegisterEnergy, settled),
        rows_of(SilverDayCurves, []),
        rows_of(SilverMeterPoints, points),
    )
    return {
        row["meter_point_id"]: (row["customer_id"], row["deducted_customer_id"])
        for row in derive_day_energy(*tables).to_pylist()
    }


@pytest.mark.parametrize("between", [None, "C"])
def test_a_tenant_behind_own_sub_meters_is_deducted_from_the_main_meters_customer(
    between: str | None,
) -> None:
    points = [
        point("M", "C", None),
        point("N1", between, "M"),
        point("N2", None, "N1"),
        point("T", "T", "N2"),
        point("OWN", "C", "N2"),
    ]
    assert counted(points) == {
        "M": ("C", None),
        "N1": (None, None),
        "N2": (None, None),
        "T": ("T", "C"),
        "OWN": (None, None),
    }


def test_what_lies_behind_a_tenants_sub_meter_is_deducted_from_the_tenant() -> None:
    points = [point("M", "C", None), point("T", "T", "M"), point("U", "U", "T")]
    assert counted(points) == {"M": ("C", None), "T": ("T", "C"), "U": ("U", "T")}


def test_meters_of_nobody_in_a_ring_end() -> None:
    points = [point("A", None, "B"), point("B", None, "A"), point("T", "T", "A")]
    assert counted(points) == {"A": (None, None), "B": (None, None), "T": ("T", None)}


def test_the_bill_and_the_days_tell_the_same_of_a_nested_tenant() -> None:
    """M 100 kWh a day, N1 40, the tenant 30: 70 x 30 = 2,100 of the account."""
    points = [point("M", "C", None), point("N1", None, "M"), point("T", "T", "N1")]
    settled = [*registers("100.00"), *registers("40.00", "N1"), *registers("30.00", "T")]
    world = World([SHOP, SHOP | {"customer_id": "T"}], points, settled)
    tables = (
        rows_of(SilverRegisterEnergy, settled),
        rows_of(SilverDayCurves, []),
        rows_of(SilverMeterPoints, points),
    )
    days = derive_day_energy(*tables).to_pylist()
    of_account = sum(
        row["energy_kwh_or_kvarh"] * ((row["customer_id"] == "C") - (row["deducted_customer_id"] == "C"))
        for row in days
    )
    assert of_account == pytest.approx(2100) == float(world.account().energy_kwh)


def test_a_day_without_the_main_meter_is_not_known_whatever_the_tenant_took() -> None:
    """C's main meter has the 11th and the 13th, the tenant's 5 kWh the 11th and the 12th."""
    days = [date(2026, 9, 11), date(2026, 9, 11), date(2026, 9, 12), date(2026, 9, 13)]
    rows = pa.table(
        {
            "customer_id": ["C"] * 4,
            "energy_date": pa.array(days, pa.date32()),
            "energy_kwh_or_kvarh": [20.0, -5.0, -5.0, 20.0],
            "is_own": [True, False, False, True],
        }
    )
    stations = pa.table(
        {
            "customer_id": ["C"],
            "valid_from_date": [days[0]],
            "weather_station_id": pa.array([None], pa.string()),
        }
    )
    weather = pa.table(
        {
            "station_id": pa.array([], pa.string()),
            "weather_date": pa.array([], pa.date32()),
            "mean_celsius": pa.array([], pa.float64()),
        }
    )
    np.testing.assert_array_equal(arrange_days(rows, stations, weather).energy, [[15.0, np.nan, 20.0]])


def test_indicators_are_of_the_customers_own_days_without_what_tenants_took() -> None:
    """C's main meter counts 100 kWh a day but on the second, the tenant 30 of them, half of that estimated,
    in a month of 31 days.
    """
    month = BillingMonth(2026, 8)
    row = {"channel_code": "active_forward", "basis_code": "register", "energy_month": "2026-08"}
    of_main = row | {
        "meter_point_id": "M",
        "customer_id": "C",
        "energy_kwh_or_kvarh": 100.0,
        "estimated_ratio": 0.25,
    }
    of_tenant = row | {
        "meter_point_id": "T",
        "customer_id": "T",
        "deducted_customer_id": "C",
        "energy_kwh_or_kvarh": 30.0,
        "estimated_ratio": 0.5,
    }
    days = rows_of(
        GoldDayEnergy,
        [
            *(of_main | {"energy_date": day} for day in month.days if day.day != 2),
            *(of_tenant | {"energy_date": day} for day in month.days),
        ],
    )
    calendar, behind = Calendar((month,)), deducted_days(days)
    found = {
        each["customer_id"]: each for each in load_indicators(days, calendar, OPERATION, behind).to_pylist()
    }
    # 30 days of 70 kWh, of which 25 - 15 are estimated; the highest day is 70 kWh / 24 h.
    assert (found["C"]["month_kwh"], found["T"]["month_kwh"]) == (2100, 930)
    assert found["C"]["estimated_ratio"] == pytest.approx(10 / 70)
    assert found["C"]["highest_day_kw"] == pytest.approx(70 / 24)
    # As in the cluster: C's rows and T's lie apart.
    apart = [days.filter(pc.equal(days["customer_id"], name)) for name in ("C", "T")]
    # Files declare their keys not null, and rows come in several chunks.
    strict = pa.schema(
        [
            field.with_nullable(field.name not in ("meter_point_id", "energy_date"))
            for field in apart[0].schema
        ]
    )
    apart = [pa.concat_tables([rows.slice(0, 7), rows.slice(7)]).cast(strict) for rows in apart]
    assert [
        load_indicators(rows, calendar, OPERATION, behind).column("month_kwh").to_pylist() for rows in apart
    ] == [
        [2100],
        [930],
    ]
    assert load_indicators(apart[0], calendar, OPERATION).column("month_kwh").to_pylist() == [3000], (
        "without the tenant's rows they are not known"
    )
