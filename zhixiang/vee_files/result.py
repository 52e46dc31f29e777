"""What a run of zhixiang vee found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.tables.base import STRING
from pipelines.tables.estimation import ERRORS_SCHEMA
from pipelines.tables.findings import FINDINGS_SCHEMA
from zhixiang.pages.quality_rows import ErrorLimit
from zhixiang.vee_files.spilled import Scratch, SpilledRows


@dataclass(frozen=True)
class Part:
    """What was found of some meter points: curves, energy of registers, findings."""

    curves: pa.Table
    registers: pa.Table
    findings: pa.Table


@dataclass
class VeeResult:
    """What became of the files.

    files       One row per file: name, status (accepted, duplicate_content, refused, halted), format,
                records, rejects, reason, warnings: the rules that rejected records follow.
    scratch     Where curves and registers wait, which are more than fit into memory together.
    findings    What checks of registers and of days of energy found.
    errors      silver_estimation_errors without the run: how far each method errs on gaps masked in these
                curves.
    error_limits  MAPE above which the error of what is chosen is flagged, by gap length.
    rejects     Records that could not be read or used: file, line, column, reason.
    superseded  Lines of long files that told another value than the line that stands; like ``rejects``, and
                listed after them.
    assumed     Meter points that no file describes; a multiplier of 1 was assumed for them.
    unknown     Meter points of whose rows in meter_points files none can be used: their multiplier is
                unknown, so what they sent is held back.
    changed     Measured values that are not as received, are lost or have another final value, as counted; a
                run with any is halted.
    holidays    Whether like-days follow the Chinese calendar of holidays or the week alone.
    remarks     What the reader should know of the whole: rejected records that follow a rule, files of tables
                that are not looked at, years without a calendar.
    """

    files: list[dict[str, Any]] = field(default_factory=list)
    scratch: Scratch = field(default_factory=Scratch)
    findings: pa.Table = field(default_factory=FINDINGS_SCHEMA.empty_table)
    errors: pa.Table = field(default_factory=ERRORS_SCHEMA.empty_table)
    error_limits: list[ErrorLimit] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    superseded: list[dict[str, Any]] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    changed: int = 0
    holidays: bool = False
    remarks: list[str] = field(default_factory=list)
    _curves: SpilledRows | None = None
    _registers: SpilledRows | None = None
    _groups: list[list[str]] = field(default_factory=list)

    def add(self, curves: pa.Table, registers: pa.Table, findings: pa.Table) -> None:
        """Takes in what some meter points gave; those added before come before them by name."""
        if self._curves is None or self._registers is None:
            self._curves = self.scratch.rows("curves", curves.schema)
            self._registers = self.scratch.rows("registers", registers.schema)
        self._curves.append(curves)
        self._registers.append(registers)
        columns = (table["meter_point_id"] for table in (curves, registers, findings))
        self._groups.append(sorted(set().union(*(pc.unique(column).to_pylist() for column in columns))))
        self.findings = pa.concat_tables([self.findings, findings])

    @property
    def curves(self) -> pa.Table:
        """silver_day_curves without the run, all of them."""
        return pa.table({}) if self._curves is None else self._curves.whole()

    @property
    def registers(self) -> pa.Table:
        """silver_register_energy without the run, all of it."""
        return pa.table({}) if self._registers is None else self._registers.whole()

    def parts(self) -> Iterator[Part]:
        """All that was found, some meter points at a time, in the order of their names."""
        if self._curves is None or self._registers is None:
            return
        for names in self._groups:
            wanted = pa.array(names, STRING)
            findings = self.findings.filter(pc.is_in(self.findings["meter_point_id"], value_set=wanted))
            yield Part(self._curves.rows_of(names), self._registers.rows_of(names), findings)

    @property
    def exit_code(self) -> int:
        """4 where a file was halted for too many bad records, 3 where one was refused, else 0."""
        states = {row["status"] for row in self.files}
        return 4 if "halted" in states else 3 if "refused" in states else 0
