"""Curves of a month for advice: whole ones alone, finer ones added up to quarter hours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.arrays import FloatArray
from pipelines.codes import Channel
from pipelines.tables.gold import GoldBillingDeterminants
from pipelines.tables.silver import SilverCustomers, SilverDayCurves
from pipelines.transforms.ground.slot_periods import PeriodsOfDays
from products.efficiency_bill.case.gathered_grounds import KnownOfMonth
from products.efficiency_bill.case.text import case_as_text, case_from_text
from products.efficiency_bill.comparison.month_curves import month_curves, whole_curves
from products.efficiency_bill.issue import issue_bill
from tests.steel_curve import ACTIVE, LAGGING, LEADING, steel_curve
from tests.steel_works import STEEL_SEPTEMBER
from tests.unit.products.efficiency_bill.case.gold_rows import (
    BUILDING,
    FACTS,
    LIMITS,
    REGISTERS,
    SEPTEMBER,
    SETTINGS,
    gather,
    september_days,
    table,
)

CHANNELS = {
    Channel.ACTIVE_FORWARD: ACTIVE,
    Channel.REACTIVE_LAGGING: LAGGING,
    Channel.REACTIVE_LEADING: LEADING,
}
COLUMNS = ("meter_point_id", "channel_code", "curve_date", "interval_minutes", "final_kwh_or_kvarh")


def rows_of(point: str, channel: Channel, energy: Any, minutes: int = 15) -> list[dict[str, Any]]:
    return [
        {
            "meter_point_id": point,
            "channel_code": channel.value,
            "curve_date": day,
            "interval_minutes": minutes,
            "final_kwh_or_kvarh": values,
        }
        for day, values in zip(SEPTEMBER.days, energy, strict=False)
    ]


def curves_of(rows: list[dict[str, Any]]) -> pa.Table:
    schema = pa.schema([SilverDayCurves.arrow_schema().field(name).with_nullable(True) for name in COLUMNS])
    return pa.Table.from_pylist(rows, schema)


def test_a_whole_curve_is_read_in_the_order_of_its_days() -> None:
    energy = np.arange(30 * 96, dtype=float).reshape(30, 96)
    rows = rows_of("B", Channel.ACTIVE_FORWARD, energy.tolist()) + rows_of(
        "A", Channel.REACTIVE_LAGGING, (energy + 1).tolist()
    )
    found = whole_curves(curves_of(rows[::-1]), SEPTEMBER)
    np.testing.assert_array_equal(found["B"][Channel.ACTIVE_FORWARD], energy)
    np.testing.assert_array_equal(found["A"][Channel.REACTIVE_LAGGING], energy + 1)


def test_a_curve_with_a_gap_or_without_a_day_tells_nothing() -> None:
    energy: list[list[float | None]] = np.ones((30, 96)).tolist()
    energy[7][50] = None
    rows = rows_of("A", Channel.ACTIVE_FORWARD, energy) + rows_of(
        "B", Channel.ACTIVE_FORWARD, np.ones((29, 96)).tolist()
    )
    assert whole_curves(curves_of(rows), SEPTEMBER) == {}


def test_five_minutes_become_quarter_hours_and_half_hours_nothing() -> None:
    rows = rows_of("A", Channel.ACTIVE_FORWARD, np.ones((30, 288)).tolist(), 5) + rows_of(
        "B", Channel.ACTIVE_FORWARD, np.ones((30, 48)).tolist(), 30
    )
    found = whole_curves(curves_of(rows), SEPTEMBER)
    np.testing.assert_array_equal(found["A"][Channel.ACTIVE_FORWARD], np.full((30, 96), 3.0))
    assert "B" not in found


def written(folder: Path) -> list[str]:
    """The works' curves as a data file of silver_day_curves."""
    rows = [
        row
        for channel, kind in CHANNELS.items()
        for row in rows_of("MP-A", channel, steel_curve(kind).tolist())
    ]
    path = folder / "curve_month=2026-09" / "part.parquet"
    path.parent.mkdir()
    pq.write_table(curves_of(rows), path)
    return [str(path)]


def test_the_works_is_advised_by_its_curve_and_replays_from_its_evidence(tmp_path: Path) -> None:
    files = written(tmp_path)
    assert month_curves(files, [], SEPTEMBER) == {}
    assert month_curves(files, ["MP-Z"], SEPTEMBER) == {}
    curves = month_curves(files, ["MP-A"], SEPTEMBER)
    whole: FloatArray = curves["MP-A"][Channel.REACTIVE_LEADING]
    np.testing.assert_allclose(whole, steel_curve(LEADING))
    split = {f"{period.value}_kwh": kwh for period, kwh in (STEEL_SEPTEMBER.energy_by_period or {}).items()}
    works = BUILDING | {
        "customer_id": "W",
        "customer_class_code": "large_industry",
        "pricing_scheme_code": "two_part",
        "is_time_of_use": True,
        "contract_capacity_kva": 800.0,
        "running_capacity_kva": 800.0,
        "demand_basis_code": "contract_demand",
        "contract_demand_kw": 600.0,
        "power_factor_standard_ratio": 0.9,
        "floor_area_m2": None,
    }
    measured = REGISTERS | {
        "customer_id": "W",
        "energy_kwh": STEEL_SEPTEMBER.energy_kwh,
        "sharp_kwh": 0,
        "deep_valley_kwh": 0,
        **split,
        "max_demand_kw": 505.0,
        "lagging_kvarh": STEEL_SEPTEMBER.lagging_kvarh,
        "leading_kvarh": STEEL_SEPTEMBER.leading_kvarh,
        "missing_inputs": [],
    }

    def bill_of(known: KnownOfMonth) -> tuple[Any, Any]:
        (case,) = gather(
            table(SilverCustomers, works),
            table(GoldBillingDeterminants, measured),
            september_days("W"),
            {},
            SEPTEMBER,
            SETTINGS,
            LIMITS,
            None,
            None,
            known,
        )
        return case, issue_bill(case, FACTS, SETTINGS, "m", "1")

    case, bill = bill_of(KnownOfMonth(curves, PeriodsOfDays(FACTS.time_of_use.slot_matrix)))
    assert [(row["advice_id"], str(row["saving_cny"])) for row in bill["advice"]] == [
        ("EB-A01", "4932.40"),  # by capacity: one month alone tells no contract demand
        ("EB-A04", "3986.97"),
        ("EB-A11", "2173.87"),
    ]
    text = case_as_text(case)
    assert issue_bill(case_from_text(text), FACTS, SETTINGS, "m", "1") == bill
    assert len(text) < 8_000, "the evidence keeps what the curve says and not the curve"
    _, without = bill_of(KnownOfMonth())
    assert [row["advice_id"] for row in without["advice"]] == ["EB-A01"]
