"""Whole numbers in place of decimals: products, parts, shares and texts are those of exact arithmetic."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import floor
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from pipelines.errors import UsageError
from pipelines.money import round_half_up, round_to_fen
from pipelines.tariff import (
    power_factor,
)
from pipelines.tariff.batch.exact import (
    MICRO,
    mean_power_factors,
    means_half_up,
    parts_of,
    products_in_fen,
    shares_in_fen,
    whole_numbers,
)
from pipelines.tariff.batch.texts import plain_numbers
from pipelines.tariff.lines import average_price

D = Decimal

if TYPE_CHECKING:
    pass


def test_products_are_rounded_once_half_away_from_zero() -> None:
    random = Random(1)
    pairs = [
        (
            random.choice((-1, 1)) * random.randint(0, 10 ** random.randint(1, 15)),
            random.randint(0, 10 ** random.randint(1, 14)),
        )
        for _ in range(5000)
    ]
    pairs += [(500_000, 10**10), (1_500_000, 10**10), (-500_000, 10**10), (10**15, 1), (0, 10**14)]
    quantity, price = (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))
    expected = [int(round_to_fen(D(q).scaleb(-6) * D(p).scaleb(-12)) * 100) for q, p in pairs]
    assert products_in_fen(quantity, price).tolist() == expected


def test_a_product_too_large_is_refused_never_rounded() -> None:
    with pytest.raises(OverflowError):
        products_in_fen(np.array([9 * 10**18]), np.array([9 * 10**18]))
    with pytest.raises(OverflowError):
        whole_numbers(pa.array([D("99999999999999999999")]), MICRO)


def test_parts_of_a_month_are_rounded_half_up_at_the_sixth_decimal() -> None:
    random = Random(2)
    for _ in range(2000):
        value, days = random.randint(0, 10**17), random.randint(0, 31)
        found = parts_of(np.array([value]), 12, np.array([days]), np.array([30]))[0]
        exact = round_half_up(D(value).scaleb(-12) * days / 30, D("0.000001"))
        assert D(int(found)).scaleb(-6) == exact


def test_shares_of_a_month_are_rounded_once_at_the_fen() -> None:
    """Against fractions; many of the pairs are made to lie on half a fen or a hair beside it."""
    random = Random(6)
    cases = [
        (random.randint(0, 10**17), random.randint(1, 10**14), random.randint(1, 31), 30) for _ in range(3000)
    ]
    for _ in range(3000):
        # (2n + 1) / 2 fen = value x price x days / 30 with price = 3 x 10^10 units, days = 10: value = (2n +
        # 1) x 5 x 10^11.
        half = (2 * random.randint(0, 10**4) + 1) * 5 * 10**11
        cases.append((half + random.choice((-1, 0, 0, 1)), 3 * 10**10, 10, 30))
    value, price, up, down = (np.array(column, dtype=np.int64) for column in zip(*cases, strict=True))
    expected = [floor(Fraction(v * p * u, d * 10**22) + Fraction(1, 2)) for v, p, u, d in cases]
    kept = [place for place, fen in enumerate(expected) if fen < 10**12]
    assert len(kept) > 5000
    assert shares_in_fen(value[kept], 12, price[kept], up[kept], down[kept]).tolist() == [
        expected[place] for place in kept
    ]
    with pytest.raises(OverflowError):
        shares_in_fen(np.array([10**18]), 6, np.array([10**14]), np.array([1]), np.array([1]))


def test_power_factors_at_their_edges_are_those_of_exact_arithmetic() -> None:
    """Legs whose ratio is half a hundredth exactly: 0.805, 0.695 ... do not occur, 3-4-5 and its kin do at
    full hundredths.
    """
    random = Random(3)
    cases = [(random.randint(0, 10**13), random.randint(0, 10**13)) for _ in range(3000)]
    for half in range(5, 1000, 10):
        for scale in (1000, 10**6, 10**9):
            reactive = int((D(1) / (D(half) / 1000) ** 2 - 1).sqrt() * scale)
            cases += [(scale, reactive), (scale, reactive + 1)]
    # 161-240-289 and 0.28-0.96-1: exact ratios of small numbers.
    cases += [(161, 240), (28, 96), (3, 4), (1, 0), (0, 1)]
    active, reactive_energy = (np.array(column, dtype=np.int64) for column in zip(*cases, strict=True))
    expected = [int(power_factor(D(r), D(0), D(a)) * 100) if a or r else 0 for a, r in cases]
    assert mean_power_factors(active, reactive_energy).tolist() == expected


def test_numbers_are_written_as_decimals_write_themselves() -> None:
    """Every digit against Python's own, powers of ten below a millionth and negative ones too."""
    random = Random(4)
    cases = [(random.randint(-(10**9), 10**9), random.randint(6, 12)) for _ in range(3000)]
    cases += [
        (0, 0),
        (0, 8),
        (1, 6),
        (1, 7),
        (-1, 12),
        (1_000_000, 0),
        (1_500_000, 1),
        (-2_000_000, 0),
        (12_345_678, 6),
    ]
    values, decimals = (np.array(column, dtype=np.int64) for column in zip(*cases, strict=True))
    expected = [f"{D(value).scaleb(-6).quantize(D(1).scaleb(-places)):f}" for value, places in cases]
    assert plain_numbers(values, 6, decimals).to_pylist() == expected
    assert plain_numbers(values[:0], 6, decimals[:0]).to_pylist() == []
    with pytest.raises(UsageError, match="more than the 2 decimals"):
        plain_numbers(np.array([1_001_000]), 6, np.array([2]))
    with pytest.raises(OverflowError):
        plain_numbers(np.array([10**15]), 6, np.array([12]))


def test_mean_prices_are_rounded_half_away_from_zero_at_the_fourth_decimal() -> None:
    random = Random(5)
    cases = [
        (
            random.choice((-1, 1)) * random.randint(0, 10 ** random.randint(1, 13)),
            random.randint(10**4, 10 ** random.randint(5, 15)),
        )
        for _ in range(3000)
    ]
    # 0.00005 CNY/kWh is half a step, one kilowatt-hour more is below it.
    cases += [(1, 200_000_000), (-1, 200_000_000), (1, 200_000_001), (0, 1)]
    fen, energy = (np.array(column, dtype=np.int64) for column in zip(*cases, strict=True))
    expected = [average_price(D(amount).scaleb(-2), D(size).scaleb(-6)) for amount, size in cases]
    assert [D(int(found)).scaleb(-4) for found in means_half_up(fen, energy)] == expected
    assert expected[-4:] == [D("0.0001"), D("-0.0001"), D("0.0000"), D("0.0000")]
    assert means_half_up(np.array([5]), np.array([0])).tolist() == [0]
    with pytest.raises(OverflowError):
        means_half_up(np.array([10**12]), np.array([1]))
