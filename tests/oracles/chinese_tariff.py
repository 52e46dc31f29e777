"""The Chinese rules once more, from the clauses alone: fractions, a day at a time, nothing shared with the
engine.

What each clause says and where it was read stands in ``conf/facts``; the figures below were typed from the
clauses, not read from there.
A case is plain data: numbers as text, days as numbers within the month. A line is (component, period, fen).
One convention of the bill itself: the amount of a line is rounded once, half away from zero.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date, timedelta
from math import floor
from typing import Any

from tests.oracles.chinese_figures import (
    CATALOGUE,
    CATALOGUE_PERIODS,
    COMBINED,
    ENERGY_BASE,
    FUNDS,
    LINE_LOSS,
    OLD_RATIOS,
    PRINTED,
    RATIOS,
    SINGLE_PART,
    TIERS,
    TWO_PART,
    F,
)

Line = tuple[str, str, int]
Case = dict[str, Any]
PERIODS = ("sharp", "peak", "flat", "valley", "deep_valley")


def half_up(value: F, digits: int) -> F:
    """Rounded half away from zero to so many decimals."""
    size = floor(abs(value) * 10**digits + F(1, 2))
    return F(size if value >= 0 else -size, 10**digits)


def amount(quantity: F, price: F) -> int:
    """Fen of a line."""
    return int(half_up(quantity * price, 2) * 100)


def adjustment_percent(standard: str, hundredths: int) -> F:
    """The printed cell; below 0.54 two percent more for every hundredth."""
    column = PRINTED[standard]
    if hundredths >= 54:
        return F(column[100 - hundredths])
    return F(column[-1]) + 2 * (54 - hundredths)


def power_factor_hundredths(active: F, reactive: F) -> int:
    """The largest h with active / sqrt(active^2 + reactive^2) >= (h - 1/2) / 100."""
    low, high = 0, 100
    while low < high:
        middle = (low + high + 1) // 2
        if active * active * 40_000 >= (2 * middle - 1) ** 2 * (active * active + reactive * reactive):
            low = middle
        else:
            high = middle - 1
    return low


class World:
    """Prices by day: what was published, and what later notices of a test change.

    changes  name -> list of (first day, factor on the published price).
    """

    def __init__(
        self,
        changes: dict[str, list[tuple[date, str]]] | None = None,
        composition: tuple[str, str, str] | None = None,
    ) -> None:
        self.changes, self.composition = changes or {}, composition

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


def price_case(case: Case, world: World) -> list[Line]:
    """All lines of a bill."""
    year, month = case["month"]
    charged: list[tuple[str | None, Line, F]] = []
    so_far = F(case["year_to_date"])
    for segment in case["segments"]:
        day = date(year, month, segment["first"])
        if segment["class"] == "residential":
            lines = residential(segment, so_far, year)
            so_far += F(segment["energy"])
        elif (year, month) == (2018, 4):
            lines = catalogue(segment)
        else:
            lines = energy(segment, day, world)
        charged += [(standard_of(segment), line, inside) for line, inside in lines]
    for standard, line in basic(case, world):
        charged.append((standard, line, F(0)))
    lines = [line for _, line, _ in charged]
    lines += adjustments(case, charged)
    lines += fed_in(case)
    return lines


def fed_in(case: Case) -> Iterator[Line]:
    """Bought day by day at the price agreed for the day, equal amounts of energy a day; days in a row at one
    price are one line.
    """
    kwh = F(case["exported"])
    sections = [segment["section"] for segment in case["segments"] if segment["export"] is not None]
    if kwh == 0 or not sections:
        return
    daily = [
        segment["export"]
        for segment in case["segments"]
        if segment["section"] == sections[0]
        for _ in range(segment["first"], segment["last"] + 1)
    ]
    for price, days in itertools.groupby(daily):
        if price is not None:
            yield "exported_energy", "", amount(kwh * F(len(list(days)), len(daily)), -F(price))


def standard_of(segment: Case) -> str | None:
    """Residential users and those below 100 kVA are not adjusted, whatever their contract says."""
    if segment["class"] == "residential" or F(segment["contract_kva"]) < 100:
        return None
    standard: str | None = segment["standard"]
    return standard


def energy(segment: Case, day: date, world: World) -> Iterator[tuple[Line, F]]:
    """Price = (purchase + loss + system operation) x ratio + transmission + funds, component by component."""
    level = segment["level"]
    if segment["market"] is None:
        base = world.price("energy_base", ENERGY_BASE, day)
    else:
        assert world.composition is not None
        base = F(segment["market"]) * (1 + LINE_LOSS) + F(world.composition[2])
    transmission = (
        world.price("transmission", TWO_PART[level][0], day)
        if segment["scheme"] == "two_part"
        else F(SINGLE_PART[level])
    )
    prices = {"energy_base": base, "transmission": transmission, "funds": world.price("funds", FUNDS, day)}
    parts = (
        {"": segment["energy"]}
        if not segment["tou"]
        else {name: segment["periods"][name] for name in PERIODS if F(segment["periods"][name]) > 0}
    )
    for component, price in prices.items():
        for period, kwh in (parts or {"flat": "0"}).items():
            ratio = F(1)
            if period and day < date(2026, 7, 1):
                ratio = OLD_RATIOS[segment["class"]][period]
            elif period and component == "energy_base":
                ratio = RATIOS[period]
            yield (component, period, amount(F(kwh), price * ratio)), F(0)


def catalogue(segment: Case) -> Iterator[tuple[Line, F]]:
    """Whole prices."""
    if not segment["tou"]:
        price = F(CATALOGUE[segment["class"]][segment["level"]])
        yield ("catalogue_energy", "", amount(F(segment["energy"]), price)), F(0)
        return
    used = [name for name in CATALOGUE_PERIODS if F(segment["periods"][name]) > 0] or ["sharp"]
    for name in used:
        yield (
            ("catalogue_energy", name, amount(F(segment["periods"][name]), F(CATALOGUE_PERIODS[name]))),
            F(0),
        )


def residential(segment: Case, before: F, year: int) -> Iterator[tuple[Line, F]]:
    """Tiers on the running energy of the year; by period every kWh pays tier 1, and upper tiers their
    surplus.
    """
    kwh = F(segment["energy"])
    if segment["combined"]:
        yield ("tier_1", "", amount(kwh, F(COMBINED[segment["level"]]))), F(0)
        return
    months = 12
    if segment["began"] is not None and segment["began"][0] == year:
        months = 13 - segment["began"][1]
    extra = 100 * months if (segment["persons"] or 0) >= 5 else 0
    edges = [F(0), TIERS[0][0] * F(months, 12) + extra, TIERS[1][0] * F(months, 12) + extra, None]  # type: ignore[operator]
    parts = []
    for low, high in itertools.pairwise(edges):
        assert low is not None
        top = before + kwh if high is None else min(before + kwh, high)
        parts.append(max(F(0), top - max(before, low)))
    if not segment["tou"]:
        for number, part in enumerate(parts):
            if part or (kwh == 0 and number == 0):
                yield (f"tier_{number + 1}", "", amount(part, F(TIERS[number][1]))), F(0)
        return
    used = [
        (name, place) for name, place in (("peak", 2), ("valley", 3)) if F(segment["periods"][name]) > 0
    ] or [("peak", 2)]
    for name, place in used:
        yield ("tier_1", name, amount(F(segment["periods"][name]), F(str(TIERS[0][place])))), F(0)
    for number in (1, 2):
        if parts[number]:
            yield (
                (
                    f"tier_{number + 1}",
                    "",
                    amount(parts[number], F(str(TIERS[number][2])) - F(str(TIERS[0][2]))),
                ),
                F(0),
            )


def basic(case: Case, world: World) -> Iterator[tuple[str | None, Line]]:
    """Day by day: days in a row with the same terms at the same price are one run; a part of a month costs a
    thirtieth a day.
    """
    year, month = case["month"]
    length = month_length(year, month)
    month_kwh = sum((F(segment["energy"]) for segment in case["segments"]), F(0))
    for section in dict.fromkeys(segment["section"] for segment in case["segments"]):
        mine = [
            segment
            for segment in case["segments"]
            if segment["section"] == section and segment["scheme"] == "two_part"
        ]
        by_day = {day: segment for segment in mine for day in range(segment["first"], segment["last"] + 1)}
        sealed = {day for day, segment in by_day.items() if F(segment["running_kva"]) == 0}
        by_day = by_calendar_month(without_short_suspensions(by_day))
        capacities = [F(segment["contract_kva"]) for segment in by_day.values()]
        runs: list[tuple[tuple[Any, ...], list[int]]] = []
        for day in range(1, length + 1):
            if day not in by_day:
                runs.append(((), []))
                continue
            terms = _terms(by_day[day], date(year, month, day), world)
            if runs and runs[-1][0] == terms:
                runs[-1][1].append(day)
            else:
                runs.append((terms, [day]))
        for terms, days in runs:
            if not terms:
                continue
            segment = by_day[days[0]]
            stays = segment["running_days"] is None or days[0] in sealed
            running = len(days) if stays else segment["running_days"]
            if F(segment["running_kva"]) == 0:  # sealed: no basic charge from that day on
                continue
            is_part = running < length
            share = F(running, 30) if is_part else F(1)
            demand = max(F(by_day[day]["demand"]) for day in days) if segment["basis"] != "capacity" else F(0)
            rebate = month_kwh / (sum(capacities, F(0)) / len(capacities)) >= 260 and (year, month) != (
                2018,
                4,
            )
            # Each standard adjusts the part of the charge that falls on its days.
            spans = [
                list(same) for _, same in itertools.groupby(days, key=lambda day: by_day[day]["standard"])
            ]
            for span in spans:
                of_span = (
                    share if len(spans) == 1 else F(len(span), 30) if is_part else F(len(span), len(days))
                )
                for line in _run(segment, F(terms[-1]), of_span, demand, rebate):
                    yield standard_of(by_day[span[0]]), line


def without_short_suspensions(by_day: dict[int, Case]) -> dict[int, Case]:
    """Whole transformers alone are suspended, at least 15 days each: a shorter suspension leaves the charge
    as it is. How long one lasts shows only where the days before and after it have more in operation.
    """
    found = dict(by_day)
    if len({segment["running_kva"] for segment in by_day.values()}) < 2:
        return found

    def running(day: int) -> F | None:
        return F(found[day]["running_kva"]) if day in found else None

    # Each pass over the days ends at least one suspension that is too short, if there is any.
    for first in sorted(found) * len({id(segment) for segment in by_day.values()}):
        last = first
        while running(last + 1) == running(first):
            last += 1
        before, now, after = running(first - 1), running(first), running(last + 1)
        if before is None or now is None or after is None or last - first + 1 >= 15:
            continue
        if (
            now < before
            and now < after
            and all(now < F(found[day]["contract_kva"]) for day in range(first, last + 1))
        ):
            for day in range(first, last + 1):
                found[day] = {**found[day], "running_kva": str(min(before, after))}
    return found


def by_calendar_month(by_day: dict[int, Case]) -> dict[int, Case]:
    """On demand, reductions and suspensions go by calendar months: where the capacity changes inside one, its
    highest demand bills it, against its highest capacity.
    """
    by_demand = [segment for segment in by_day.values() if segment["basis"] != "capacity"]
    capacities = {F(segment["running_kva"]) for segment in by_demand}
    if len(capacities) < 2:
        return by_day
    highest = {
        "running_kva": str(max(capacities)),
        "demand": str(max(F(segment["demand"]) for segment in by_demand)),
    }
    return {
        day: segment if segment["basis"] == "capacity" else {**segment, **highest}
        for day, segment in by_day.items()
    }


def rulings(case: Case) -> set[str]:
    """The notes of a bill whose charge is another than its parts as metered."""
    found = set()
    for section in {segment["section"] for segment in case["segments"]}:
        by_day = {
            day: segment
            for segment in case["segments"]
            if segment["section"] == section and segment["scheme"] == "two_part"
            for day in range(segment["first"], segment["last"] + 1)
        }
        whole = without_short_suspensions(by_day)
        found |= {"suspension_too_short"} if whole != by_day else set()
        found |= {"highest_demand_of_month"} if by_calendar_month(whole) is not whole else set()
    return found


def _terms(segment: Case, day: date, world: World) -> tuple[Any, ...]:
    by_capacity = segment["basis"] == "capacity"
    if (day.year, day.month) == (2018, 4):
        price = F(30 if by_capacity else 40)
    else:
        published = TWO_PART[segment["level"]][1 if by_capacity else 2]
        price = world.price("capacity" if by_capacity else "demand", published, day)
    agreed = segment["contract_kw"] if segment["basis"] == "contract_demand" else None
    return segment["level"], F(segment["running_kva"]), segment["basis"], agreed, price


def _run(segment: Case, price: F, share: F, demand: F, rebate: bool) -> Iterator[Line]:
    capacity = F(segment["running_kva"])
    if segment["basis"] == "capacity":
        yield "basic_capacity", "", amount(capacity * share, price)
        return
    price = price * F(9, 10) if rebate else price
    if segment["basis"] == "actual_demand":
        yield "basic_demand", "", amount(demand * share, price)
        return
    billed = max(F(segment["contract_kw"]), capacity * F(40, 100))
    yield "basic_demand", "", amount(billed * share, price)
    if demand > billed * F(105, 100):
        yield "demand_excess", "", amount((demand - billed * F(105, 100)) * share, 2 * price)


def adjustments(case: Case, charged: list[tuple[str | None, Line, F]]) -> Iterator[Line]:
    """Base: everything under the standard but the funds."""
    if case["lagging"] is None or case["leading"] is None:
        return
    active = sum((F(segment["energy"]) for segment in case["segments"]), F(0))
    reactive = F(case["lagging"]) + abs(F(case["leading"]))
    if active == 0 and reactive == 0:
        return
    hundredths = power_factor_hundredths(active, reactive)
    for standard in dict.fromkeys(standard for standard, _, _ in charged if standard is not None):
        base = sum(line[2] for own, line, _ in charged if own == standard and line[0] != "funds")
        yield (
            "power_factor_adjustment",
            "",
            amount(F(base, 100), adjustment_percent(standard, hundredths) / 100),
        )


def largest_remainder(total: F, weights: list[float], step: F) -> list[F]:
    """Parts of a total in whole steps: floors first, then one step each to the largest remainders, earlier
    parts first.
    """
    mass = sum(F(repr(weight)) for weight in weights)
    shares = [total / step * F(repr(weight)) / mass for weight in weights]
    parts = [floor(share) for share in shares]
    for place in sorted(range(len(parts)), key=lambda place: (parts[place] - shares[place], place))[
        : int(total / step) - sum(parts)
    ]:
        parts[place] += 1
    return [part * step for part in parts]


def late_payment_fen(is_home: bool, unpaid: F, due: date, paid: date) -> int:
    """One or two (three after the year's end) per mille a day, at least 1 yuan, at most 30 percent; by
    calendar part rounded to the fen.
    """
    if paid <= due or unpaid == 0:
        return 0
    days = [due + timedelta(days=number) for number in range(1, (paid - due).days + 1)]
    same = sum(1 for day in days if day.year == due.year)
    total = F(0)
    for count, ratio in (
        (same, F(1 if is_home else 2, 1000)),
        (len(days) - same, F(1 if is_home else 3, 1000)),
    ):
        total += half_up(unpaid * count * ratio, 2)
    if total > unpaid * F(30, 100):
        total = half_up(unpaid * F(30, 100), 2)
    return int(max(total, F(1)) * 100)
