"""Hours of the rates, and a site whose registers and intervals follow them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from pipelines.facts import load_facts
from pipelines.facts.time_of_use import TimeOfUse
from pipelines.formats import FormatSettings
from pipelines.settings import packaged
from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.tables.silver import SilverCustomers, SilverMeterPoints, SilverRegisterEnergy
from pipelines.transforms.curves.curve_reconciliation import REGISTER_SCHEMA, Registers
from pipelines.transforms.curves.day_curves import refine_curves
from pipelines.transforms.registers.rate_clock import RateClock, rate_clock
from pipelines.vee.estimation.rate_reconciliation import NO_RATE
from pipelines.vee.settings import VeeSettings

SETTINGS = VeeSettings.model_validate(
    yaml.safe_load((packaged("conf") / "vee.yaml").read_text(encoding="utf-8"))
)
FORMATS = FormatSettings.model_validate(
    yaml.safe_load((packaged("conf") / "formats.yaml").read_text(encoding="utf-8"))
)
SHARP, PEAK, FLAT, VALLEY, DEEP = range(5)
FIRST = date(2026, 6, 1)


# Hours of 浙发改价格〔2024〕21号 (to 2026-06-30, months 2-6) and 〔2026〕112号 (from 2026-07-01, months 7 and
# 8), by hand.
JUNE = {PEAK: [(8, 11), (13, 17)], FLAT: [(17, 24)], VALLEY: [(0, 8), (11, 13)]}
JULY = {
    SHARP: [(18, 22)],
    PEAK: [(16, 18), (22, 23)],
    FLAT: [(7, 11), (14, 16), (23, 24)],
    VALLEY: [(0, 7), (11, 14)],
}


@cache
def time_of_use() -> TimeOfUse:
    return load_facts(packaged("conf") / "facts").time_of_use


def hourly(hours: Mapping[int, Sequence[tuple[int, int]]]) -> list[int]:
    """Rate of each hour of a day."""
    rate = [NO_RATE] * 24
    for number, spans in hours.items():
        for begin, end in spans:
            rate[begin:end] = [number] * (end - begin)
    assert NO_RATE not in rate
    return rate


def points(customer: str | None = "C-1") -> pa.Table:
    row = dict.fromkeys(SilverMeterPoints.columns()) | {
        "meter_point_id": "MP-1",
        "valid_from_date": date(2016, 1, 1),
        "customer_id": customer,
        "meter_id": "M",
        "multiplier_ratio": 1.0,
        "provenance": "simulated",
        "computed_run_id": "r",
    }
    return pa.Table.from_pylist([row], SilverMeterPoints.arrow_schema())


def clock(
    terms: Sequence[tuple[date, str | None]] = ((date(2016, 1, 1), "large_industry"),),
    slots: Any = None,
    customer: str | None = "C-1",
) -> RateClock:
    names = {
        "customer_id": pa.string(),
        "valid_from_date": pa.date32(),
        "customer_class_code": pa.string(),
        "is_ev_charging": pa.bool_(),
    }
    rows = [dict(zip(names, ("C-1", day, code, None), strict=True)) for day, code in terms]
    customers = pa.Table.from_pylist(rows, pa.schema(list(names.items())))
    assert set(names) <= set(SilverCustomers.columns())
    steps = SETTINGS.registers.rate_sum_tolerance_steps
    return rate_clock(
        FORMATS.rate_periods,
        FORMATS.rate_stand_ins,
        steps,
        slots or time_of_use().slot_matrix,
        points(customer),
        customers,
    )


DAYS = 40  # to 2026-07-10
CHANGE = (date(2026, 7, 1) - FIRST).days
HOLE = CHANGE + 3


def day(offset: int) -> date:
    return FIRST + timedelta(days=offset)


def hours_of(offset: int) -> list[int]:
    return hourly(JUNE if offset < CHANGE else JULY)


def true_kw(offset: int, slots: int) -> np.ndarray:
    """Mean power of each interval: much alike from day to day. [kW]"""
    return (20.0 + 0.1 * (offset % 5)) + 8.0 * np.sin(np.linspace(0, 2 * np.pi, slots, endpoint=False))


class Site:
    """Forty days of one meter with registers of the rates that follow the hours, and two gaps whose truth is
    unlike other days.

    holes  Day -> hours without values.
    odd    Hour of a holed day -> factor on its true power, which the registers counted.
    """

    def __init__(
        self,
        minutes: int = 15,
        holes: Mapping[int, Sequence[int]] | None = None,
        odd: Mapping[int, float] | None = None,
    ) -> None:
        self.minutes, self.slots, self.per_hour = minutes, 1440 // minutes, 60 // minutes
        self.holes = {HOLE: (2, 3, 19, 20)} if holes is None else holes
        self.true = []
        for offset in range(DAYS):
            energy = true_kw(offset, self.slots) * minutes / 60
            for hour, factor in (odd or {2: 0.5, 3: 0.5, 19: 1.6, 20: 1.6}).items():
                if offset in self.holes:
                    energy[hour * self.per_hour : (hour + 1) * self.per_hour] *= factor
            self.true.append(energy)

    def empty(self, offset: int) -> np.ndarray:
        return np.isin(np.arange(self.slots) // self.per_hour, self.holes.get(offset, ()))

    def of_rate(self, offset: int, rate: int) -> np.ndarray:
        return np.repeat(np.array(hours_of(offset)) == rate, self.per_hour)

    def reads(
        self,
        spans: Sequence[tuple[int, int]] | None = None,
        change: Mapping[int, Sequence[str]] | None = None,
        rates: int = 5,
    ) -> pa.Table:
        """(first day, last day) of each read; the steps are of 0.01 kWh. ``change`` replaces the rates of a
        read that ends on a day.
        """
        rows = []
        for first, last in spans or [(offset, offset) for offset in range(DAYS)]:
            energy = [
                sum(self.true[at][self.of_rate(at, rate)].sum() for at in range(first, last + 1))
                for rate in range(rates)
            ]
            cut = [Decimal(int(value * 100)) / 100 for value in energy]
            total = Decimal(int(sum(energy) * 100)) / 100
            told = [Decimal(value) for value in change[last]] if change and last in change else cut
            rows.append(
                {
                    "meter_point_id": "MP-1",
                    "channel_code": "active_forward",
                    "energy_date": day(last),
                    "span_days": last - first + 1,
                    "end_register_unscaled": Decimal(0),
                    "multiplier_ratio": 1.0,
                    "energy_kwh_or_kvarh": total,
                    "rate_energy_kwh_or_kvarh": told,
                    "resolution_kwh_or_kvarh": Decimal("0.01"),
                    "register_rule_code": "normal",
                    "energy_month": f"{day(last):%Y-%m}",
                }
            )
        schema = pa.schema(
            [
                SilverRegisterEnergy.arrow_schema().field(name)
                for name in SilverRegisterEnergy.business_columns()
            ]
        )
        return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema)

    def refine(self, reads: pa.Table, given: RateClock | None) -> pa.Table:
        rows = [
            dict.fromkeys(BronzeLoadCurves.columns())
            | {
                "content_hash": "c",
                "line_number": offset + 2,
                "meter_point_id": "MP-1",
                "channel_code": "active_forward",
                "curve_date": day(offset),
                "interval_minutes": self.minutes,
                "measure_code": "energy",
                "values_unscaled": [
                    None if hole else float(value)
                    for hole, value in zip(self.empty(offset), self.true[offset], strict=True)
                ],
                "curve_month": f"{day(offset):%Y-%m}",
            }
            for offset in range(DAYS)
        ]
        registers = Registers(lambda _names: reads.select(REGISTER_SCHEMA.names), {}, clock=given)
        bronze = pa.Table.from_pylist(rows, BronzeLoadCurves.arrow_schema())
        types = {day(offset): "working_day" for offset in range(DAYS)}
        return refine_curves(
            bronze, points(), types, SETTINGS, ["2026-06", "2026-07"], date(2026, 9, 1), registers=registers
        ).curves

    def final(self, curves: pa.Table, offset: int) -> np.ndarray:
        return np.array(curves["final_kwh_or_kvarh"].to_pylist()[offset], dtype=float)

    def assert_measured_stay(self, curves: pa.Table) -> None:
        for offset in range(DAYS):
            kept = ~self.empty(offset)
            np.testing.assert_array_equal(self.final(curves, offset)[kept], self.true[offset][kept])
