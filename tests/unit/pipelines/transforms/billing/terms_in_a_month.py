"""Terms and prices that change inside September."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.facts import Facts
from tests.supplies import METER

D = Decimal
ELEVENTH, SIXTEENTH = date(2026, 9, 11), date(2026, 9, 16)


def energy_lines(
    section: str, day: int, peak: str, flat: str, valley: str, amounts: list[str], third: str = "transmission"
) -> list[tuple[Any, ...]]:
    parts = [("peak", D(peak)), ("flat", D(flat)), ("valley", D(valley))]
    names = [(component, *part) for component in ("energy_base", third, "funds") for part in parts]
    return [(section, day, *name, D(amount)) for name, amount in zip(names, amounts, strict=True)]


SHARE: dict[str, Any] = {
    "share_id": "S",
    "valid_from_date": date(2026, 1, 1),
    "main_meter_point_id": "M",
    "section_name": "dormitory",
    "customer_class_code": "residential",
    "voltage_level_code": "1_to_20kv",
    "is_time_of_use": False,
    "is_combined_meter": True,
    "provenance": "simulated",
}
SUB = METER | {"meter_point_id": "SUB", "customer_id": None, "parent_meter_point_id": "M"}


def funds_from_the_sixteenth(facts: Facts) -> Facts:
    """Funds of 0.03 CNY/kWh from 2026-09-16, known in time."""
    published = facts.funds.versions[-1]
    later = dataclasses.replace(published, value=D("0.03"), effective_from=SIXTEENTH, known_from=SIXTEENTH)
    return dataclasses.replace(
        facts, funds=dataclasses.replace(facts.funds, versions=(*facts.funds.versions, later))
    )
