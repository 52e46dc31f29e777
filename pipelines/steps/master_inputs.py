"""What several steps read of master data and facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pyarrow as pa

from pipelines.engine.step import Inputs, StepSettings
from pipelines.facts import Facts
from pipelines.formats import FormatSettings
from pipelines.periods import local_day
from pipelines.storage.scan import read_columns, whole_table
from pipelines.tables.silver import (
    SilverCustomers,
    SilverMeterPoints,
)
from pipelines.transforms.registers.rate_clock import RateClock, rate_clock
from pipelines.vee.settings import VeeSettings


def rate_clock_of(inputs: Inputs, points: pa.Table) -> RateClock:
    """Which register of a meter with rates counts each interval, by the terms of the customer behind it."""
    columns = ["customer_id", "valid_from_date", "customer_class_code", "is_ev_charging"]
    terms = read_columns(inputs.paths(SilverCustomers), SilverCustomers, columns)
    return rate_clock_by(inputs.settings, inputs.facts, points, terms)


def rate_clock_by(settings: StepSettings, facts: Facts, points: pa.Table, terms: pa.Table) -> RateClock:
    """The same from rows at hand: silver_meter_points, and the terms of the customers behind them."""
    formats = settings.section(FormatSettings)
    slack = settings.section(VeeSettings).registers.rate_sum_tolerance_steps
    return rate_clock(
        formats.rate_periods, formats.rate_stand_ins, slack, facts.time_of_use.slot_matrix, points, terms
    )


def meter_points(inputs: Inputs) -> pa.Table:
    """silver_meter_points as the step reads it."""
    return whole_table(inputs.paths(SilverMeterPoints), SilverMeterPoints)


def seen_then(inputs: Inputs, points: pa.Table, today: date) -> tuple[pa.Table, date]:
    """Meter points and local day as the newest run of the step saw them; those of now where there is none."""
    if inputs.previous is None:
        return points, today
    found = whole_table(inputs.previous.paths(SilverMeterPoints), SilverMeterPoints)
    return found, local_day(inputs.previous.now)


def days_of(months: Sequence[str]) -> list[date]:
    """Days from the first of the months, rising, to the end of the last and a little beyond."""
    if not months:
        return []
    first, last = (
        date.fromisoformat(months[0] + "-01"),
        date.fromisoformat(months[-1] + "-01") + timedelta(days=31),
    )
    return [first + timedelta(days=offset) for offset in range((last - first).days)]
