"""Curves are refined in blocks of whole series: where the cuts lie changes nothing, and registers are read
once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml

from pipelines.settings import packaged
from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.tables.silver import SilverMeterPoints
from pipelines.transforms.curves import day_curves as curves
from pipelines.transforms.curves.curve_kernels import (
    any_bits,
    day_counts,
    gathered_rows,
    highest_slots,
    scaled_rows,
)
from pipelines.transforms.curves.curve_reconciliation import REGISTER_SCHEMA, Registers
from pipelines.transforms.curves.day_curves import refine_curves
from pipelines.vee.settings import VeeSettings

SETTINGS = VeeSettings.model_validate(
    yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8"))
)
FIRST, DAYS = date(2026, 3, 2), 14
POINTS = [f"MP-{number}" for number in range(5)]


def _received() -> pa.Table:
    """Five meter points of their own level; each lacks an hour of one day, and MP-3 never sends its sixth
    day.
    """
    random = np.random.default_rng(3)
    rows = []
    for place, point in enumerate(POINTS):
        for offset in range(DAYS):
            if (place, offset) == (3, 5):
                continue
            values = np.round(
                (place + 1) * (10 + 3 * np.sin(np.linspace(0, 6, 96))) * random.uniform(0.9, 1.1, 96), 3
            ).tolist()
            if offset == 6 + place:
                values[40:44] = [None] * 4
            day = FIRST + timedelta(days=offset)
            rows.append(
                dict.fromkeys(BronzeLoadCurves.columns())
                | {
                    "content_hash": "c",
                    "line_number": len(rows) + 2,
                    "meter_point_id": point,
                    "channel_code": "active_forward",
                    "curve_date": day,
                    "interval_minutes": 15,
                    "measure_code": "energy",
                    "values_unscaled": values,
                    "curve_month": f"{day:%Y-%m}",
                }
            )
    order = random.permutation(len(rows))
    return pa.Table.from_pylist([rows[place] for place in order], BronzeLoadCurves.arrow_schema())


def _meters() -> pa.Table:
    known = {
        "valid_from_date": date(2026, 1, 1),
        "meter_id": "M",
        "multiplier_ratio": 2.0,
        "provenance": "simulated",
        "computed_run_id": "r",
    }
    rows = [
        dict.fromkeys(SilverMeterPoints.columns()) | known | {"meter_point_id": point} for point in POINTS
    ]
    return pa.Table.from_pylist(rows, SilverMeterPoints.arrow_schema())


def _refine(bronze: pa.Table, asked: list[list[str]]) -> pa.Table:
    def energy(meter_points: Sequence[str]) -> pa.Table:
        asked.append(list(meter_points))
        rows = [
            {
                "meter_point_id": point,
                "channel_code": "active_forward",
                "energy_date": FIRST + timedelta(days=6 + place),
                "span_days": 1,
                "energy_kwh_or_kvarh": Decimal(2000 * (place + 1)),
                "resolution_kwh_or_kvarh": Decimal("0.01"),
            }
            for place, point in reversed(list(enumerate(POINTS)))
            if point in meter_points
        ]
        return pa.Table.from_pylist(rows, REGISTER_SCHEMA)

    days = {FIRST + timedelta(days=offset): "working_day" for offset in range(DAYS)}
    registers = Registers(energy, {})
    return refine_curves(
        bronze, _meters(), days, SETTINGS, ["2026-03"], date(2026, 6, 1), registers=registers
    ).curves


@pytest.mark.parametrize("series_in_block", [1, 2, 5])
def test_every_meter_point_comes_out_as_it_does_alone(
    monkeypatch: pytest.MonkeyPatch, series_in_block: int
) -> None:
    bronze = _received()
    alone = [_refine(bronze.filter(pc.equal(bronze["meter_point_id"], point)), []) for point in POINTS]
    assert all(
        2000 * (place + 1) == pytest.approx(sum(part["final_kwh_or_kvarh"][6 + place].as_py()))
        for place, part in enumerate(alone)
    )
    monkeypatch.setattr(curves, "VALUES_PER_BLOCK", series_in_block * DAYS * 96)
    asked: list[list[str]] = []
    together = _refine(bronze, asked)
    assert together.combine_chunks().equals(pa.concat_tables(alone).combine_chunks())
    assert len(asked) == 1


def test_rows_out_of_flat_values() -> None:
    flat, offsets = np.arange(12.0), np.array([8, 0])
    assert scaled_rows(flat, offsets, 4, np.array([2.0, 10.0])).tolist() == [
        [16, 18, 20, 22],
        [0, 10, 20, 30],
    ]
    assert gathered_rows(flat.astype(np.uint8), offsets, 2).tolist() == [[8, 9], [0, 1]]


def test_counts_bits_and_highest_of_a_day() -> None:
    counts = np.empty((3, 2), np.int32)
    is_estimated = np.array([False, True, True, False, False])
    # What is neither estimated nor missing counts as measured.
    day_counts(np.array([[0, 1, 2, 3], [0, 0, 4, 3]], np.int8), is_estimated, 3, counts)
    assert counts.tolist() == [[1, 3], [2, 0], [1, 1]]
    assert any_bits(np.array([[1, 4], [0, 0]])).tolist() == [5, 0]
    nan = np.nan
    days = np.array([[nan, 2.0, 2.0], [nan, nan, nan], [-3.0, -1.0, nan], [-np.inf, nan, nan]])
    assert highest_slots(days).tolist() == [1, -1, 1, 0]  # the first of equals; none; below zero is no bar
