"""Provenance columns name each kind once, in the order of the list."""

from __future__ import annotations

from pipelines.codes import Provenance
from products.provenance import joined_provenance, provenances


def test_kinds_stand_once_and_in_the_order_of_the_list() -> None:
    written = "+".join(kind.value for kind in reversed(Provenance))
    assert provenances(written) == tuple(Provenance)
    assert joined_provenance([written, Provenance.REAL.value, None, ""]) == "+".join(Provenance)


def test_unknown_and_empty_names_are_left_out() -> None:
    assert provenances("heard+real+") == (Provenance.REAL,)
    assert provenances(None) == ()
