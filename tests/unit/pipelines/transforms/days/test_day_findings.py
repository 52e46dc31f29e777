"""Days of energy laid out for their checks: reads that close one day or several, curves, series that end
where the next begins.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
import yaml

from pipelines.settings import packaged
from pipelines.tables.gold import GoldDayEnergy
from pipelines.tables.silver import SilverMeterPoints, SilverRegisterEnergy
from pipelines.transforms.days.day_findings import find_in_days
from pipelines.vee.settings import VeeSettings

SETTINGS = VeeSettings.model_validate(
    yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8"))
)
DAY = date(2026, 3, 2)
KEYS = {"meter_point_id": pa.string(), "channel_code": pa.string()}
CURVE = KEYS | {
    "curve_date": pa.date32(),
    "intervals": pa.int64(),
    "total_kwh_or_kvarh": pa.float64(),
    "estimated_kwh_or_kvarh": pa.float64(),
    "missing_intervals": pa.int64(),
}
CAPACITY_KVA = 20.0  # 1.5 x 20 kVA x 24 h = 720 kWh a day


def table(rows: list[tuple[Any, ...]], columns: dict[str, pa.DataType]) -> pa.Table:
    return pa.Table.from_pylist(
        [dict(zip(columns, row, strict=True)) for row in rows], pa.schema(list(columns.items()))
    )


def found(
    days: list[tuple[Any, ...]], reads: list[tuple[Any, ...]], curves: list[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """days: point, day, energy, curve; reads: point, day, energy, days that it closes; curves: point, day,
    intervals, and what is
    known of their energy: total, estimated part, missing intervals."""
    types = {
        table: {field.name: field.type for field in table.arrow_schema()}
        for table in (GoldDayEnergy, SilverRegisterEnergy, SilverMeterPoints)
    }
    energy = {
        name: types[GoldDayEnergy][name]
        for name in ("energy_date", "energy_kwh_or_kvarh", "curve_kwh_or_kvarh", "estimated_ratio")
    }
    read = {
        name: types[SilverRegisterEnergy][name]
        for name in ("energy_date", "energy_kwh_or_kvarh", "span_days", "resolution_kwh_or_kvarh")
    }
    meter = {name: types[SilverMeterPoints][name] for name in ("multiplier_ratio", "capacity_kva")}
    result = find_in_days(
        table(
            [
                (point, "active_forward", DAY + timedelta(days=day), value, curve, 0.0)
                for point, day, value, curve in days
            ],
            KEYS | energy,
        ),
        table(
            [
                (point, "active_forward", DAY + timedelta(days=day), *[*rest, 0.0, 0.0, rest[0]][:4])
                for point, day, *rest in curves
            ],
            CURVE,
        ),
        table(
            [
                (point, "active_forward", DAY + timedelta(days=day), Decimal(value), span, Decimal("0.01"))
                for point, day, value, span in reads
            ],
            KEYS | read,
        ),
        table([(40.0, CAPACITY_KVA)] * len(days), meter),
        {},
        SETTINGS,
    )
    return [
        (
            row["meter_point_id"],
            (row["finding_date"] - DAY).days,
            row["check_id"],
            row["judged_kwh_or_kvarh"],
            row["finding_month"],
        )
        for row in result.to_pylist()
    ]


def test_energy_of_several_days_is_held_against_as_many_days() -> None:
    """Day 3 ends three days that were split; days 6 and 9 end three days each that were not."""
    days = [
        ("A", 0, 720.1, None),
        *(("A", day, 600.0, None) for day in (1, 2)),
        ("A", 3, 720.1, None),
        ("A", 6, 2159.9, None),
        ("A", 9, 2160.1, None),
    ]
    reads = [("A", 0, "720.1", 1), ("A", 3, "1920.1", 3), ("A", 6, "2159.9", 3), ("A", 9, "2160.1", 3)]
    assert found(days, reads, []) == [
        ("A", 0, "VEE-V26", 720.1, "2026-03"),
        ("A", 3, "VEE-V26", 720.1, "2026-03"),
        ("A", 9, "VEE-V26", 2160.1, "2026-03"),
    ]


def test_a_curve_is_held_against_the_read_of_its_own_day_and_no_other() -> None:
    """Point A: a read of three split days settles none of them; point B begins on the day after A's last."""
    days = [
        *(("A", day, 300.0, 300.0) for day in (0, 1, 2)),
        ("B", 3, 100.0, 100.011),
        ("B", 4, 100.0, 100.009),
        ("B", 5, 100.0, None),
    ]
    reads = [("A", 2, "900", 3), ("B", 3, "100", 1), ("B", 4, "100", 1), ("B", 5, "100", 1)]
    assert found(days, reads, []) == [("B", 3, "VEE-V29", 100.0, "2026-03")]


@pytest.mark.parametrize(
    ("curves", "closed", "fires"),
    [
        ([(48.0, 0.0, 0), (47.8, 0.0, 0), (48.0, 0.0, 0)], "129.3", True),  # 143.8 by the curve
        ([(48.0, 0.0, 0), (47.8, 0.0, 0), (48.0, 0.0, 0)], "143.79", False),  # off by the register's step
        ([(48.0, 0.0, 0), (47.8, 0.0, 0), (48.0, 0.0, 0)], "143.78", True),
        ([(48.0, 0.0, 0), (31.0, 0.0, 32), (48.0, 0.0, 0)], "72", True),  # 127 measured, 32 intervals missing
        ([(48.0, 0.0, 0), (31.0, 0.0, 32), (48.0, 0.0, 0)], "127", False),
        ([(48.0, 0.0, 0), (31.0, 10.0, 32), (48.0, 0.0, 0)], "117", False),  # ten of them are estimates
        ([(48.0, 0.0, 0), (48.0, 0.0, 0)], "95.98", True),  # no curve came of the third day: 96 measured
        ([(48.0, 0.0, 0), (48.0, 0.0, 0)], "150", False),
    ],
)
def test_the_curves_of_several_days_are_held_against_the_read_that_closes_them(
    curves: list[tuple[float, float, int]], closed: str, fires: bool
) -> None:
    """Days 1 to 3 lie before one read; days 0 and 4 have whole curves that belong to none of it."""
    told = [("A", offset + 1, 96, *curve) for offset, curve in enumerate(curves)] + [
        ("A", day, 96, 48.0, 0.0, 0) for day in (0, 4)
    ]
    days = [("A", 0, 48.0, 48.0), ("A", 3, 48.0, None), ("A", 4, 48.0, 48.0)]
    reads = [("A", 0, "48", 1), ("A", 3, closed, 3), ("A", 4, "48", 1)]
    assert [(day, check) for _, day, check, *_ in found(days, reads, told)] == (
        [(3, "VEE-V29")] if fires else []
    )


def test_of_a_single_day_with_missing_intervals_the_measured_part_is_held_against_its_read() -> None:
    days, curves = (
        [("A", day, 20.0, None) for day in (0, 1)],
        [("A", 0, 96, 20.011, 0.0, 8), ("A", 1, 96, 20.009, 0.0, 8)],
    )
    assert [day for _, day, *_ in found(days, [("A", 0, "20", 1), ("A", 1, "20", 1)], curves)] == [0]


def test_the_length_of_intervals_is_known_where_a_curve_is() -> None:
    days = [("A", day, 100.0, 100.0) for day in range(4)] + [("A", 4, 100.0, None)]
    curves = [("A", day, 48 if day == 2 else 96) for day in range(4)]
    assert found(days, [], curves) == [("A", 2, "VEE-V33", 100.0, "2026-03")]


def test_no_days_have_no_findings() -> None:
    assert found([], [], []) == []
