"""What errors say, and the exit code that they end with."""

from __future__ import annotations

from datetime import date

from pipelines.errors import (
    EXIT_CODES,
    DisagreementError,
    FactNotInForceError,
    TamperedError,
    error_kinds,
)
from zhixiang.generated_docs import render_exit_codes


def test_a_fact_out_of_force_ends_with_five_and_says_what_is_covered() -> None:
    error = FactNotInForceError("transmission", date(2026, 7, 1), "2026-08-01 onward", "transmission.yaml")
    assert error.exit_code == 5
    assert "transmission" in str(error)
    assert "2026-07-01" in str(error)
    assert "2026-08-01 onward" in str(error)


def test_every_error_ends_with_a_code_that_is_explained() -> None:
    assert {kind.exit_code for kind in error_kinds()} <= set(EXIT_CODES)
    nobody_foresaw = [kind.__name__ for kind in error_kinds() if kind.exit_code == 1]
    assert nobody_foresaw == ["SchemaMismatchError"], "a mistake of the code, to be reported"
    page = render_exit_codes()
    for kind in error_kinds():
        assert f"`{kind.__name__}`" in page
    for code in EXIT_CODES:
        assert f"| {code} |" in page


def test_the_meanings_say_which_signatures_give_which_code() -> None:
    """A code or key gives 3, a delivery that is verified 4."""
    assert TamperedError.exit_code == 3
    assert DisagreementError.exit_code == 4
    assert "a signature does not hold" not in EXIT_CODES[3]
    assert "`zhixiang verify`" in EXIT_CODES[3]
    assert "a delivery is not as signed (`zhixiang verify`)" in EXIT_CODES[4]
