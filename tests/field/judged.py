"""Whether what came out of a case is right: one function for each condition that cases.yaml may ask for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from tests.field.cases import Case
from tests.field.harness import Got, days_energy, energy_by_channel, statuses, values_at

CLOSE_KWH = 0.0011
Judge = Callable[[Got, Any, float], bool]


def is_right(case: Case, got: Got) -> bool:
    """Whether one of the alternatives holds whole."""
    return any(not wrong_in(alternative, got) for alternative in case.right)


def wrong_in(right: Mapping[str, Any], got: Got) -> list[str]:
    """The conditions of one alternative that do not hold, in the order of the file.

    Raises KeyError for a condition that nobody knows.
    """
    close = right.get("within", CLOSE_KWH)
    return [
        f"{name}: not {wanted}"
        for name, wanted in right.items()
        if name != "within" and not JUDGES[name](got, wanted, close)
    ]


def as_list(value: Any) -> list[Any]:
    """A list, or the one value as such."""
    return value if isinstance(value, list) else [value]


def by_channel(energy: Any) -> Mapping[str, float]:
    """Energy by channel; a number is that of active_forward. [kWh or kvarh]"""
    return energy if isinstance(energy, Mapping) else {"active_forward": energy}


def quantities(got: Got, keys: Mapping[str, Any]) -> dict[str, list[str]]:
    """Quantities of the lines of all months, by component or period."""
    lines = [line for month in got.answer["months"] for line in month["lines"]] if got.answer else []
    return {
        key: [str(line["quantity"]) for line in lines if key in (line.get("component"), line.get("period"))]
        for key in keys
    }


def _sums(column: str) -> Judge:
    def judge(got: Got, wanted: Any, close: float) -> bool:
        found = energy_by_channel(got, column)
        asked = by_channel(wanted).items()
        return bool(found) and all(abs(found.get(name, 0.0) - value) <= close for name, value in asked)

    return judge


def _statuses(got: Got, wanted: Mapping[str, int], _close: float) -> bool:
    return wanted.items() <= statuses(got).items()


def _points(got: Got, wanted: int, _close: float) -> bool:
    return got.intervals is not None and len(got.intervals["meter_point_id"].unique()) == wanted


def _days(got: Got, wanted: Mapping[Any, float], close: float) -> bool:
    found = days_energy(got, "active_forward")
    return all(abs(found.get(str(day), 0.0) - value) <= close for day, value in wanted.items())


def _at(got: Got, wanted: Mapping[str, float | None], _close: float) -> bool:
    found = values_at(got, list(wanted), "active_forward")
    return all(
        status != "measured"
        if value is None
        else status == "measured" and final is not None and abs(final - value) <= CLOSE_KWH
        for (status, final), value in zip(found, wanted.values(), strict=True)
    )


def _registers(got: Got, wanted: Mapping[Any, float | None], close: float) -> bool:
    found = {row["energy_date"]: row["energy_kwh_or_kvarh"] for row in got.registers}
    told = {day: found.get(str(day)) for day in wanted}
    return all(
        told[day] == "" if value is None else bool(told[day]) and abs(float(told[day] or 0) - value) <= close
        for day, value in wanted.items()
    )


def _flagged(got: Got, wanted: Mapping[str, Any], _close: float) -> bool:
    found = {day for _, _, day, check in got.days if check == wanted["check"]}
    span = (wanted["last"] - wanted["first"]).days + 1
    every = {str(wanted["first"] + timedelta(days)) for days in range(span)}
    return every <= found and min(found) == str(wanted["first"])


def _said(text: str, patterns: list[str]) -> bool:
    return all(re.search(pattern, text) for pattern in patterns)


def _totals(got: Got, wanted: list[str], _close: float) -> bool:
    return bool(got.answer) and [str(month["total_cny"]) for month in got.answer["months"]] == wanted


JUDGES: dict[str, Judge] = {
    "exit": lambda got, wanted, _: got.exit_code in as_list(wanted),
    "energy": _sums("final_kwh_or_kvarh"),
    "measured": _sums("measured_kwh_or_kvarh"),
    "statuses": _statuses,
    "points": _points,
    "rejects": lambda got, wanted, _: dict(got.rejects) == wanted,
    "days": _days,
    "at": _at,
    "registers": _registers,
    "checks": lambda got, wanted, _: set(wanted) <= set(got.checks),
    "never": lambda got, wanted, _: not set(wanted) & set(got.checks),
    "flagged": _flagged,
    "says": lambda got, wanted, _: _said(f"{got.screen} {got.reasons}", wanted),
    "screen": lambda got, wanted, _: _said(got.screen, wanted),
    "unsaid": lambda got, wanted, _: not any(_said(f"{got.screen} {got.reasons}", [each]) for each in wanted),
    "totals": _totals,
    "quantities": lambda got, wanted, _: quantities(got, wanted) == wanted,
    "answer": lambda got, wanted, _: isinstance(got.answer, dict) and wanted.items() <= got.answer.items(),
}
"""What an alternative may ask for: got, what is wanted, tolerance of sums [kWh]."""
