"""Exact decimals as whole numbers in int64 arrays: Arrow columns in, products rounded once half up, Arrow
columns out.

Every product is formed of limbs, so that nothing is lost: q p = a c 10^12 + (a d + b c) 10^6 + b d with q = a
10^6 + b, p = c 10^6 + d.
A value too large for that is refused with OverflowError, never rounded.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa

from pipelines.arrays import BoolArray, IntArray
from pipelines.errors import UsageError

MICRO = 6
"""Decimals of a quantity."""
PRICE = 12
"""Decimals of a unit price."""
FINE = 12
"""Decimals of demands between two roundings."""
_LIMB = 10**MICRO
_FEN = 10 ** (MICRO + PRICE - 2)
_STEP = 100
_LARGEST = 9.2e18
# Four products and quotients of doubles below 10^12 err by less than 10^-3.
_LARGEST_DOUBLE = 1e12
_DOUBTFUL = 1e-3


def whole_numbers(column: pa.Array, decimals: int) -> tuple[IntArray, BoolArray]:
    """A decimal column in units of 10^-decimals, and where it is not null. Null positions hold 0."""
    array = column.cast(pa.decimal128(38, decimals))
    present = np.asarray(array.is_valid())
    words = np.frombuffer(array.buffers()[1] or b"", dtype="<i8").reshape(-1, 2)[
        array.offset : array.offset + len(array)
    ]
    low, high = words[:, 0], words[:, 1]
    if bool((present & (high != low >> 63)).any()):
        raise OverflowError("a decimal is too large for exact arithmetic in 64 bits")
    return np.where(present, low, 0), present


def decimal_column(values: IntArray, kind: pa.DataType) -> pa.Array:
    """A decimal column of whole numbers in units of its scale."""
    words = np.empty((values.size, 2), dtype="<i8")
    words[:, 0], words[:, 1] = values, values >> 63
    return pa.Array.from_buffers(kind, values.size, [None, pa.py_buffer(words)])


def scaled(value: Decimal, decimals: int) -> int:
    """A decimal in units of 10^-decimals; raises UsageError where it has more decimals."""
    number = value.scaleb(decimals)
    whole = int(number)
    if whole != number:
        raise UsageError(f"{value} has more than {decimals} decimals.", "Price it one by one.")
    return whole


def decimals_of(value: Decimal) -> int:
    """Decimals that ``format(value, "f")`` writes.

    >>> decimals_of(Decimal("1.50")), decimals_of(Decimal("1E+3"))
    (2, 0)
    """
    return max(0, -int(value.as_tuple().exponent))


def decimal_of(number: int, scale: int, decimals: int) -> Decimal:
    """A number in units of 10^-scale as a Decimal with so many decimals; raises UsageError where it has more
    digits than that.

    >>> decimal_of(450_000, 6, 3)
    Decimal('0.450')
    """
    value = Decimal(number).scaleb(-scale)
    written = value.quantize(Decimal(1).scaleb(-decimals))
    if written != value:
        raise UsageError(
            f"{value} has more than the {decimals} decimals that stand beside it.",
            "Say how many it has, or leave it empty.",
        )
    return written


def products_in_fen(quantity: IntArray, price: IntArray) -> IntArray:
    """quantity x price, rounded half away from zero to 0.01 CNY.

    quantity  In units of 10^-6; price: in units of 10^-12.
    """
    sign = np.sign(quantity) * np.sign(price)
    size, dear = np.abs(quantity), np.abs(price)
    a, b, c, d = size // _LIMB, size % _LIMB, dear // _LIMB, dear % _LIMB
    _guard(a, np.maximum(c, _LIMB))
    _guard(c, np.full(c.size, 2 * _LIMB))
    high, middle = a * c, a * d + b * c
    upper, lower = _FEN // _LIMB**2, _FEN // _LIMB
    rest = (high % upper) * _LIMB**2 + (middle % lower) * _LIMB + b * d
    return np.asarray(sign * (high // upper + middle // lower + (rest + _FEN // 2) // _FEN))


def shares_in_fen(value: IntArray, decimals: int, price: IntArray, up: IntArray, down: IntArray) -> IntArray:
    """value x price x up / down, rounded once half up to 0.01 CNY; nothing of the value is cut before.

    value     Not negative, in units of 10^-decimals; price: not negative, in units of 10^-12; up, down: small
              whole numbers, down above 0.
    Doubles decide where they can; within their error of half a fen whole numbers do. A product above 10^10
    CNY is refused.
    """
    scale = 10 ** (decimals + PRICE - 2)
    real = (
        value.astype(np.float64)
        * price.astype(np.float64)
        * up.astype(np.float64)
        / down.astype(np.float64)
        / float(scale)
    )
    if real.size and float(np.max(real)) > _LARGEST_DOUBLE:
        raise OverflowError("an amount is too large for exact arithmetic in 64 bits")
    found = np.floor(real + 0.5).astype(np.int64)
    for place in np.flatnonzero(np.abs(real + 0.5 - np.round(real + 0.5)) < _DOUBTFUL):
        product, divisor = int(value[place]) * int(price[place]) * int(up[place]), int(down[place]) * scale
        found[place] = (2 * product + divisor) // (2 * divisor)
    return np.asarray(found)


def means_half_up(fen: IntArray, energy: IntArray) -> IntArray:
    """fen / energy in 10^-4 CNY/kWh, rounded half away from zero; 0 without energy.

    energy  Not negative, in 10^-6 kWh.
    """
    size, divisor = np.abs(fen), np.where(energy == 0, 1, energy)
    _guard(divisor, np.full(1, 2 * _STEP))
    _guard(size // divisor + 1, np.full(1, _STEP**4))
    # A fen per 10^-6 kWh are 10^8 steps of the mean: four divisions by hand, two digits each.
    found, rest = size // divisor, size % divisor
    for _ in range(4):
        found, rest = found * _STEP + rest * _STEP // divisor, rest * _STEP % divisor
    return np.asarray(np.where(energy == 0, 0, np.sign(fen) * (found + (2 * rest >= divisor))))


def parts_of(value: IntArray, decimals: int, up: IntArray, down: IntArray) -> IntArray:
    """value x up / down, rounded half up to 10^-6.

    value  Not negative, in units of 10^-decimals, decimals at least 6; up, down: small whole numbers.
    """
    step = 10 ** (decimals - MICRO)
    high, low = value // step, value % step
    _guard(high, up)
    _guard(down * 2, np.full(1, step))
    top = high * up
    rest = (top % down) * step + low * up
    return np.asarray(top // down + (2 * rest + down * step) // (2 * down * step))


def _guard(one: IntArray, other: IntArray) -> None:
    if (
        one.size
        and other.size
        and bool((np.abs(one).astype(np.float64) * np.abs(other).astype(np.float64) > _LARGEST).any())
    ):
        raise OverflowError("a product is too large for exact arithmetic in 64 bits")


def mean_power_factors(active: IntArray, reactive: IntArray) -> IntArray:
    """active / sqrt(active^2 + reactive^2) in hundredths, rounded half up; 0 where both are 0.

    active, reactive  Not negative, in the same unit.
    Doubles decide where they can; within 1e-9 of an edge whole numbers do: p >= (2h - 1)/200 where 40000 a^2
    >= (2h - 1)^2 (a^2 + r^2).
    """
    real_active, real_reactive = active.astype(np.float64), reactive.astype(np.float64)
    length = np.hypot(real_active, real_reactive)
    hundredths = 100 * np.divide(real_active, length, out=np.zeros(active.size), where=length > 0)
    found = np.floor(hundredths + 0.5).astype(np.int64)
    edge = np.abs(hundredths + 0.5 - np.round(hundredths + 0.5)) < 1e-7
    for place in np.flatnonzero(edge & (length > 0)):
        a, r = int(active[place]), int(reactive[place])
        guess = round(float(hundredths[place]) + 0.5)
        reached = 40_000 * a * a >= (2 * guess - 1) ** 2 * (a * a + r * r)
        found[place] = guess if reached else guess - 1
    return np.asarray(found)
