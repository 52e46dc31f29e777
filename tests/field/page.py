"""The page docs/field.md, of the cases and what came out of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.field.cases import Case, read_cases
from tests.field.harness import Got, energy_by_channel, statuses
from tests.field.judged import as_list, by_channel, is_right

HEAD = Path(__file__).parent / "page_head.md"
LONGEST = 140


def render(found: Mapping[str, Got | None]) -> str:
    """The page.

    found  What came of each case, by its name; None where another test asks.
    """
    cases = read_cases()
    still = [case.name for case in cases if case.is_open]
    lines = [
        HEAD.read_text(encoding="utf-8"),
        "| case | kind | trouble | right | got | test |",
        "|---|---|---|---|---|---|",
    ]
    lines += [f"{row_head(case)} {_got(case, found[case.name])} | {_test(case)} |" for case in cases]
    count = f"{len(cases) - len(still)} of {len(cases)} are right"
    return "\n".join([*lines, f"\n{count}" + (f"; not yet: {', '.join(still)}." if still else "."), ""])


def row_head(case: Case) -> str:
    """The cells of a row that are known without a run."""
    right = "; or ".join(
        "; ".join(filter(None, (_WORDS[name](wanted, alternative) for name, wanted in alternative.items())))
        for alternative in case.right
    )
    return f"| {case.name} | {case.kind} | {_cell(case.what)} | {_cell(right)} |"


def _got(case: Case, got: Got | None) -> str:
    if got is None:
        return "the same"
    asked = {name for alternative in case.right for name in alternative}
    parts = dict.fromkeys(_FOUND[name](got) for name in _FOUND if name in asked)
    complaint = _complaint(got.screen)
    told = complaint or ("nothing told" if asked & {"says", "screen"} and not got.exit_code else "")
    words = "; ".join(filter(None, (*parts, f"exit {got.exit_code}" if got.exit_code else "", told)))
    return _cell(words) if is_right(case, got) else f"**not yet:** {_cell(words)}"


def _test(case: Case) -> str:
    return f"`{case.test.split('::')[0]}`" if case.run == "test" else f"`test_cases.py[{case.name}]`"


def _exit(wanted: Any, _right: Mapping[str, Any]) -> str:
    codes = as_list(wanted)
    return "" if codes == [0] else "exit " + " or ".join(map(str, codes))


def _energy(energy: Any, right: Mapping[str, Any]) -> str:
    close = f" ± {right['within']:g}" if "within" in right else ""
    return _energy_words(by_channel(energy)) + close


def _energy_words(energy: Mapping[str, float]) -> str:
    if not energy:
        return "no interval"
    plain = list(energy) == ["active_forward"]
    return ", ".join(
        f"{value:,.3f} {'kvarh' if name.startswith('reactive') else 'kWh'}" + ("" if plain else f" {name}")
        for name, value in sorted(energy.items())
    )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()) if count)


def _places(none: str) -> Callable[[Any, Any], str]:
    def words(wanted: Mapping[Any, float | None], _right: Mapping[str, Any]) -> str:
        return "; ".join(
            f"{key}: {none if value is None else f'{value:g} kWh'}" for key, value in wanted.items()
        )

    return words


def _told(patterns: list[str], _right: Mapping[str, Any]) -> str:
    plain = [re.sub(r"\(\?i\)|\\b|\(|\)\?|\)", "", pattern).replace("|", " or ") for pattern in patterns]
    return "told: " + ", ".join(plain)


def _answer(answer: Mapping[str, Any], _right: Mapping[str, Any] | None = None) -> str:
    return ", ".join(f"{name}: {', '.join(map(str, as_list(value)))}" for name, value in answer.items())


def _flagged(wanted: Mapping[str, Any], _right: Mapping[str, Any]) -> str:
    return f"{wanted['check']} on every day from {wanted['first']} to {wanted['last']}, none before"


_WORDS: dict[str, Callable[[Any, Mapping[str, Any]], str]] = {
    "exit": _exit,
    "energy": _energy,
    "measured": lambda wanted, right: f"measured {_energy(wanted, right)}",
    "within": lambda _wanted, _right: "",
    "statuses": lambda wanted, _: _counts(wanted),
    "points": lambda wanted, _: f"{wanted} meter points" if wanted > 1 else "one meter point",
    "rejects": lambda wanted, _: f"{_counts(wanted) or 'nothing'} held back",
    "days": _places("none"),
    "at": _places("none measured"),
    "registers": _places("none settled"),
    "checks": lambda wanted, _: ", ".join(wanted),
    "never": lambda wanted, _: f"no {', '.join(wanted)}",
    "flagged": _flagged,
    "says": _told,
    "screen": _told,
    "unsaid": lambda wanted, right: f"not {_told(wanted, right)}",
    "totals": lambda wanted, _: f"{', '.join(wanted)} CNY",
    "quantities": _answer,
    "answer": _answer,
}
"""What each condition of an alternative is called on the page."""

_FOUND: dict[str, Callable[[Got], str]] = {
    "energy": lambda got: _energy_words(energy_by_channel(got)),
    "measured": lambda got: _energy_words(energy_by_channel(got)),
    "at": lambda got: _energy_words(energy_by_channel(got)),
    "days": lambda got: _energy_words(energy_by_channel(got)),
    "statuses": lambda got: _counts(statuses(got)),
    "rejects": lambda got: f"{_counts(got.rejects) or 'nothing'} held back",
    "registers": lambda got: _energy_words(
        {"active_forward": sum(float(row["energy_kwh_or_kvarh"] or 0) for row in got.registers)}
    ),
    "checks": lambda got: ", ".join(sorted(got.checks)) or "no check",
    "flagged": lambda got: ", ".join(sorted(got.checks)) or "no check",
    "totals": lambda got: _months(got),
    "quantities": lambda got: _months(got),
    "answer": lambda got: _answer(got.answer or {}),
}
"""What is told of what came out, by the condition that asks for it."""


def _months(got: Got) -> str:
    return ", ".join(str(month["total_cny"]) for month in (got.answer or {"months": []})["months"]) + " CNY"


def _complaint(screen: str) -> str:
    """The first refusal or warning that speaks of the files, in part."""
    for said in screen.split("zhixiang: ")[1:]:
        text = re.sub(r"too_many_bad_rows: .*?; the first: ", "", said.split(" -> ")[0].strip())
        if not text.startswith("warning: a multiplier of 1"):
            return text if len(text) <= LONGEST else text[:LONGEST].rsplit(" ", 1)[0] + " ..."
    return ""


def _cell(text: str) -> str:
    return re.sub(r"([|<>*`])", r"\\\1", text)
