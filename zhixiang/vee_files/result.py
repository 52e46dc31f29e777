"""What a run of zhixiang vee found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from pipelines.tables.estimation import ERRORS_SCHEMA
from pipelines.tables.findings import FINDINGS_SCHEMA
from zhixiang.pages.quality_rows import ErrorLimit


@dataclass
class VeeResult:
    """What became of the files.

    files       One row per file: name, status (accepted, duplicate_content, refused, halted), format,
                records, rejects, reason, warnings: the rules that rejected records follow.
    curves      silver_day_curves without the run.
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
    curves: pa.Table = field(default_factory=lambda: pa.table({}))
    registers: pa.Table = field(default_factory=lambda: pa.table({}))
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

    @property
    def exit_code(self) -> int:
        """4 where a file was halted for too many bad records, 3 where one was refused, else 0."""
        states = {row["status"] for row in self.files}
        return 4 if "halted" in states else 3 if "refused" in states else 0
