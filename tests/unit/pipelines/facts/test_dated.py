"""What was in force on a day, and what was known of it by then."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from pipelines.codes import Confidence
from pipelines.errors import FactNotInForceError
from pipelines.facts import Citation, Dated, Version

CITED = Citation("notice", "1", "issuer", "source", "not recorded", Confidence.OFFICIAL)


def version(value: str, begin: str, end: str | None = None, known: str | None = None) -> Version[str]:
    return Version(
        value,
        CITED,
        date.fromisoformat(begin),
        date.fromisoformat(end) if end else None,
        date.fromisoformat(known or begin),
        1,
    )


def dated(*versions: Version[str]) -> Dated[str]:
    return Dated("price", "价格", "price", None, "prices.yaml", versions)


def test_the_day_before_the_first_version_is_not_covered_and_the_first_day_is() -> None:
    price = dated(version("a", "2026-08-01"))
    with pytest.raises(FactNotInForceError) as raised:
        price.on(date(2026, 7, 31))
    assert (raised.value.fact_id, raised.value.on, raised.value.path, raised.value.exit_code) == (
        "price",
        date(2026, 7, 31),
        "prices.yaml",
        5,
    )
    assert raised.value.covers == "from 2026-08-01 on"
    assert price.on(date(2026, 8, 1)) == "a"


def test_a_version_holds_until_the_day_before_the_next() -> None:
    price = dated(version("a", "2024-03-01"), version("b", "2026-07-01"))
    assert [price.on(day) for day in (date(2026, 6, 30), date(2026, 7, 1))] == ["a", "b"]


def test_the_last_day_that_a_document_sets_is_covered_and_the_next_is_not() -> None:
    price = dated(version("a", "2024-03-01", "2024-12-31"))
    assert price.on(date(2024, 12, 31)) == "a"
    with pytest.raises(FactNotInForceError, match="from 2024-03-01 to 2024-12-31"):
        price.on(date(2025, 1, 1))


def test_who_does_not_know_of_the_next_notice_still_holds_the_earlier_one() -> None:
    price = dated(version("a", "2024-03-01"), version("b", "2026-07-01", known="2026-06-10"))
    assert price.on(date(2026, 8, 1), known=date(2026, 6, 9)) == "a"
    assert price.on(date(2026, 8, 1), known=date(2026, 6, 10)) == "b"


def test_before_anything_was_known_nothing_is_in_force() -> None:
    price = dated(version("a", "2024-03-01", known="2024-02-01"))
    with pytest.raises(FactNotInForceError, match="no day as known on 2024-01-31"):
        price.on(date(2024, 3, 1), known=date(2024, 1, 31))


def test_a_later_correction_replaces_the_same_days_only_for_those_who_know_it() -> None:
    price = dated(version("wrong", "2026-08-01"), version("right", "2026-08-01", known="2026-09-20"))
    day = date(2026, 8, 15)
    assert price.on(day) == "right"
    assert price.on(day, known=date(2026, 9, 19)) == "wrong"
    assert price.on(day, known=date(2026, 9, 19) + timedelta(days=1)) == "right"
    assert price.covers() == "from 2026-08-01 on"


def test_a_fact_without_any_version_is_not_in_force_and_names_its_file() -> None:
    """The composition of the energy price, before an operator has loaded any month."""
    with pytest.raises(FactNotInForceError) as caught:
        Dated("price", "价", "price", None, "prices.csv", ()).on(date(2026, 9, 1))
    assert (caught.value.path, caught.value.line) == ("prices.csv", None)
