"""Rounding and splitting amounts."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import (
    UsageError,
)
from pipelines.money import round_to_fen, split_by_largest_remainder


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
