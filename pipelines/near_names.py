"""Names that a mistyped one may have meant: the nearest by edit distance, and never a list of all."""

from __future__ import annotations

from collections.abc import Iterable

SHOWN = 5
_HIGHEST_DISTANCE = 3
_SHARE_CHANGED = 3
"""At most one of so many characters may be another: in a short name a few changes leave nothing of it."""


def near_names(name: str, known: Iterable[str], *, however_far: bool = False) -> list[str]:
    """At most five of the known names: those that are nearest.

    however_far  Where none is near, also those that have little in common: for lists that hide nothing.

    >>> near_names("credit-indx", ["credit-index", "efficiency-bill", "fee-code"])
    ['credit-index']
    >>> near_names("NOPE", ["STEEL-0001", "STEEL-0002"])
    []
    """
    wanted = name.casefold()
    bound = min(_HIGHEST_DISTANCE, max(1, len(wanted) // _SHARE_CHANGED))
    choices = sorted(set(known))
    found = _within(wanted, choices, bound)
    if not found and however_far:
        found = _within(wanted, choices, max(map(len, (wanted, *choices))))
        return [candidate for _, candidate in found[:SHOWN]]
    return [candidate for distance, candidate in found if distance == found[0][0]][:SHOWN]


def _within(wanted: str, choices: list[str], limit: int) -> list[tuple[int, str]]:
    """Distances and names, the nearest first."""
    found = ((_distance(wanted, choice.casefold(), limit), choice) for choice in choices)
    return sorted(pair for pair in found if pair[0] <= limit)


def _distance(one: str, other: str, limit: int) -> int:
    """Characters to change, add or take away; something above the limit where it is exceeded."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    # What begins and ends alike costs nothing; of numbers in order that is nearly all.
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    one, other = one[start:], other[start:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    row = list(range(len(other) + 1))
    for place, mine in enumerate(one, 1):
        above, row = row, [place]
        for at, yours in enumerate(other, 1):
            row.append(min(above[at] + 1, row[at - 1] + 1, above[at - 1] + (mine != yours)))
        if min(row) > limit:
            return limit + 1
    return row[-1]
