"""Colours of all codes together: nothing of few shops, not by difference either."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.publication import PublicationSettings
from pipelines.settings import Settings, packaged
from zhixiang.delivery.codes import all_colours

LIMITS = Settings(packaged("conf"), packaged("conf")).section(PublicationSettings)


def mall(name: str, shops: int, month: str = "2026-09") -> list[Any]:
    return [
        {
            "tenant_id": f"{name}{shop}",
            "supplier_customer_id": name,
            "billing_month": month,
            "colour_code": "red",
        }
        for shop in range(shops)
    ]


def listed(rows: list[Any], *shown: str) -> list[dict[str, Any]]:
    pairs = sorted({(row["billing_month"], row["supplier_customer_id"]) for row in rows})
    return [
        {"month": month, "supplier": name, "counts": {"red": 1} if name in shown else None}
        for month, name in pairs
    ]


@pytest.mark.parametrize(
    ("rows", "shown", "red"),
    [
        (mall("A", 20), ("A",), 20),
        (mall("A", 12) + mall("B", 12), (), 24),
        (mall("A", 12), (), None),
        (mall("A", 20) + mall("B", 12), ("A",), None),
        (mall("A", 12) + mall("A", 12, "2026-08"), (), None),
    ],
    ids=["told apart", "24 of two malls", "the only mall", "the rest is one mall", "the same shops twice"],
)
def test_all_less_those_told_apart_are_enough_shops(
    rows: list[Any], shown: tuple[str, ...], red: int | None
) -> None:
    found = all_colours(rows, listed(rows, *shown), LIMITS)
    assert (None if found is None else found["red"]) == red
