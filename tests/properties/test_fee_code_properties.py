"""Laws of the fee code: colours follow the mark-up, the implied price scales and ignores order, texts of
codes read back.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.codes import FeeCodeColour
from pipelines.errors import UsageError
from pipelines.settings import load_settings
from products.transfer_fee_code.code import base45
from products.transfer_fee_code.price.colour import colour_of, quantised, shown_percent
from products.transfer_fee_code.price.implied_price import PriceIntervals, fit_prices, price_intervals
from products.transfer_fee_code.settings import TransferFeeCodeSettings

METHOD = load_settings().section(TransferFeeCodeSettings).implied_price
RED, GREEN = Decimal("0.30"), Decimal("0.05")
ORDER = [FeeCodeColour.GREEN, FeeCodeColour.YELLOW, FeeCodeColour.RED]
MARK_UPS = st.fractions(min_value=-1, max_value=20, max_denominator=10**9)


@given(MARK_UPS, MARK_UPS)
def test_a_higher_mark_up_never_has_a_milder_colour(one: Fraction, other: Fraction) -> None:
    low, high = sorted((one, other))
    assert ORDER.index(colour_of(low, RED, GREEN)) <= ORDER.index(colour_of(high, RED, GREEN))


@given(MARK_UPS)
def test_the_shown_figure_has_the_colour_of_the_exact_one(mark_up: Fraction) -> None:
    shown = shown_percent(mark_up, (GREEN, RED))
    assert colour_of(Fraction(shown) / 100, RED, GREEN) is colour_of(mark_up, RED, GREEN)
    assert abs(Fraction(shown) - mark_up * 100) <= Fraction(1, 100)


@given(st.fractions(max_denominator=10**6), st.integers(0, 8))
def test_rounding_is_to_the_nearest(value: Fraction, decimals: int) -> None:
    assert abs(Fraction(quantised(value, decimals)) - value) <= Fraction(1, 2 * 10**decimals)
    assert quantised(-value, decimals) == quantised(value, decimals).copy_negate()


@given(st.binary(max_size=120))
def test_base45_reads_back(content: bytes) -> None:
    assert base45.decode(base45.encode(content)) == content


@given(st.text(alphabet=base45.ALPHABET + "a红", max_size=30))
def test_base45_accepts_canonical_texts_only(text: str) -> None:
    try:
        content = base45.decode(text)
    except UsageError:
        return
    assert base45.encode(content) == text


@st.composite
def declarations(draw: st.DrawFn) -> tuple[float, np.ndarray, np.ndarray, int]:
    """A true price, fees and energies whose first few are honest readings within the tolerance, and how many
    those are.
    """
    price = draw(st.floats(0.4, 1.5))
    honest = draw(st.integers(3, 9))
    liars = draw(st.integers(0, (honest - 1) // 2))
    energy = np.array(
        draw(st.lists(st.floats(200, 400), min_size=honest + liars, max_size=honest + liars))
    ).round(2)
    drift = (
        np.array(draw(st.lists(st.floats(-0.4, 0.4), min_size=honest + liars, max_size=honest + liars))) / 30
    )
    factor = np.where(np.arange(honest + liars) < honest, 1.0, draw(st.floats(1.05, 1.9)))
    return price, (energy * (1 + drift) * price * factor).round(2), energy, honest


@given(declarations())
def test_the_truth_lies_in_the_band_where_most_of_the_weight_is_honest(
    case: tuple[float, np.ndarray, np.ndarray, int],
) -> None:
    price, fee, energy, honest = case
    intervals = price_intervals(fee, energy, np.full(len(fee), 30.0), METHOD, (0.2, 3.0))
    found = fit_prices(np.zeros(len(fee), np.int64), 1, intervals, energy, METHOD)
    if energy[:honest].sum() <= 0.55 * energy.sum():
        return
    assert found.low[0] - 1e-9 <= price <= found.high[0] + 1e-9
    assert found.low[0] <= found.price[0] <= found.high[0]


@given(declarations(), st.randoms())
def test_the_fit_ignores_order_and_follows_a_change_of_unit(
    case: tuple[float, np.ndarray, np.ndarray, int], shuffler: object
) -> None:
    _, fee, energy, _ = case
    intervals = price_intervals(fee, energy, np.full(len(fee), 30.0), METHOD, (0.2, 3.0))
    group = np.zeros(len(fee), np.int64)
    first = fit_prices(group, 1, intervals, energy, METHOD)
    order = list(range(len(fee)))
    shuffler.shuffle(order)  # type: ignore[attr-defined]
    mixed = PriceIntervals(
        intervals.low[order], intervals.high[order], intervals.middle[order], intervals.usable[order]
    )
    second = fit_prices(group, 1, mixed, energy[order], METHOD)
    assert (second.price[0], second.low[0], second.high[0]) == (first.price[0], first.low[0], first.high[0])
    doubled = PriceIntervals(2 * intervals.low, 2 * intervals.high, 2 * intervals.middle, intervals.usable)
    assert fit_prices(group, 1, doubled, energy, METHOD).price[0] == pytest.approx(
        2 * first.price[0], rel=1e-6
    )
