"""Provenance columns name each kind once, in the order of the list."""

from __future__ import annotations

from pipelines.codes import Provenance
from products.provenance import joined_provenance, provenances, with_provenances


def test_kinds_stand_once_and_in_the_order_of_the_list() -> None:
    written = "+".join(kind.value for kind in reversed(Provenance))
    assert provenances(written) == tuple(Provenance)
    assert joined_provenance([written, Provenance.REAL.value, None, ""]) == "+".join(Provenance)


def test_unknown_and_empty_names_are_left_out() -> None:
    assert provenances("heard+real+") == (Provenance.REAL,)
    assert provenances(None) == ()


def test_what_stands_behind_a_row_adds_its_kinds_and_nothing_else_changes() -> None:
    assert with_provenances("real", ["simulated", "real+assumed"]) == "real+assumed+simulated"
    assert with_provenances("assumed+real", ["real", "assumed", None]) == "assumed+real"
    assert with_provenances("real", []) == "real"
