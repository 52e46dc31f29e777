"""Facts as rows that people read: every figure with its source, and what does not cover a day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

from pipelines.codes import Confidence
from pipelines.errors import FactNotInForceError
from pipelines.facts.dated import Dated, Version
from pipelines.facts.holidays import Holidays
from pipelines.facts.power_factor_adjustment import PowerFactorRule
from pipelines.facts.time_of_use import PERIODS, Schedule

NOT_IN_FORCE = "not in force"
_OWN_UNITS = {
    "_kwh_per_kva": "kWh/kVA",
    "_kwh": "kWh",
    "_kva": "kVA",
    "_ratio": "1",
    "_persons": "persons",
    "_year": "",
    ".rule": "",
    ".bases": "",
}


@dataclass(frozen=True)
class FactRow:
    """One figure in force on a day. Bill lines name ``fact_id``. All fields are texts; dates are ISO, empty
    where open.
    """

    fact_id: str
    title_zh: str
    title_en: str
    value: str
    unit: str
    document: str
    clause: str
    issuer: str
    source: str
    effective_from: str
    effective_to: str
    known_from: str
    retrieved: str
    confidence: str
    note: str
    file: str

    def as_dict(self) -> dict[str, str]:
        """The row as a mapping, for JSON."""
        return asdict(self)


def describe_facts(
    by_id: Mapping[str, Dated[Any]], holidays: Holidays, on: date, known: date | None
) -> list[FactRow]:
    """One row per figure in force on a day; a fact that no version covers says what it covers; last, the
    calendar's years.
    """
    rows: list[FactRow] = []
    for dated in by_id.values():
        rows += _rows_of(dated, on, known)
    years = holidays.covered_years()
    text = f"{years[0]}-{years[-1]}, {len(holidays.overrides)} overrides"
    template = rows[-1]
    rows.append(
        replace(
            template,
            fact_id="holidays",
            title_zh="节假日与调休安排",
            title_en="Days off and adjusted working days",
            value=text,
            effective_from=f"{years[0]}-01-01",
            effective_to=f"{years[-1]}-12-31",
            file=holidays.file,
        )
    )
    return rows


def _rows_of(dated: Dated[Any], on: date, known: date | None) -> Iterator[FactRow]:
    unit = dated.unit.value if dated.unit else ""
    try:
        version = dated.version_on(on, known)
    except FactNotInForceError as error:
        blank = dict.fromkeys((declared.name for declared in fields(FactRow)), "")
        seen = {
            "fact_id": dated.fact_id,
            "title_zh": dated.title_zh,
            "title_en": dated.title_en,
            "unit": unit,
            "file": dated.file,
        }
        yield FactRow(**{**blank, **seen, "value": NOT_IN_FORCE, "note": f"covers {error.covers}"})
        return
    cited = version.citation
    for suffix, value in figures_of(version.value):
        yield FactRow(
            fact_id=dated.fact_id + suffix,
            title_zh=dated.title_zh,
            title_en=dated.title_en,
            value=value,
            unit=_unit(suffix, unit),
            document=cited.document,
            clause=cited.clause,
            issuer=cited.issuer,
            source=cited.source,
            effective_from=version.effective_from.isoformat(),
            effective_to=version.effective_to.isoformat() if version.effective_to else "",
            known_from=version.known_from.isoformat(),
            retrieved=cited.retrieved,
            confidence=_confidence(version, suffix).value,
            note=cited.note,
            file=dated.file,
        )


def _confidence(version: Version[Any], suffix: str) -> Confidence:
    """How sure a figure is: what is read into a holiday is less sure than the hours of a notice."""
    rules = version.value.holiday_rules if isinstance(version.value, Schedule) else ()
    own: dict[str, Confidence | None] = {rule.suffix: rule.confidence for rule in rules}
    return own.get(suffix) or version.citation.confidence


def _unit(suffix: str, unit: str) -> str:
    """A figure whose own name ends in a unit has that one, whatever its fact's is."""
    for ending, own in _OWN_UNITS.items():
        if suffix.endswith(ending):
            return own
    return unit


def figures_of(value: Any) -> Iterator[tuple[str, str]]:
    """The figures of a value, each with the suffix that its fact's id gets."""
    if isinstance(value, Schedule):
        yield from _schedule(value)
    elif isinstance(value, PowerFactorRule):
        standards = ", ".join(str(standard) for standard in value.standards)
        yield (
            "",
            (
                f"rule for the standards {standards}; {sum(len(row) for row in value.printed.values())} "
                "printed cells"
            ),
        )
    elif is_dataclass(value):
        for declared in fields(value):
            for suffix, text in figures_of(getattr(value, declared.name)):
                yield f".{declared.name}{suffix}", text
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            for suffix, text in figures_of(inner):
                yield f".{_text(key)}{suffix}", text
    elif isinstance(value, (tuple, frozenset)):
        texts = [
            _text(item)
            if not isinstance(item, Mapping)
            else ", ".join(f"{_text(k)} {_text(v)}" for k, v in item.items())
            for item in value
        ]
        yield "", "; ".join(texts if isinstance(value, tuple) else sorted(texts))
    else:
        yield "", _text(value)


def _schedule(schedule: Schedule) -> Iterator[tuple[str, str]]:
    yield from {
        schedule.season_suffix(month): _hours(slots)
        for month, slots in enumerate(schedule.slots_by_month, start=1)
    }.items()
    for rule in schedule.holiday_rules:
        days = f"first {rule.first_days} days" if rule.first_days else "all days off"
        yield rule.suffix, f"{days}: {_hours(rule.slots)}"


def _hours(slots: Any) -> str:
    parts: list[str] = []
    for period in PERIODS:
        spans: list[str] = []
        begin = None
        for slot in range(len(slots) + 1):
            inside = slot < len(slots) and slots[slot] == period
            if inside and begin is None:
                begin = slot
            elif not inside and begin is not None:
                spans.append(f"{begin // 4:02d}:{begin % 4 * 15:02d}-{slot // 4:02d}:{slot % 4 * 15:02d}")
                begin = None
        if spans:
            parts.append(f"{period.value} {', '.join(spans)}")
    return "; ".join(parts)


def _text(value: Any) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    return "" if value is None else str(value)
