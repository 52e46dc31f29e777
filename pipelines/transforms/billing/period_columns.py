"""The columns of a row that hold its energy by time-of-use period, and back."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TypedDict

from pipelines.codes import TouPeriod


class PeriodColumns(TypedDict):
    """Energy by period as rows of gold_billing_determinants and gold_billing_segments hold it. [kWh]"""

    sharp_kwh: Decimal | None
    peak_kwh: Decimal | None
    flat_kwh: Decimal | None
    valley_kwh: Decimal | None
    deep_valley_kwh: Decimal | None


def periods_of(row: PeriodColumns) -> dict[TouPeriod, Decimal | None]:
    """The energy of a row by period, in the order of the periods. [kWh]"""
    return {
        TouPeriod.SHARP: row["sharp_kwh"],
        TouPeriod.PEAK: row["peak_kwh"],
        TouPeriod.FLAT: row["flat_kwh"],
        TouPeriod.VALLEY: row["valley_kwh"],
        TouPeriod.DEEP_VALLEY: row["deep_valley_kwh"],
    }


def known_periods(row: PeriodColumns) -> dict[TouPeriod, Decimal] | None:
    """As ``periods_of``; None where one of them is not known."""
    known = {period: energy for period, energy in periods_of(row).items() if energy is not None}
    return known if len(known) == len(TouPeriod) else None


def period_columns(split: Sequence[Decimal] | None) -> PeriodColumns:
    """Columns of energies in the order of the periods; all empty without any. [kWh]"""
    values: Sequence[Decimal | None] = split or [None] * len(TouPeriod)
    sharp, peak, flat, valley, deep_valley = values
    return {
        "sharp_kwh": sharp,
        "peak_kwh": peak,
        "flat_kwh": flat,
        "valley_kwh": valley,
        "deep_valley_kwh": deep_valley,
    }
