"""Months, money, errors, tables: the ground floor."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import (
    FactNotInForceError,
    SchemaMismatchError,
    SettingsError,
    UnknownNameError,
    UsageError,
)
from pipelines.money import round_to_fen, split_by_largest_remainder
from pipelines.periods import BillingMonth, local_midnight_utc
from pipelines.storage.table_hash import content_hash
from pipelines.tables.base import DATE, DOUBLE, STRING, Field, Layer, Table, conform, table_named
from pipelines.tables.gold import GoldDayEnergy
from pipelines.units import Unit


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "2026-9", "2026/09", "26-09", "", "2026-09-01", " 2026-09"]
)
def test_what_is_no_month_is_refused_at_the_door(text: str) -> None:
    with pytest.raises(UsageError, match="billing month"):
        BillingMonth.parse(text)


@pytest.mark.parametrize(
    ("text", "days", "last"),
    [("2026-02", 28, 28), ("2024-02", 29, 29), ("2026-12", 31, 31), ("2026-09", 30, 30)],
)
def test_months_know_their_days(text: str, days: int, last: int) -> None:
    month = BillingMonth.parse(text)
    assert (month.day_count, month.last_day.day, len(month.days), str(month)) == (days, last, days, text)


def test_months_step_over_years() -> None:
    assert str(BillingMonth(2026, 12).plus(1)) == "2027-01"
    assert str(BillingMonth(2026, 1).previous()) == "2025-12"
    assert BillingMonth(2025, 12) < BillingMonth(2026, 1)


def test_a_local_day_begins_eight_hours_before_utc() -> None:
    assert local_midnight_utc(date(2026, 9, 1)).isoformat() == "2026-08-31T16:00:00+00:00"


@pytest.mark.parametrize(
    ("amount", "expected"),
    [("0.005", "0.01"), ("0.0049999", "0.00"), ("-0.005", "-0.01"), ("2.675", "2.68"), ("1.1249999", "1.12")],
)
def test_amounts_are_rounded_half_up(amount: str, expected: str) -> None:
    assert round_to_fen(Decimal(amount)) == Decimal(expected)


@given(
    st.integers(0, 10**9),
    st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=6).filter(
        lambda weights: sum(weights) > 1e-6
    ),
    st.sampled_from(["0.01", "0.001", "1"]),
)
def test_a_split_conserves_the_total_and_stays_within_one_step_of_the_shares(
    units: int, weights: list[float], step: str
) -> None:
    resolution = Decimal(step)
    total = units * resolution
    parts = split_by_largest_remainder(total, weights, resolution)
    assert sum(parts) == total
    mass = sum(Decimal(repr(weight)) for weight in weights)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - total * Decimal(repr(weight)) / mass) < resolution
        assert part % resolution == 0


def test_a_split_refuses_what_it_cannot_conserve() -> None:
    with pytest.raises(UsageError, match="multiple"):
        split_by_largest_remainder(Decimal("1.005"), [1, 1], Decimal("0.01"))
    with pytest.raises(UsageError, match="zero"):
        split_by_largest_remainder(Decimal("1.00"), [0, 0], Decimal("0.01"))


def test_a_column_of_energy_must_say_so_in_its_name() -> None:
    with pytest.raises((SettingsError, RuntimeError)) as caught:

        class _Unnamed(Table):
            """A table with a column whose name hides its unit."""

            name = "test_unnamed"
            layer = Layer.GOLD
            energy = Field(DOUBLE, "Energy.", unit=Unit.KWH)

    assert "_kwh" in str(caught.value.__cause__ or caught.value)


def test_an_unknown_table_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="gold_day_energy"):
        table_named("gold_day_enrgy")


def test_a_fact_out_of_force_ends_with_five_and_says_what_is_covered() -> None:
    error = FactNotInForceError("transmission", date(2026, 7, 1), "2026-08-01 onward", "transmission.yaml")
    assert error.exit_code == 5
    assert "transmission" in str(error)
    assert "2026-07-01" in str(error)
    assert "2026-08-01 onward" in str(error)


def _days(rows: list[tuple[str, int, float | None]]) -> pa.Table:
    filled = [
        {
            "meter_point_id": point,
            "channel_code": "active_forward",
            "energy_date": date(2026, 9, day),
            "customer_id": None,
            "energy_kwh_or_kvarh": energy,
            "basis_code": "register",
            "curve_kwh_or_kvarh": None,
            "estimated_ratio": 0.0,
            "energy_month": "2026-09",
            "computed_run_id": "x",
        }
        for point, day, energy in rows
    ]
    return pa.Table.from_pylist(filled, GoldDayEnergy.arrow_schema())


def test_the_hash_forgets_order_layout_and_run_but_no_value() -> None:
    rows = [("b", 2, 1.5), ("a", 1, 2.5), ("a", 3, 0.0)]
    base = content_hash(_days(rows), GoldDayEnergy)
    shuffled = pa.concat_tables([_days(rows[2:]), _days(rows[:2])])
    other_run = shuffled.set_column(
        shuffled.schema.get_field_index("computed_run_id"), "computed_run_id", pa.array(["y"] * 3)
    )
    assert content_hash(other_run, GoldDayEnergy) == base
    assert content_hash(_days([("b", 2, 1.5), ("a", 1, 2.5), ("a", 3, 1e-12)]), GoldDayEnergy) != base
    assert content_hash(_days(rows[:2]), GoldDayEnergy) != base


def test_the_hash_tells_a_null_from_a_zero_and_an_empty_text() -> None:
    class _Nullable(Table):
        """Two nullable columns."""

        name = "test_nullable"
        layer = Layer.GOLD
        place = Field(STRING, "Key.", key=True)
        text = Field(STRING, "Text.")
        day = Field(DATE, "Day.")
        numbers = Field(pa.list_(DOUBLE), "Numbers.")

    def hashed(text: str | None, day: date | None, numbers: list[float | None] | None) -> str:
        row = {"place": "p", "text": text, "day": day, "numbers": numbers}
        return content_hash(pa.Table.from_pylist([row], _Nullable.arrow_schema()), _Nullable)

    variants = [
        (None, None, None),
        ("", None, None),
        (None, date(1970, 1, 1), None),
        (None, None, []),
        (None, None, [0.0]),
        (None, None, [None]),
        ("a", None, None),
    ]
    assert len({hashed(*variant) for variant in variants}) == len(variants)


def test_conforming_names_what_is_missing_and_what_is_too_much() -> None:
    rows = _days([("a", 1, 1.0)]).drop_columns(["basis_code"]).append_column("colour", pa.array(["red"]))
    with pytest.raises(SchemaMismatchError) as caught:
        conform(rows, GoldDayEnergy)
    assert (caught.value.missing, caught.value.surplus) == (["basis_code"], ["colour"])
