"""How numbers stand on a bill: exact digits, thousands grouped, a true minus sign, the point kept apart for
alignment.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pipelines.money import round_half_up

_MINUS = "−"
_HUNDRED = Decimal(100)


def exact(value: Any) -> Decimal:
    """A number of a row as a decimal with the digits it shows.

    >>> exact(0.1)
    Decimal('0.1')
    """
    return (
        value
        if isinstance(value, Decimal)
        else Decimal(repr(value) if isinstance(value, float) else str(value))
    )


def grouped(value: Any, places: int) -> str:
    """Rounded half up to so many places, thousands grouped.

    >>> grouped(Decimal("60916.395"), 2)
    '60,916.40'
    >>> grouped(Decimal("-0.001"), 2)
    '0.00'
    """
    rounded = round_half_up(exact(value), Decimal(1).scaleb(-places))
    return f"{rounded if rounded else abs(rounded):,.{places}f}".replace("-", _MINUS)


def number(value: Any, least_places: int = 0) -> dict[str, str]:
    """An exact number in parts: whole, fraction with its point, count of places, and plain digits for
    machines.

    least_places  Noughts are kept up to here; further ones at the end are left out.

    >>> number(Decimal("47.2000000000"), 2)
    {'whole': '47', 'fraction': '.20', 'places': '2', 'plain': '47.20'}
    """
    plain = format(exact(value), "f")
    whole, _, fraction = plain.partition(".")
    fraction = fraction.rstrip("0").ljust(least_places, "0")
    sign, digits = (_MINUS, whole[1:]) if whole.startswith("-") else ("", whole)
    return {
        "whole": f"{sign}{int(digits or 0):,}",
        "fraction": f".{fraction}" if fraction else "",
        "places": str(len(fraction)),
        "plain": f"{whole}.{fraction}" if fraction else whole,
    }


def signed(value: Any, places: int) -> str:
    """As grouped, with its sign; nought without one.

    >>> signed(Decimal("25.4"), 2), signed(Decimal("-9.24"), 2), signed(Decimal(0), 2)
    ('+25.40', '−9.24', '0.00')
    """
    rounded = round_half_up(exact(value), Decimal(1).scaleb(-places))
    return f"{'+' if rounded > 0 else ''}{grouped(rounded, places)}"


def percent(ratio: Any, places: int) -> str:
    """A ratio as percent, without a sign of its own.

    >>> percent(Decimal("0.0453"), 1)
    '4.5%'
    """
    return f"{grouped(exact(ratio) * _HUNDRED, places)}%"


def signed_percent(ratio: Any, places: int) -> str:
    """A ratio as percent with its sign, nought without one.

    >>> [signed_percent(Decimal(ratio), 1) for ratio in ("0.045", "-0.0113", "0")]
    ['+4.5%', '−1.1%', '0.0%']
    """
    return f"{signed(exact(ratio) * _HUNDRED, places)}%"
