"""Curves and reads of some meter points, refined, judged and held to what was received."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa

from pipelines.errors import GateHaltedError
from pipelines.periods import months_through
from pipelines.tables.findings import FINDINGS_SCHEMA
from pipelines.transforms.curves.curve_reconciliation import Registers
from pipelines.transforms.curves.day_curves import CurveOutcome, refine_curves
from pipelines.transforms.curves.measured_proof import (
    measured_not_as_received,
    measured_not_final,
    received_not_in_silver,
)
from pipelines.transforms.days.day_findings import judge_days
from pipelines.transforms.registers.register_reads import refine_read_rows
from pipelines.vee import VeeSettings


@dataclass(frozen=True)
class JudgedPart:
    """What some meter points give."""

    curves: pa.Table
    registers: pa.Table
    findings: pa.Table
    days: pa.Table
    quarantines: list[pa.Table]
    changed: int


@dataclass(frozen=True)
class Judged:
    """What validation and estimation of every meter point is given."""

    present_char: str
    vee: VeeSettings
    points: pa.Table
    day_types: Mapping[date, str]
    clock: Any
    outages: Any
    today: date
    months: set[str]

    def part(self, curves: pa.Table, reads: pa.Table) -> JudgedPart:
        """Curves and reads of some meter points as received, refined and judged."""
        registers = refine_read_rows(reads, self.points, self.vee, self.today)
        outcome = refine_curves(
            curves,
            self.points,
            self.day_types,
            self.vee,
            months_through(self.months),
            self.today,
            self.present_char,
            Registers(lambda _names: registers.energy, {}, clock=self.clock),
            self.outages,
        )
        changed = _gated(curves, outcome, self.points, self.present_char)
        days, on_days = judge_days(
            registers.energy, outcome.curves, self.points, self.day_types, self.vee, self.clock
        )
        findings = pa.concat_tables([registers.findings.cast(FINDINGS_SCHEMA), on_days])
        return JudgedPart(
            outcome.curves,
            registers.energy,
            findings.sort_by([(name, "ascending") for name in FINDINGS_SCHEMA.names[:4]]),
            days,
            [registers.quarantine, outcome.quarantine],
            changed,
        )


def _gated(bronze: pa.Table, outcome: CurveOutcome, points: pa.Table, present_char: str) -> int:
    """How many measured values are not what was received, are lost or have another final value; more than
    none halts, as in the chain.
    """
    counts = {
        "measured values differ from what was received": measured_not_as_received(
            bronze, outcome.curves, points
        ),
        "received values are lost": received_not_in_silver(
            bronze, outcome.curves, outcome.quarantine, present_char
        ),
        "measured values have another final value": measured_not_final(outcome.curves),
    }
    if any(counts.values()):
        raise GateHaltedError("intervals", [f"{count} {what}" for what, count in counts.items() if count])
    return sum(counts.values())
