"""What registers of the rates give: gaps in the steel works' real curve, estimated alone, with the total, and
with the total and the rates.

``python -m benchmarks.rate_registers`` prints a Markdown table. The registers are cumulated from the curve by
the hours of the time-of-use schedule in
force and cut off at 0.01 kWh, so that the truth of each interval and each rate is known.
"""

from __future__ import annotations

import csv
import sys
from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa

from pipelines.arrays import BoolArray, FloatArray
from pipelines.facts import load_facts
from pipelines.formats import FormatSettings
from pipelines.periods import EPOCH
from pipelines.settings import load_settings, packaged
from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.tables.silver import SilverCustomers, SilverMeterPoints
from pipelines.transforms.curves.curve_reconciliation import REGISTER_SCHEMA, Registers
from pipelines.transforms.curves.day_curves import refine_curves
from pipelines.transforms.registers.rate_clock import RateClock, rate_clock
from pipelines.vee.settings import VeeSettings

SEEDS, HOURS, EVERY_DAYS = 4, (2, 8, 24), 9
POINT, CUSTOMER, CHANNEL, STEP_KWH = "MP-STEEL-0001", "STEEL-0001", "active_forward", 0.01
RATES = 4


class Works:
    """The steel works' active curve, its registers and what estimation needs of its surroundings."""

    def __init__(self) -> None:
        settings = load_settings(packaged("conf"))
        facts, formats = load_facts(settings.facts_dir), settings.section(FormatSettings)
        self.vee = settings.section(VeeSettings)
        energy: dict[date, list[float]] = {}
        for path in sorted((packaged("samples") / "steel").glob("E_MP_POWER_CURVE_*.csv")):
            with path.open(encoding="utf-8", newline="") as lines:
                for row in csv.DictReader(lines):
                    points = [row[f"P{point}"] for point in range(1, 97)]
                    if row["DATA_TYPE"] == "1" and all(points):
                        energy[date.fromisoformat(row["DATA_DATE"])] = [
                            float(point) * 250 for point in points
                        ]
        self.days = sorted(energy)
        self.true: FloatArray = np.array([energy[day] for day in self.days])
        self.types = {day: str(facts.holidays.day_type(day)) for day in self.days}
        points = _rows(
            SilverMeterPoints.arrow_schema(),
            valid_from_date=self.days[0],
            multiplier_ratio=1.0,
            meter_point_id=POINT,
        )
        terms = _rows(
            SilverCustomers.arrow_schema(), valid_from_date=self.days[0], customer_class_code="large_industry"
        )
        self.points = points
        steps, slots = self.vee.registers.rate_sum_tolerance_steps, facts.time_of_use.slot_matrix
        self.clock = rate_clock(formats.rate_periods, formats.rate_stand_ins, steps, slots, points, terms)
        numbers = np.array([(day - EPOCH).days for day in self.days])
        self.rate = self.clock.rates_of(
            pa.array([POINT] * numbers.size), numbers, 15, np.ones((numbers.size, RATES), np.bool_)
        )
        by_rate = np.stack(
            [np.where(self.rate == rate, self.true, 0.0).sum(axis=1) for rate in range(RATES)], axis=1
        )
        total, rates = _between_reads(self.true.sum(axis=1)[:, None])[:, 0], _between_reads(by_rate)
        reads = [
            {
                "meter_point_id": POINT,
                "channel_code": CHANNEL,
                "energy_date": day,
                "span_days": 1,
                "energy_kwh_or_kvarh": _exact(total[place]),
                "rate_energy_kwh_or_kvarh": [_exact(value) for value in rates[place]],
                "resolution_kwh_or_kvarh": _exact(STEP_KWH),
            }
            for place, day in enumerate(self.days)
        ]
        self.reads = pa.Table.from_pylist(reads, REGISTER_SCHEMA)

    def estimated(self, holes: BoolArray, with_registers: bool, clock: RateClock | None) -> FloatArray:
        """(days x 96) final values where the curve came without its holes. [kWh]"""
        lists = [
            [None if hole else float(value) for hole, value in zip(*day, strict=True)]
            for day in zip(holes, self.true, strict=True)
        ]
        rows = [
            {
                "content_hash": "c",
                "line_number": place + 2,
                "meter_point_id": POINT,
                "channel_code": CHANNEL,
                "curve_date": day,
                "interval_minutes": 15,
                "measure_code": "energy",
                "values_unscaled": lists[place],
                "curve_month": f"{day:%Y-%m}",
            }
            for place, day in enumerate(self.days)
        ]
        months = sorted({f"{day:%Y-%m}" for day in self.days})
        registers = Registers(lambda _names: self.reads, {}, clock=clock) if with_registers else None
        bronze = pa.Table.from_pylist(rows, BronzeLoadCurves.arrow_schema())
        curves = refine_curves(
            bronze, self.points, self.types, self.vee, months, date(2200, 1, 1), registers=registers
        ).curves
        return np.array(curves["final_kwh_or_kvarh"].to_pylist(), dtype=np.float64)


def _rows(schema: pa.Schema, **values: object) -> pa.Table:
    texts = {field.name: "-" for field in schema if pa.types.is_string(field.type)}
    row = {field.name: None for field in schema} | texts | {"customer_id": CUSTOMER} | values
    return pa.Table.from_pylist([row], schema)


def _between_reads(energy: FloatArray) -> FloatArray:
    """Differences of registers that show whole steps alone. (days x registers)"""
    register = np.floor(np.vstack((np.zeros((1, energy.shape[1])), energy)).cumsum(axis=0) / STEP_KWH + 1e-6)
    return np.asarray(np.diff(register, axis=0) * STEP_KWH)


def _exact(value: float) -> Decimal:
    return Decimal(f"{value:.2f}")


def main() -> None:
    """Prints the table."""
    works = Works()
    ways = {"curve alone": (False, None), "total": (True, None), "total and rates": (True, works.clock)}
    lines = [
        (
            "| Gap [h] | Known | Mean absolute error of an interval [kWh] | Errors of the four rates, share "
            "of the day's energy |"
        ),
        "|---:|---|---:|---:|",
    ]
    for hours in HOURS:
        errors: dict[str, list[float]] = {way: [] for way in ways}
        moved: dict[str, list[float]] = {way: [] for way in ways}
        for seed in range(SEEDS):
            rng = np.random.default_rng(seed * 100 + hours)
            holes = np.zeros(works.true.shape, dtype=np.bool_)
            for place in range(20 + seed, len(works.days) - 10, EVERY_DAYS):
                begin = place * 96 + (int(rng.integers(0, 96)) if hours < 24 else 0)
                holes.reshape(-1)[begin : begin + hours * 4] = True
            affected = np.flatnonzero(holes.any(axis=1))
            for way, (with_registers, clock) in ways.items():
                off = works.estimated(holes, with_registers, clock) - works.true
                errors[way].append(float(np.abs(off[holes]).mean()))
                wrong = sum(
                    np.abs(np.where(works.rate == rate, off, 0.0).sum(axis=1)) for rate in range(RATES)
                )
                moved[way].append(float((wrong / works.true.sum(axis=1))[affected].mean()))
        lines += [
            f"| {hours} | {way} | {np.mean(errors[way]):.2f} | {np.mean(moved[way]):.2%} |" for way in ways
        ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
