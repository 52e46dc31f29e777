"""A simulated city: what is drawn of it before its files are written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pipelines.periods import BillingMonth
from zhixiang.simulation.city_health import Health, Payments
from zhixiang.simulation.city_load import Metering


@dataclass(frozen=True)
class City:
    """All of a city before it is written: one row per enterprise in each array."""

    customer_ids: list[str]
    months: tuple[BillingMonth, ...]
    days: tuple[date, ...]
    health: Health
    metering: Metering
    payments: Payments
