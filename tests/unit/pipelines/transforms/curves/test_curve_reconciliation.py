"""Received curves with a gap and the registers beside them: what silver says of the gap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml

from pipelines.codes import IntervalStatus
from pipelines.settings import packaged
from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.tables.silver import SilverMeterPoints
from pipelines.transforms.curves.curve_reconciliation import REGISTER_SCHEMA, Registers, Shapes, mean_shapes
from pipelines.transforms.curves.day_curves import refine_curves
from pipelines.transforms.ground.day_types import kinds_of
from pipelines.vee.settings import VeeSettings

SETTINGS = VeeSettings.model_validate(
    yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8"))
)
FIRST = date(2026, 3, 2)
HOLE = 10  # the day that lacks intervals


def day(offset: int) -> date:
    return FIRST + timedelta(days=offset)


def shape(offset: int) -> np.ndarray:
    """Energy of each interval of a day. [kWh]"""
    return (20.0 + 0.1 * (offset % 5)) + 8.0 * np.sin(np.linspace(0, 2 * np.pi, 96, endpoint=False))


def refine(
    holes: range,
    registers: Registers | None,
    days: int = 28,
    values: Callable[[int], np.ndarray] = shape,
    today: date = date(2026, 6, 1),
) -> list[dict[str, object]]:
    rows = [
        dict.fromkeys(BronzeLoadCurves.columns())
        | {
            "content_hash": "c",
            "line_number": offset + 2,
            "meter_point_id": "MP-1",
            "channel_code": "active_forward",
            "curve_date": day(offset),
            "interval_minutes": 15,
            "measure_code": "energy",
            "values_unscaled": [
                None if (offset == HOLE and slot in holes) or np.isnan(value) else float(value)
                for slot, value in enumerate(values(offset))
            ],
            "curve_month": f"{day(offset):%Y-%m}",
        }
        for offset in range(days)
    ]
    meter = dict.fromkeys(SilverMeterPoints.columns()) | {
        "meter_point_id": "MP-1",
        "valid_from_date": date(2026, 1, 1),
        "meter_id": "M",
        "multiplier_ratio": 1.0,
        "provenance": "simulated",
        "computed_run_id": "r",
    }
    outcome = refine_curves(
        pa.Table.from_pylist(rows, BronzeLoadCurves.arrow_schema()),
        pa.Table.from_pylist([meter], SilverMeterPoints.arrow_schema()),
        {day(offset): "working_day" for offset in range(days)},
        SETTINGS,
        sorted({f"{day(offset):%Y-%m}" for offset in range(days)}),
        today,
        registers=registers,
    )
    return outcome.curves.to_pylist()


def only_holed_day(given: Registers) -> dict[str, object]:
    """The first of two days, which came without a single value; the other holds one alone, so that no method
    has a day to look at.
    """
    return refine(
        range(0), given, 2, lambda offset: np.where(np.arange(96) == (0 if offset else -1), 20.0, np.nan)
    )[0]


def registers(
    energy: str, span: int = 1, resolution: str = "0.01", closes: int = HOLE, shapes: Shapes | None = None
) -> Registers:
    row = {
        "meter_point_id": "MP-1",
        "channel_code": "active_forward",
        "energy_date": day(closes),
        "span_days": span,
        "energy_kwh_or_kvarh": Decimal(energy),
        "resolution_kwh_or_kvarh": Decimal(resolution),
    }

    def read(meter_points: Sequence[str]) -> pa.Table:
        assert list(meter_points) == ["MP-1"]
        return pa.Table.from_pylist([row], REGISTER_SCHEMA)

    return Registers(
        read, {"MP-1": "large_industry"}, None if shapes is None else lambda customer_class, minutes: shapes
    )


def test_without_registers_a_gap_has_method_and_band() -> None:
    rows = refine(range(40, 48), None)
    holed = rows[HOLE]
    status = np.array(holed["interval_status_codes"])
    assert (status[40:48] >= IntervalStatus.ESTIMATED_LINEAR).all()
    low, high = holed["expected_low_kwh_or_kvarh"], holed["expected_high_kwh_or_kvarh"]
    assert [value is not None for value in low] == [slot in range(40, 48) for slot in range(96)]
    for slot in range(40, 48):
        assert 0 <= low[slot] <= holed["final_kwh_or_kvarh"][slot] <= high[slot]
    assert all(
        row["expected_low_kwh_or_kvarh"] is None and row["expected_high_kwh_or_kvarh"] is None
        for row in rows
        if row is not holed
    )


def test_estimates_are_scaled_to_the_registers_and_measured_values_stay() -> None:
    energy = shape(HOLE).sum() + 16.0
    holed = refine(range(40, 48), registers(f"{energy:.6f}"))[HOLE]
    final = np.array(holed["final_kwh_or_kvarh"])
    kept = np.r_[0:40, 48:96]
    np.testing.assert_array_equal(final[kept], shape(HOLE)[kept])
    assert final.sum() == pytest.approx(energy, abs=1e-5)
    assert final[40:48].sum() == pytest.approx(shape(HOLE)[40:48].sum() + 16.0, abs=1e-5)
    high = np.array(holed["expected_high_kwh_or_kvarh"], dtype=float)[40:48]
    assert (high >= final[40:48]).all()


@pytest.mark.parametrize(("off", "scaled"), [(0.9, False), (1.1, True)])
def test_a_difference_within_the_registers_step_scales_nothing(off: float, scaled: bool) -> None:
    before = np.array(refine(range(40, 48), None)[HOLE]["final_kwh_or_kvarh"])
    after = np.array(
        refine(range(40, 48), registers(f"{before.sum() + off:.6f}", resolution="1"))[HOLE][
            "final_kwh_or_kvarh"
        ]
    )
    assert bool(np.abs(after - before).max() > 0.01) is scaled


def test_registers_below_what_was_measured_scale_nothing() -> None:
    before = refine(range(40, 48), None)[HOLE]["final_kwh_or_kvarh"]
    assert refine(range(40, 48), registers("5.0"))[HOLE]["final_kwh_or_kvarh"] == before


def test_a_span_of_several_days_scales_its_estimates_to_the_whole() -> None:
    energy = sum(shape(offset).sum() for offset in (HOLE - 1, HOLE, HOLE + 1)) + 8.0
    rows = refine(range(40, 48), registers(f"{energy:.6f}", span=3, closes=HOLE + 1))
    total = sum(sum(row["final_kwh_or_kvarh"]) for row in rows[HOLE - 1 : HOLE + 2])
    assert total == pytest.approx(energy, abs=1e-5)


def test_a_span_that_begins_before_the_curve_is_left_alone() -> None:
    before = refine(range(40, 48), None)[HOLE]["final_kwh_or_kvarh"]
    assert refine(range(40, 48), registers("9999.0", span=HOLE + 2))[HOLE]["final_kwh_or_kvarh"] == before


def test_a_curve_without_holes_asks_for_no_registers() -> None:
    def never(meter_points: Sequence[str]) -> pa.Table:
        raise AssertionError(meter_points)

    rows = refine(range(0), Registers(never, {}))
    assert pc.sum(pa.array([row["estimated_intervals"] for row in rows])).as_py() == 0


def test_a_hole_that_nothing_else_can_fill_takes_what_the_registers_leave() -> None:
    rows = refine(range(40, 48), registers(f"{shape(HOLE).sum():.6f}"), days=HOLE + 1)
    assert rows[HOLE]["missing_intervals"] == 0
    alone = refine(range(96), registers("1920.000000"))[HOLE]
    assert sum(alone["final_kwh_or_kvarh"]) == pytest.approx(1920.0)


def test_a_day_that_no_method_reaches_follows_the_profile_of_its_class() -> None:
    shape = np.linspace(0.5, 1.5, 96)
    short = refine(range(96), registers("960.000000", shapes={"working_day": shape}), days=HOLE + 1)
    assert short[HOLE]["missing_intervals"] == 0
    lone = only_holed_day(registers("960.000000", closes=0, shapes={"working_day": shape}))
    np.testing.assert_allclose(lone["final_kwh_or_kvarh"], 10.0 * shape)
    assert set(lone["interval_status_codes"]) == {int(IntervalStatus.ESTIMATED_CLASS_PROFILE)}
    assert lone["expected_low_kwh_or_kvarh"] is None


def test_without_a_profile_the_day_is_spread_evenly() -> None:
    lone = only_holed_day(registers("960.000000", closes=0, shapes={"spring_festival": np.ones(96)}))
    np.testing.assert_allclose(lone["final_kwh_or_kvarh"], 10.0)
    assert set(lone["interval_status_codes"]) == {int(IntervalStatus.ESTIMATED_EVEN_SHARE)}


def test_shapes_are_means_of_whole_days_of_one_kind() -> None:
    def row(offset: int, values: list[float | None], channel: str = "active_forward") -> dict[str, object]:
        return {
            "channel_code": channel,
            "interval_minutes": 360,
            "curve_date": day(offset),
            "values_unscaled": values,
        }

    rows = [
        row(0, [1.0, 2.0, 3.0, 2.0]),  # Monday, mean 2
        row(1, [30.0, 20.0, 10.0, 20.0]),  # Tuesday, mean 20
        row(2, [9.0, None, 9.0, 9.0]),
        row(2, [9.0, -1.0, 9.0, 9.0]),
        row(2, [0.0, 0.0, 0.0, 0.0]),
        row(2, [9.0, 1.0, 1.0, 1.0], "reactive_lagging"),
        row(5, [1.0, 1.0, 1.0, 5.0]),  # Saturday
    ]
    types = {
        "curve_date": pa.date32(),
        "interval_minutes": pa.int32(),
        "values_unscaled": pa.list_(pa.float64()),
        "channel_code": pa.string(),
    }
    table = pa.Table.from_pylist(rows, pa.schema(types))
    shapes = mean_shapes(table, 360, lambda days: kinds_of(days, {}), 2)
    assert set(shapes) == {"working_day"}
    np.testing.assert_allclose(shapes["working_day"], [1.0, 1.0, 1.0, 1.0])
    assert set(mean_shapes(table, 360, lambda days: kinds_of(days, {}), 1)) == {"working_day", "weekend_5"}
    assert mean_shapes(table, 15, lambda days: kinds_of(days, {}), 1) == {}


def test_shapes_are_the_same_bits_in_any_order_of_rows() -> None:
    random = np.random.default_rng(5)
    days = [
        {
            "channel_code": "active_forward",
            "interval_minutes": 360,
            "curve_date": day(7 * week),
            "values_unscaled": random.gamma(2, 3, 4),
        }
        for week in range(60)
    ]
    tables = [
        pa.Table.from_pylist([days[place] for place in random.permutation(len(days))]) for _ in range(6)
    ]
    shapes = [mean_shapes(table, 360, lambda days: kinds_of(days, {}), 2) for table in tables]
    assert len({next(iter(shape.values())).tobytes() for shape in shapes}) == 1


def ends_missing(offset: int) -> np.ndarray:
    """28 days whose first begins at 06:00 and whose last ends at 10:00."""
    slots = np.arange(96)
    return np.where((offset == 0) & (slots < 24) | (offset == 27) & (slots >= 40), np.nan, shape(offset))


def test_nothing_is_estimated_before_the_first_and_after_the_last_interval_that_came() -> None:
    rows = refine(range(0), None, 28, ends_missing)
    assert (rows[0]["missing_intervals"], rows[0]["estimated_intervals"]) == (24, 0)
    assert (rows[27]["missing_intervals"], rows[27]["estimated_intervals"]) == (56, 0)
    assert [value for row in (rows[0], rows[27]) for value in row["final_kwh_or_kvarh"]].count(None) == 80
    measured = sum(np.nansum(ends_missing(offset)) for offset in range(28))
    assert sum(
        value for row in rows for value in row["final_kwh_or_kvarh"] if value is not None
    ) == pytest.approx(measured)


@pytest.mark.parametrize(
    ("closes", "span", "filled"),
    [(27, 1, (0, 56)), (27, 2, (0, 56)), (0, 1, (24, 0)), (26, 1, (0, 0)), (28, 1, (0, 0))],
)
def test_a_register_that_closes_the_day_says_that_energy_was_there(
    closes: int, span: int, filled: tuple[int, int]
) -> None:
    energy = sum(shape(closes - back).sum() for back in range(span))
    rows = refine(range(0), registers(f"{energy:.6f}", span, closes=closes), 28, ends_missing)
    assert (rows[0]["estimated_intervals"], rows[27]["estimated_intervals"]) == filled
    if closes in (0, 27):
        assert sum(sum(rows[closes - back]["final_kwh_or_kvarh"]) for back in range(span)) == pytest.approx(
            energy, abs=1e-5
        )


@pytest.mark.parametrize(("today", "filled"), [(27, 0), (28, 56)])
def test_of_today_nothing_is_estimated_whatever_a_read_says(today: int, filled: int) -> None:
    rows = refine(range(0), registers(f"{shape(27).sum():.6f}", closes=27), 28, ends_missing, day(today))
    assert rows[27]["estimated_intervals"] == filled
    assert rows[27]["missing_intervals"] == 56 - filled


def test_the_last_value_of_a_series_is_estimated_where_it_came_and_cannot_be() -> None:
    rows = refine(
        range(0),
        None,
        28,
        lambda offset: np.where((offset == 27) & (np.arange(96) == 39), -5.0, ends_missing(offset)),
    )
    assert [IntervalStatus(code).is_estimated for code in rows[27]["interval_status_codes"]] == [
        slot == 39 for slot in range(96)
    ]


def test_registers_fill_a_gap_that_no_method_may_fill() -> None:
    """Forty days without an interval: ten of them have a read of their own, the next ten one together, twenty
    none.
    """

    def read(_meter_points: Sequence[str]) -> pa.Table:
        closed = [(offset, 1, "48") for offset in range(20, 30)] + [(39, 10, "960")]
        names = {
            "meter_point_id": "MP-1",
            "channel_code": "active_forward",
            "resolution_kwh_or_kvarh": Decimal("0.01"),
        }
        rows = [
            names | {"energy_date": day(at), "span_days": span, "energy_kwh_or_kvarh": Decimal(energy)}
            for at, span, energy in closed
        ]
        return pa.Table.from_pylist(rows, REGISTER_SCHEMA)

    rows = refine(
        range(0),
        Registers(read, {}),
        80,
        lambda offset: np.where((offset < 20) | (offset >= 60), shape(offset), np.nan),
    )
    totals = [None if row["missing_intervals"] else sum(row["final_kwh_or_kvarh"]) for row in rows[20:60]]
    assert totals == pytest.approx([48.0] * 10 + [96.0] * 10 + [None] * 20)
    assert {code for row in rows[20:40] for code in row["interval_status_codes"]} == {
        IntervalStatus.ESTIMATED_LIKE_DAY
    }
    assert {(row["missing_intervals"], *row["failed_checks"]) for row in rows[40:60]} == {(96, "VEE-V01")}
    like = np.mean([shape(offset) for offset in range(10, 20)], axis=0)
    for row, energy in zip(rows[20:40], [48.0] * 10 + [96.0] * 10, strict=True):
        final = np.array(row["final_kwh_or_kvarh"])
        np.testing.assert_allclose(final, like / like.sum() * energy, rtol=1e-3)
        assert (np.array(row["expected_low_kwh_or_kvarh"]) <= final).all()
        assert (final <= np.array(row["expected_high_kwh_or_kvarh"])).all()


def test_own_days_come_before_the_profile_of_the_class() -> None:
    """A gap of forty days; the class runs otherwise, and is not even asked for."""

    def never(customer_class: str, minutes: int) -> Shapes:
        raise AssertionError(customer_class, minutes)

    energy = sum(shape(offset).sum() for offset in range(20, 60))
    given = registers(f"{energy:.6f}", span=40, closes=59)
    rows = refine(
        range(0),
        Registers(given.energy, given.classes, never),
        80,
        lambda offset: np.where((offset < 20) | (offset >= 60), shape(offset), np.nan),
    )
    total = sum(sum(row["final_kwh_or_kvarh"]) for row in rows[20:60])
    assert total == pytest.approx(energy, abs=1e-5)
    for offset in range(20, 60):
        np.testing.assert_allclose(rows[offset]["final_kwh_or_kvarh"], shape(offset), rtol=0.03)
