"""A fact and its versions: what was in force on a day, and what was known of it by then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from pipelines.codes import Confidence
from pipelines.errors import FactNotInForceError
from pipelines.units import Unit

T = TypeVar("T")
NOT_READ = "not read"
NOT_RECORDED = "not recorded"


@dataclass(frozen=True)
class Citation:
    """Where a version of a fact stands written, and how sure it is.

    document    Number of the notice or standard; ``none`` where the project made the figure itself.
    clause      Article or table, or ``not read``.
    issuer      Who set it.
    source      Where it was read.
    retrieved   When it was read, or ``not recorded``.
    confidence  How sure it is.
    note        What a reader must know; may be empty.
    """

    document: str
    clause: str
    issuer: str
    source: str
    retrieved: str
    confidence: Confidence
    note: str = ""


@dataclass(frozen=True)
class Version(Generic[T]):
    """One dated value of a fact.

    effective_from  First day in force.
    effective_to    Last day in force where the document sets one; else it holds until the next version
                    begins.
    known_from      Day from which it could be known.
    line            Line of the version in its file.
    """

    value: T
    citation: Citation
    effective_from: date
    effective_to: date | None
    known_from: date
    line: int


@dataclass(frozen=True)
class Dated(Generic[T]):
    """All versions of one fact, by first day in force and then by the day known.

    A later version ends an earlier one only for those who know of it: asked with ``known`` before the later
    notice
    was published, the earlier one still holds.
    """

    fact_id: str
    title_zh: str
    title_en: str
    unit: Unit | None
    file: str
    versions: tuple[Version[T], ...]

    def on(self, day: date, known: date | None = None) -> T:
        """The value in force on a local day; raises FactNotInForceError where no version covers it.

        known  Only versions known by this day count; none: all.
        """
        return self.version_on(day, known).value

    def version_on(self, day: date, known: date | None = None) -> Version[T]:
        """The version in force on a local day, with its citation."""
        chosen: Version[T] | None = None
        for version in self.versions:
            if version.effective_from <= day and (known is None or version.known_from <= known):
                chosen = version
        if chosen is None or (chosen.effective_to is not None and day > chosen.effective_to):
            raise FactNotInForceError(self.fact_id, day, self.covers(known), *self._place(day))
        return chosen

    def _place(self, day: date) -> tuple[str, int | None]:
        """File and line of the version nearest before a day, or of the first; no line where there is none."""
        if not self.versions:
            return self.file, None
        nearest = self.versions[0]
        for version in self.versions:
            if version.effective_from <= day:
                nearest = version
        # A published monthly price stands in a file of its own, which is its source.
        file = nearest.citation.source if nearest.citation.source.endswith(".csv") else self.file
        return file, nearest.line

    def covers(self, known: date | None = None) -> str:
        """The days covered, in words."""
        seen = [version for version in self.versions if known is None or version.known_from <= known]
        if not seen:
            return "no day" + (f" as known on {known.isoformat()}" if known else "")
        spans: list[str] = []
        for version, successor in zip(seen, [*seen[1:], None], strict=True):
            if successor is not None and successor.effective_from == version.effective_from:
                continue
            if version.effective_to is not None:
                end = f"to {version.effective_to.isoformat()}"
            elif successor is not None:
                end = f"until {successor.effective_from.isoformat()}"
            else:
                end = "on"
            spans.append(f"from {version.effective_from.isoformat()} {end}")
        return "; ".join(spans) + (f" as known on {known.isoformat()}" if known else "")
