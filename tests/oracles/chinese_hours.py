"""The hours of the day and their period, holidays with the moon included."""

from __future__ import annotations

from datetime import date, timedelta

# Days off by the State Council's notices of 2024, 2025 and 2026, and the three first days of 劳动节 and
# 国庆节.
SPRING_FESTIVAL = {2024: (date(2024, 2, 10), 8), 2025: (date(2025, 1, 28), 8), 2026: (date(2026, 2, 15), 9)}
DAYS_OFF = {2024: ((5, 1, 5), (10, 1, 7)), 2025: ((5, 1, 5), (10, 1, 8)), 2026: ((5, 1, 5), (10, 1, 7))}


def hour_period(day: date, hour: float) -> str:
    """Period of large industry at an hour of a day, by the notices of 2024 and 2026."""
    start, length = SPRING_FESTIVAL[day.year]
    spring = start <= day < start + timedelta(days=length)
    summer = day.month in (1, 7, 8, 12)
    if day >= date(2026, 7, 1):
        first_three = any(
            (day.month, (day.day - first) // 3) == (month, 0) and day.day >= first
            for month, first, _ in DAYS_OFF[day.year]
        )
        if (spring or first_three) and hour < 15:
            return "valley" if hour < 9 else "deep_valley"
        if hour < 7 or 11 <= hour < 14:
            return "valley"
        if hour < 16 or hour >= 23:
            return "flat"
        return "sharp" if summer and 18 <= hour < 22 else "peak"
    off = spring or any(
        day.month == month and first <= day.day < first + days for month, first, days in DAYS_OFF[day.year]
    )
    if off and 10 <= hour < 14:
        return "deep_valley"
    if hour < 8 or 11 <= hour < 13:
        return "valley"
    if summer:
        if 9 <= hour < 11 or 15 <= hour < 17:
            return "sharp"
        return "peak" if hour < 9 or 17 <= hour < 23 else "flat"
    return "peak" if hour < 17 else "flat"
