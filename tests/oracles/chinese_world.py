"""The days and sums of the oracle: what a price is on a day, how many a month has, what a line comes to."""

from __future__ import annotations

from datetime import date, timedelta
from math import floor

from tests.oracles.chinese_figures import F


class World:
    """Prices by day: what was published, and what later notices of a test change.

    changes      name -> list of (first day, factor on the published price).
    composition  Purchase, loss and system operation of agent purchase, which sum to the energy price.
    floats       Which of these three float alone from 2026-07-01 on, as in provinces where only the purchase
                 price does; none: all three do, as in Zhejiang. They then change with the energy price.
    """

    def __init__(
        self,
        changes: dict[str, list[tuple[date, str]]] | None = None,
        composition: tuple[str, str, str] | None = None,
        floats: tuple[int, ...] = (),
    ) -> None:
        self.changes, self.composition, self.floats = changes or {}, composition, floats

    def parts(self, day: date) -> list[F]:
        """Purchase, loss and system operation on a day."""
        if self.composition is None:
            assert not self.floats
            return [F(0), F(0), F(0)]
        changed = "energy_base" if self.floats else ""
        return [self.price(changed, part, day) for part in self.composition]

    def price(self, name: str, published: str, day: date) -> F:
        """A price on a day."""
        factor = F(1)
        for first, value in self.changes.get(name, []):
            if day >= first:
                factor = F(value)
        return F(published) * factor

    def change_days(self, year: int, month: int) -> list[int]:
        """Days of a month, after its first, on which a price changes."""
        days = {first for listed in self.changes.values() for first, _ in listed}
        return sorted(day.day for day in days if (day.year, day.month) == (year, month) and day.day > 1)


def month_length(year: int, month: int) -> int:
    """Days of a month."""
    return ((date(year, month, 28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).day


def half_up(value: F, digits: int) -> F:
    """Rounded half away from zero to so many decimals."""
    size = floor(abs(value) * 10**digits + F(1, 2))
    return F(size if value >= 0 else -size, 10**digits)


def amount(quantity: F, price: F) -> int:
    """Fen of a line."""
    return int(half_up(quantity * price, 2) * 100)
