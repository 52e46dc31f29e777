"""Reading one file of ``conf/facts/``: every version cited, in order, without overlap or silent gap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from pipelines.codes import Confidence
from pipelines.facts.dated import NOT_RECORDED, Citation, Dated, Version
from pipelines.facts.marked_yaml import MarkedList, MarkedMap
from pipelines.facts.prices import HIGHEST_PRICE
from pipelines.units import Unit

T = TypeVar("T")
_UNITS = {unit.value: unit for unit in Unit}
_OTHER_UNITS = ("_kwh", "_persons")
_FACT_KEYS = ("fact_id", "title_zh", "title_en", "unit", "versions")
_VERSION_KEYS = (
    "effective_from",
    "effective_to",
    "known_from",
    "document",
    "clause",
    "issuer",
    "source",
    "retrieved",
    "confidence",
    "note",
    "gap_before",
    "corrects",
    "value",
)


def read_raw_facts(content: MarkedMap) -> Iterator[MarkedMap]:
    """The facts of one file as written, before their values are typed."""
    entries = content.listing("facts")
    for index, entry in enumerate(entries):
        if not isinstance(entry, MarkedMap):
            raise entries.error(index, "a fact must be a mapping")
        yield entry


def read_dated(entry: MarkedMap, options: MarkedMap, parse: Callable[[MarkedMap, MarkedMap], T]) -> Dated[T]:
    """Types the values of a fact and checks its versions.

    options  The file, for the choices at its top.
    parse    From the version's mapping (the value stands under ``value``) and the options to the typed value.
    Raises FactFileError with the line of the first thing that is wrong.
    """
    entry.allow_only(_FACT_KEYS)
    fact_id, unit = entry.text("fact_id"), _unit(entry)
    versions: list[Version[T]] = []
    listing = entry.listing("versions")
    if not listing:
        raise entry.error("versions", f"{fact_id} has no version")
    for index, written in enumerate(listing):
        if not isinstance(written, MarkedMap):
            raise listing.error(index, "a version must be a mapping")
        written.allow_only(_VERSION_KEYS)
        written.require("value")
        if unit is not None and unit.value.startswith("CNY"):
            _refuse_wrong_price(written, "value", unit)
        version = Version(
            value=parse(written, options),
            citation=_citation(written),
            effective_from=written.day("effective_from"),
            effective_to=written.day("effective_to") if written.get("effective_to") is not None else None,
            known_from=written.day("known_from"),
            line=written.line,
        )
        _check_order(fact_id, versions[-1] if versions else None, version, written)
        versions.append(version)
    _check_tail(fact_id, versions, listing[-1])
    return Dated(fact_id, entry.text("title_zh"), entry.text("title_en"), unit, entry.path, tuple(versions))


def _unit(entry: MarkedMap) -> Unit | None:
    text = entry.text("unit")
    if text == "none":
        return None
    if text not in _UNITS:
        raise entry.error(
            "unit", f"the unit {text!r} is not known", f"Known: {', '.join(sorted(_UNITS))}, none."
        )
    return _UNITS[text]


def _citation(written: MarkedMap) -> Citation:
    confidence = written.text("confidence")
    if confidence not in set(Confidence):
        raise written.error(
            "confidence", f"the confidence {confidence!r} is not known", f"Known: {', '.join(Confidence)}."
        )
    retrieved = written.require("retrieved")
    if not isinstance(retrieved, date) and retrieved != NOT_RECORDED:
        raise written.error(
            "retrieved", f"retrieved must be a day YYYY-MM-DD or {NOT_RECORDED!r}, not {retrieved!r}"
        )
    return Citation(
        document=written.text("document"),
        clause=written.text("clause"),
        issuer=written.text("issuer"),
        source=written.text("source"),
        retrieved=str(retrieved),
        confidence=Confidence(confidence),
        note=written.text("note") if written.get("note") else "",
    )


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
                f"{fact_id}: the version from {version.effective_from} overlaps the one that ends on {before.effective_to}",
            )
        if before.effective_to + timedelta(days=1) != version.effective_from and not written.get(
            "gap_before"
        ):
            raise written.error(
                "effective_from",
                f"{fact_id}: no version covers the days between {before.effective_to} and {version.effective_from}",
                "Add the missing version, or say why there is none in gap_before.",
            )


def _refuse_wrong_price(holder: MarkedMap | MarkedList, key: Any, unit: Unit) -> None:
    """Refuses a price below 0 or above the highest that can be meant; a key that ends in a unit of its own is
    none.
    """
    value, highest = holder[key], HIGHEST_PRICE[unit]
    if isinstance(value, MarkedMap):
        for inner in value:
            if not inner.endswith(_OTHER_UNITS):
                _refuse_wrong_price(value, inner, unit)
    elif isinstance(value, MarkedList):
        for index in range(len(value)):
            _refuse_wrong_price(value, index, unit)
    elif isinstance(value, Decimal) and value < 0:
        raise holder.error(key, f"a price must not be negative: {value}")
    elif isinstance(value, Decimal) and value > highest:
        raise holder.error(
            key,
            f"a price of {value} {unit} cannot be meant; the highest allowed is {highest}",
            "Is it written in another unit?",
        )
