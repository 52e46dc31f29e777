"""What errors say, and the exit code that they end with."""

from __future__ import annotations

from datetime import date

from pipelines.errors import (
    FactNotInForceError,
)


def test_a_fact_out_of_force_ends_with_five_and_says_what_is_covered() -> None:
    error = FactNotInForceError("transmission", date(2026, 7, 1), "2026-08-01 onward", "transmission.yaml")
    assert error.exit_code == 5
    assert "transmission" in str(error)
    assert "2026-07-01" in str(error)
    assert "2026-08-01 onward" in str(error)
