"""conform -> gate -> write: how a step's results enter their tables."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.engine import gate
from pipelines.engine.revised_rows import append_rows, revised_rows
from pipelines.engine.revisions import append_revisions, with_revisions
from pipelines.engine.step import Coverage, HaltedMonthError, Step, WorkerFiles, WriteMode, Written
from pipelines.errors import GateHaltedError, UnknownNameError
from pipelines.periods import BillingMonth
from pipelines.storage.data_files import commit_files, discard_files, next_transaction
from pipelines.storage.replace_rows import replace_rows
from pipelines.storage.store import Store
from pipelines.tables.base import Role, Table, conform
from pipelines.timings import carried, phase, waiting

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Small writes wait on the driver, not on the cores.
WRITERS = 4
RUN_ID_COLUMNS = ("run_id", "computed_run_id")


@dataclass(frozen=True)
class WrittenResults:
    """What became of a step's results.

    versions  Table -> Delta version.
    rows      Table -> rows.
    gates     Table -> what the gate found.
    coverage  How much was computed; none where nobody counts.
    """

    versions: dict[str, Any]
    rows: dict[str, int]
    gates: dict[str, Any]
    coverage: Coverage | None = None


@dataclass(frozen=True)
class ResultWriter:
    """Writes the results of steps on behalf of one run; several threads may share it.

    months  Those that the run is asked for.
    """

    store: Store
    run_id: str
    months: Sequence[BillingMonth] = ()
    rules_digest: str = ""
    _shared_tables: threading.Lock = field(default_factory=threading.Lock)

    def write(self, step: Step, results: Mapping[type[Table], Written]) -> WrittenResults:
        """Each result of a step into its table; raises GateHaltedError before a table that breaks a
        constraint is written, and UnknownNameError where the results are not those that the step declares.
        """
        if set(results) != set(step.writes):
            raise UnknownNameError(
                "result of step " + step.name,
                ", ".join(table.name for table in set(results) ^ set(step.writes)),
                [],
            )
        issued = self._issue(step, results)
        versions, rows, gates = dict(issued.versions), dict(issued.rows), dict(issued.gates)
        own = [
            table for table in results if step.writes[table] not in (WriteMode.REVISE, WriteMode.REPLACE_OWN)
        ]
        shared = [table for table in results if step.writes[table] is WriteMode.REPLACE_OWN]
        # Shared tables last: they are the step's account of what it did with its own.
        for group in (own, shared):
            write = carried(lambda table: self._write(step, table, results[table]), "write")
            with waiting(), ThreadPoolExecutor(WRITERS) as pool:
                for table, written in zip(group, pool.map(write, group), strict=True):
                    versions[table.name], rows[table.name], gates[table.name] = written
        counted = [
            result.coverage
            for result in results.values()
            if isinstance(result, WorkerFiles) and result.coverage is not None
        ]
        return WrittenResults(versions, rows, gates, counted[0] if counted else None)

    def write_accounts(self, step: Step, halted: HaltedMonthError) -> dict[str, int]:
        """What is told of a month of which nothing may be issued; rows by table. Other months stay as they
        are.
        """
        of_month = replace(self, months=(halted.month,))
        return {
            table.name: of_month._write(step, table, frame)[1]
            for table, frame in halted.accounts.items()
            if step.writes[table] is WriteMode.REPLACE_MONTHS
        }

    def _issue(self, step: Step, results: Mapping[type[Table], Written]) -> WrittenResults:
        """What a step issues, judged as a whole before any of it is written."""
        fresh = self.revised(step, results)
        in_spark = {table: found for table, found in fresh.items() if not isinstance(found, pa.Table)}
        with phase("gate"):
            found = _judged(fresh, in_spark)
        counts = {table.name: result.rows for table, result in found.items()}
        versions: dict[str, int] = {}
        with phase("write"):
            if in_spark:
                versions = append_revisions(self.store, in_spark, counts, self.run_id)
            elif fresh:
                versions = append_rows(self.store, fresh, step.name)
        return WrittenResults(
            dict(versions), counts, {table.name: result.to_json() for table, result in found.items()}
        )

    def _write(self, step: Step, table: type[Table], result: Written) -> tuple[int, int, Any]:
        if isinstance(result, WorkerFiles):
            return self._commit(step, table, result)
        # Of Spark's frames only those that are issued in revisions are larger than the driver.
        with phase("compute"):
            found = result if isinstance(result, pa.Table) else result.toArrow()
        whole = conform(self._with_run_columns(found, table), table, is_judged=False)
        with phase("gate"):
            rows, verdict = gate.admit(whole, table, self.store.settings.home / "held", self.run_id)
        mode = step.writes[table]
        with phase("write"):
            if mode is WriteMode.REPLACE_OWN:
                with self._shared_tables:
                    version = replace_rows(self.store, table, rows, step.name, "stage", [step.name])
            elif mode is WriteMode.REPLACE_MONTHS:
                asked = [str(month) for month in self.months]
                version = replace_rows(self.store, table, rows, step.name, table.partition_column(), asked)
            else:
                version = replace_rows(self.store, table, rows, step.name)
        return version, self.store.row_count(table), verdict.to_json()

    def _with_run_columns(self, rows: pa.Table, table: type[Table]) -> pa.Table:
        """Fills the run columns that a step's function leaves out: the run's id, or nothing where only ingest
        knows.
        """
        for column in table.fields():
            if column.role is Role.RUN and column.name not in rows.column_names:
                run = self.run_id if column.name in RUN_ID_COLUMNS else None
                rows = rows.append_column(column.name, pa.array([run] * rows.num_rows, column.dtype))
        return rows

    def _commit(self, step: Step, table: type[Table], result: WorkerFiles) -> tuple[int, int, Any]:
        try:
            with phase("gate"):
                found = gate.gate_counts(result.violations, table.name)
        except GateHaltedError:
            discard_files(self.store.path(table), result.files)
            raise
        transaction = next_transaction(self.store.delta(table), step.name)
        version = commit_files(
            self.store, table, result.files, step.name, transaction, overwrite=True, kept=result.kept
        )
        rows = sum(file.rows for file in result.files) if result.kept is None else self.store.row_count(table)
        return version if version is not None else -1, rows, found.to_json()

    def revised(
        self, step: Step, results: Mapping[type[Table], Written]
    ) -> Mapping[type[Table], DataFrame | pa.Table]:
        """What is new or changed among the results that a step issues, all on Arrow or all in Spark, as they
        came; empty for a step that issues nothing.
        """
        issued = {table: found for table, found in results.items() if step.writes[table] is WriteMode.REVISE}
        if not issued:
            return {}
        if all(isinstance(found, pa.Table) for found in issued.values()):
            return revised_rows(self.store, issued, self.run_id, self.rules_digest)
        return with_revisions(self.store, _frames(issued), self.run_id, self.rules_digest)

    def current(self, table: type[Table]) -> Sequence[str]:
        """Data files of a table as it stands; none where it was written under another declaration, whose rows
        cannot be compared.
        """
        found = self.store.delta(table)
        same = found is not None and {field.name for field in found.schema().fields} == set(table.columns())
        return self.store.data_files(table) if same else []


def _judged(
    fresh: Mapping[type[Table], DataFrame | pa.Table], in_spark: Mapping[type[Table], DataFrame]
) -> dict[type[Table], gate.GateResult]:
    """What the gate finds in what is issued; frames of Spark are computed meanwhile, side by side."""
    if not in_spark:
        return {
            table: gate.check_rows(rows, table.name, gate.rules_of(table)) for table, rows in fresh.items()
        }
    with ThreadPoolExecutor(WRITERS) as pool:
        judged = pool.map(lambda table: gate.gate(in_spark[table], table), in_spark)
        return dict(zip(in_spark, judged, strict=True))


def _frames(results: Mapping[type[Table], Written]) -> dict[type[Table], DataFrame]:
    return {table: frame for table, frame in results.items() if not isinstance(frame, WorkerFiles)}
