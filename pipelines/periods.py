"""Billing months and local days. China keeps one fixed offset, UTC+8, without clock changes."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

from pipelines.errors import UsageError

LOCAL_OFFSET = timedelta(hours=8)
"""From UTC to local time."""
LOCAL_ZONE = timezone(LOCAL_OFFSET, "UTC+08:00")
EPOCH = date(1970, 1, 1)
DAY_MINUTES = 1440
"""Minutes of a local day. [min]"""

MOST_PERIOD_DAYS = 100
"""More than a quarter is a slip of a date, not a billing period."""
_MONTH = re.compile(r"(\d{4})-(\d{2})")
RUN_INSTANT, RUN_INSTANT_LENGTH = "%Y%m%dT%H%M%SZ", len("20261109T040000Z")
"""The instant in UTC with which the id of a run begins, as ``strftime`` writes it; its characters."""


@dataclass(frozen=True, order=True)
class BillingMonth:
    """A local calendar month, the half-open range [first_day, next_first_day).

    >>> BillingMonth.parse("2026-09").last_day
    datetime.date(2026, 9, 30)
    >>> str(BillingMonth.parse("2026-01").previous())
    '2025-12'
    """

    year: int
    month: int

    def __post_init__(self) -> None:
        if not (1990 <= self.year <= 2200 and 1 <= self.month <= 12):
            raise UsageError(
                f"{self.year:04d}-{self.month:02d} is not a billing month.",
                "Write it as YYYY-MM, for example 2026-09.",
            )

    @classmethod
    def parse(cls, text: str) -> BillingMonth:
        """Reads ``YYYY-MM``; raises UsageError for anything else."""
        match = _MONTH.fullmatch(text)
        if match is None:
            raise UsageError(f"{text!r} is not a billing month.", "Write it as YYYY-MM, for example 2026-09.")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: date) -> BillingMonth:
        """The month that a day lies in."""
        return cls(day.year, day.month)

    @property
    def first_day(self) -> date:
        """First local day."""
        return date(self.year, self.month, 1)

    @property
    def last_day(self) -> date:
        """Last local day."""
        return date(self.year, self.month, self.day_count)

    @property
    def days(self) -> tuple[date, ...]:
        """All local days in order."""
        return _days_of(self.year, self.month)

    @property
    def day_count(self) -> int:
        """Number of local days. [d]"""
        return monthrange(self.year, self.month)[1]

    def plus(self, months: int) -> BillingMonth:
        """The month so many months later (earlier when negative)."""
        index = self.year * 12 + self.month - 1 + months
        return BillingMonth(index // 12, index % 12 + 1)

    def previous(self) -> BillingMonth:
        """The month before."""
        return self.plus(-1)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


@dataclass(frozen=True)
class BillingPeriod:
    """The days of a bill where its meters are not read at the month's end (抄表例日): both ends count.

    month  The billing month: the one in which the period ends.

    >>> BillingPeriod.of(BillingMonth(2026, 9), 25).first_day
    datetime.date(2026, 8, 26)
    """

    month: BillingMonth
    first_day: date
    last_day: date

    def __post_init__(self) -> None:
        if self.first_day > self.last_day:
            raise UsageError(
                f"A billing period from {self.first_day} to {self.last_day} has no day.",
                "Its first day comes first; both count.",
            )
        if BillingMonth.of(self.last_day) != self.month:
            raise UsageError(
                f"The period to {self.last_day} does not end in {self.month}.",
                "The billing month of a period is the one in which it ends.",
            )
        if self.day_count > MOST_PERIOD_DAYS:
            raise UsageError(
                f"The period from {self.first_day} to {self.last_day} has {self.day_count} days.",
                f"A billing period has at most {MOST_PERIOD_DAYS}; give its months one by one.",
            )

    @classmethod
    def of(cls, month: BillingMonth, reading_day: int) -> BillingPeriod:
        """The period of a month whose meters are read on a day of each month; a day that a month lacks is its
        last.
        """
        before = month.previous()
        began = min(reading_day, before.day_count)
        return cls(
            month,
            date(before.year, before.month, began) + timedelta(days=1),
            date(month.year, month.month, min(reading_day, month.day_count)),
        )

    @property
    def days(self) -> tuple[date, ...]:
        """All local days in order."""
        return tuple(self.first_day + timedelta(days=place) for place in range(self.day_count))

    @property
    def day_count(self) -> int:
        """Number of local days. [d]"""
        return (self.last_day - self.first_day).days + 1

    @property
    def is_one_month(self) -> bool:
        """Whether it runs from one reading to that of the same day a month later, as a whole month does."""
        return any(
            self == BillingPeriod.of(self.month, reading_day)
            for reading_day in {self.last_day.day, (self.first_day - timedelta(days=1)).day}
        )

    def __str__(self) -> str:
        return f"{self.first_day} – {self.last_day}"


BillingDays = BillingMonth | BillingPeriod
"""The days that a bill covers."""


def period_of(days: BillingDays) -> BillingPeriod | None:
    """The period where it is not the calendar month."""
    return days if isinstance(days, BillingPeriod) else None


@lru_cache(maxsize=512)
def _days_of(year: int, month: int) -> tuple[date, ...]:
    """Asked for each customer of a month."""
    return tuple(date(year, month, day) for day in range(1, monthrange(year, month)[1] + 1))


def months_through(months: Collection[str]) -> list[str]:
    """Every month from the first to the last of some, all as ``YYYY-MM``.

    >>> months_through({"2026-11", "2027-01"})
    ['2026-11', '2026-12', '2027-01']
    """
    if not months:
        return []
    first, last = ((int(text[:4]) * 12 + int(text[5:7]) - 1) for text in (min(months), max(months)))
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in range(first, last + 1)]


def utc_now() -> datetime:
    """The clock, read in one place only; callers pass the instant on."""
    return datetime.now(UTC)


def local_day(instant: datetime) -> date:
    """The local day on which an instant falls.

    >>> local_day(datetime(2026, 8, 31, 16, tzinfo=UTC))
    datetime.date(2026, 9, 1)
    """
    return instant.astimezone(LOCAL_ZONE).date()


def local_midnight_utc(day: date) -> datetime:
    """The instant at which a local day begins, in UTC.

    >>> local_midnight_utc(date(2026, 9, 1)).isoformat()
    '2026-08-31T16:00:00+00:00'
    """
    return datetime(day.year, day.month, day.day, tzinfo=LOCAL_ZONE).astimezone(UTC)


def day_of_run(run_id: str) -> date | None:
    """The local day of a run, whose id begins with its instant in UTC; None for another id.

    >>> day_of_run("20261120T180000Z-0a1b2c")
    datetime.date(2026, 11, 21)
    """
    try:
        instant = datetime.strptime(run_id[:RUN_INSTANT_LENGTH], RUN_INSTANT).replace(tzinfo=UTC)
    except ValueError:
        return None
    return instant.astimezone(LOCAL_ZONE).date()
