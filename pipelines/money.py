"""Exact money and exact energy: decimals only, each amount rounded once, half up."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from pipelines.errors import UsageError

FEN = Decimal("0.01")


def round_half_up(value: Decimal, step: Decimal) -> Decimal:
    """Rounds to a multiple of ``step`` (0.01, 0.001 ...), half away from zero.

    >>> round_half_up(Decimal("0.805"), Decimal("0.01"))
    Decimal('0.81')
    """
    return value.quantize(step, ROUND_HALF_UP)


def whole_steps(value: Decimal, step: Decimal) -> Decimal:
    """The value as a whole number of steps of any size, such as a register's resolution times its multiplier;
    half up.

    >>> whole_steps(Decimal("14"), Decimal("4"))
    Decimal('16')
    """
    return round_half_up(value / step, Decimal(1)) * step


def round_to_fen(amount_cny: Decimal) -> Decimal:
    """An amount rounded once to 0.01 CNY, half up. [CNY]

    >>> round_to_fen(Decimal("1523.065")), round_to_fen(Decimal("-0.005"))
    (Decimal('1523.07'), Decimal('-0.01'))
    """
    return round_half_up(amount_cny, FEN)


def split_by_largest_remainder(total: Decimal, weights: Sequence[float], step: Decimal) -> list[Decimal]:
    """Splits ``total`` over ``weights`` so that the parts are multiples of ``step`` and sum to ``total``
    exactly.

    total    What the register settled; must itself be a multiple of step. [kWh or kvarh]
    weights  What the curve saw in each period; not negative, not all zero unless total is 0.
    Ties go to the earlier part, so the same input always gives the same split.

    >>> split_by_largest_remainder(Decimal("10.00"), [1, 1, 1], Decimal("0.01"))
    [Decimal('3.34'), Decimal('3.33'), Decimal('3.33')]
    """
    units = int((total / step).to_integral_exact())
    if units * step != total:
        raise UsageError(f"{total} is not a multiple of the resolution {step}.")
    mass = sum(Decimal(repr(float(weight))) for weight in weights)
    if any(weight < 0 for weight in weights) or (mass == 0 and units != 0):
        raise UsageError("Weights must not be negative and not all zero.")
    if mass == 0:
        return [Decimal(0) * step for _ in weights]
    shares = [units * Decimal(repr(float(weight))) / mass for weight in weights]
    floors = [int(share.to_integral_value(rounding="ROUND_FLOOR")) for share in shares]
    order = sorted(range(len(shares)), key=lambda index: (floors[index] - shares[index], index))
    for index in order[: units - sum(floors)]:
        floors[index] += 1
    return [floor * step for floor in floors]
