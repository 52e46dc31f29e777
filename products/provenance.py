"""How a provenance column says several kinds of truth at once: their codes joined by ``+``."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.codes import Provenance

DEMO_MARKS = frozenset((Provenance.DATES_SHIFTED, Provenance.SIMULATED))
"""Kinds that no utility's own records are of."""


def provenances(text: str | None) -> tuple[Provenance, ...]:
    """The kinds joined by ``+`` in a provenance column, in the order of the list; unknown ones are left
    out.
    """
    named = set((text or "").split("+"))
    return tuple(kind for kind in Provenance if kind.value in named)


def joined_provenance(texts: Iterable[str | None]) -> str:
    """Every kind that provenance columns name, once, as one such text."""
    return "+".join(kind.value for kind in provenances("+".join(filter(None, texts))))


def with_provenances(own: str, others: Iterable[str | None]) -> str:
    """A provenance column and what stands behind the row beside it; where that adds no kind, the column as
    it is written.
    """
    joined = joined_provenance([own, *others])
    return own if provenances(own) == provenances(joined) else joined


def is_demo_material(text: str | None) -> bool:
    """Whether what a provenance column tells of was made for a demo."""
    return bool(DEMO_MARKS & set(provenances(text)))
