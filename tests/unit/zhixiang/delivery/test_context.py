"""Which files of the delivery before stand, and which are made again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from pipelines.periods import BillingMonth
from zhixiang.delivery.context import Delivery, origin_of

AUGUST, SEPTEMBER = BillingMonth.parse("2026-08"), BillingMonth.parse("2026-09")
FILES = ["bills/x.html", "bills/x.pdf"]
ROWS, OTHER_ROWS = origin_of({"total": 1}), origin_of({"total": 2})
NOTHING = cast("Any", None)
BEFORE = Delivery(
    NOTHING,
    NOTHING,
    NOTHING,
    NOTHING,
    (AUGUST, SEPTEMBER),
    Path("out"),
    "run",
    asked=(SEPTEMBER,),
    sound=frozenset(FILES),
    origins={"bills/x": ROWS},
    revisions={"bills/x": 1},
    set_alike=(AUGUST, SEPTEMBER),
)


@pytest.mark.parametrize("month", [AUGUST, SEPTEMBER])
def test_files_of_the_same_rows_stand_asked_for_or_not(month: BillingMonth) -> None:
    assert BEFORE.stands(month, FILES, ("bills/x", ROWS), 1)
    assert not BEFORE.stands(month, FILES, ("bills/x", OTHER_ROWS), 1)
    assert not BEFORE.stands(month, FILES, ("bills/new", ROWS), 1)
    assert not BEFORE.stands(month, [*FILES, "bills/x.png"], ("bills/x", ROWS), 1), "one of them is gone"


@pytest.mark.parametrize(
    "delivery",
    [
        replace(BEFORE, set_alike=(AUGUST,)),
        replace(BEFORE, revisions={"bills/x": 2}),
        replace(BEFORE, asked=None),
    ],
)
def test_what_is_asked_for_is_made_again_where_it_may_come_out_otherwise(delivery: Delivery) -> None:
    assert not delivery.stands(SEPTEMBER, FILES, ("bills/x", ROWS), 1)


def test_pages_that_an_earlier_version_set_are_made_again_once_their_month_is_asked_for() -> None:
    """August was made by an earlier version; September, delivered since, let its pages stand."""
    delivery = replace(BEFORE, asked=(AUGUST,), set_alike=(SEPTEMBER,))
    assert not delivery.stands(AUGUST, FILES, ("bills/x", ROWS), 1)
    assert delivery.stands(SEPTEMBER, FILES, ("bills/x", ROWS), 1)


def test_what_does_not_say_of_what_it_is_made_is_made_again_for_the_month_asked_for() -> None:
    assert not BEFORE.stands(SEPTEMBER, FILES)
    assert BEFORE.stands(AUGUST, FILES)
