"""Reading one file of ``conf/facts/``: every version cited, in order, without overlap or silent gap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator

from pipelines.codes import Confidence
from pipelines.facts.dated import NOT_RECORDED, Citation, Dated, Version
from pipelines.facts.fact_schema import (
    Day,
    FactReader,
    Mapping,
    Schema,
    Text,
    TextOrNothing,
    code_of,
    must,
)
from pipelines.facts.marked_yaml import MarkedMap
from pipelines.units import Unit

T = TypeVar("T")


def _unit(value: object) -> object:
    if value is None:
        raise must("be a unit or none")
    return None if value == "none" else value


def _retrieved(value: object) -> object:
    if not isinstance(value, date) and value != NOT_RECORDED:
        raise must(f"be a day YYYY-MM-DD or {NOT_RECORDED!r}, not {value!r}")
    return str(value)


@dataclass(frozen=True)
class _WrittenFact:
    fact_id: Text
    title_zh: Text
    title_en: Text
    unit: Annotated[Annotated[Unit, code_of(Unit)] | None, BeforeValidator(_unit)]
    versions: tuple[Mapping, ...]


@dataclass(frozen=True)
class _WrittenVersion:
    """A version but for its value, whose type is its fact's."""

    effective_from: Day
    known_from: Day
    document: Text
    clause: Text
    issuer: Text
    source: Text
    retrieved: Annotated[str, BeforeValidator(_retrieved)]
    confidence: Annotated[Confidence, code_of(Confidence)]
    value: Any
    effective_to: Day | None = None
    note: TextOrNothing = ""
    gap_before: Any = None
    corrects: Any = None


_FACTS: Schema[tuple[Any, ...]] = Schema(tuple[Mapping, ...])
_FACT: Schema[_WrittenFact] = Schema(_WrittenFact)
_VERSION: Schema[_WrittenVersion] = Schema(_WrittenVersion)


def read_raw_facts(content: MarkedMap) -> Iterator[MarkedMap]:
    """The facts of one file as written, before their values are typed."""
    yield from _FACTS.part(content, "facts")


def read_dated(entry: MarkedMap, options: MarkedMap, reader: FactReader[T], unit: Unit | None) -> Dated[T]:
    """Types the values of a fact and checks its versions.

    options  The file, for the choices at its top.
    reader   Of the fact's values.
    unit     The one that its values must be in.
    Raises FactFileError with the line of the first thing that is wrong.
    """
    fact = _FACT.whole(entry)
    if fact.unit is not unit:
        raise entry.error("unit", f"{fact.fact_id} is in {unit or 'none'}, not in {entry['unit']}")
    if not fact.versions:
        raise entry.error("versions", f"{fact.fact_id} has no version")
    versions: list[Version[T]] = []
    for written in fact.versions:
        checked = _VERSION.whole(written)
        version = Version(
            value=reader.read(written, options, unit),
            citation=Citation(
                document=checked.document,
                clause=checked.clause,
                issuer=checked.issuer,
                source=checked.source,
                retrieved=checked.retrieved,
                confidence=checked.confidence,
                note=checked.note,
            ),
            effective_from=checked.effective_from,
            effective_to=checked.effective_to,
            known_from=checked.known_from,
            line=written.line,
        )
        _check_order(fact.fact_id, versions[-1] if versions else None, version, written)
        versions.append(version)
    _check_tail(fact.fact_id, versions, fact.versions[-1])
    return Dated(fact.fact_id, fact.title_zh, fact.title_en, unit, entry.path, tuple(versions))


def _check_tail(fact_id: str, versions: Sequence[Version[Any]], written: MarkedMap) -> None:
    """Refuses a last correction that ends before what it corrects: nobody would know what holds after it."""
    last = versions[-1]
    corrected = [version for version in versions[:-1] if version.effective_from == last.effective_from]
    if last.effective_to is not None and any(
        version.effective_to is None or version.effective_to > last.effective_to for version in corrected
    ):
        raise written.error(
            "effective_to",
            f"{fact_id}: the correction ends on {last.effective_to}, before the version that it corrects",
            "Add the version that holds from the day after, or leave effective_to out.",
        )


def _check_order(
    fact_id: str, before: Version[Any] | None, version: Version[Any], written: MarkedMap
) -> None:
    """Refuses a version that ends before it begins, overlaps the one before, or leaves days out without
    saying so.
    """
    if version.effective_to is not None and version.effective_to < version.effective_from:
        raise written.error(
            "effective_to",
            f"{fact_id} ends on {version.effective_to} before it begins on {version.effective_from}",
        )
    if before is None:
        return
    if version.effective_from == before.effective_from:
        if written.get("corrects") is not True or version.known_from <= before.known_from:
            raise written.error(
                "effective_from",
                f"{fact_id} has two versions from {version.effective_from}: an overlap",
                "A later correction of the same days needs corrects: true and a later known_from.",
            )
        return
    if version.effective_from < before.effective_from:
        raise written.error(
            "effective_from", f"{fact_id}: versions must stand in the order of effective_from"
        )
    if before.effective_to is not None:
        if before.effective_to >= version.effective_from:
            raise written.error(
                "effective_from",
                (
                    f"{fact_id}: the version from {version.effective_from} overlaps the one that ends on "
                    f"{before.effective_to}"
                ),
            )
        if before.effective_to + timedelta(days=1) != version.effective_from and not written.get(
            "gap_before"
        ):
            raise written.error(
                "effective_from",
                (
                    f"{fact_id}: no version covers the days between {before.effective_to} and "
                    f"{version.effective_from}"
                ),
                "Add the missing version, or say why there is none in gap_before.",
            )
