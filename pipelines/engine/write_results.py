"""conform -> gate -> write: how a step's results enter their tables."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from pipelines.engine import gate
from pipelines.engine.issued_files import (
    Issued,
    IssuedFiles,
    commit_issued,
    discard_issued,
    issue_files,
    judge_issued,
    rows_of_issued,
)
from pipelines.engine.revisions import Bucket, Standing, revised_rows, split_result, subject_key
from pipelines.engine.step import Coverage, HaltedMonthError, Step, WorkerFiles, WriteMode, Written
from pipelines.errors import GateHaltedError, UnknownNameError
from pipelines.periods import BillingMonth
from pipelines.storage.data_files import commit_files, discard_files, next_transaction
from pipelines.storage.replace_rows import replace_rows
from pipelines.storage.store import Store
from pipelines.tables.base import Role, Table, conform
from pipelines.timings import carried, phase, waiting

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
        issued = self._issued_files(_issued_of(step, results))
        if not issued:
            return WrittenResults({}, {}, {})
        try:
            with phase("gate"):
                found = judge_issued(issued)
        except GateHaltedError:
            discard_issued(self.store.path, issued)
            raise
        with phase("write"):
            versions = commit_issued(self.store, issued, step.name)
        return WrittenResults(
            dict(versions),
            {table.name: files.rows for table, files in issued.items()},
            {table.name: result.to_json() for table, result in found.items()},
        )

    def _issued_files(self, results: Mapping[type[Table], Written]) -> Issued:
        """Files of what is new or changed: those that workers wrote, or written here."""
        written = {table: found for table, found in results.items() if isinstance(found, IssuedFiles)}
        if written or not results:
            return written
        rows = _rows_of(results)
        roots = {table: self.store.path(table) for table in rows}
        with phase("write"):
            return issue_files(rows, self._standing([*rows]), roots, self.run_id, self.rules_digest)

    def _standing(self, tables: Sequence[type[Table]]) -> Standing:
        """All that stands of a product's tables."""
        result, _ = split_result(tables)
        files = {table: self.store.data_paths(table) for table in tables}
        return Standing(files, Bucket(subject_key(result)[0]))

    def _write(self, step: Step, table: type[Table], result: Written) -> tuple[int, int, Any]:
        if isinstance(result, WorkerFiles):
            return self._commit(step, table, result)
        if isinstance(result, IssuedFiles):
            raise UnknownNameError("way to write revisions of", table.name, [])
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
        self,
        step: Step,
        results: Mapping[type[Table], Written],
        location: Callable[[type[Table]], str],
        tables: Collection[type[Table]],
    ) -> Mapping[type[Table], pa.Table]:
        """What is new or changed among the results that a step issues, rows of some tables; empty for a step
        that issues nothing.

        location  Where workers wrote their files.
        """
        issued = _issued_of(step, results)
        written = {table: found for table, found in issued.items() if isinstance(found, IssuedFiles)}
        if written:
            return {
                table: rows_of_issued(location, table, found)
                for table, found in written.items()
                if table in tables
            }
        rows = _rows_of(issued)
        return revised_rows(rows, self._standing([*rows]), self.run_id, self.rules_digest) if rows else {}

    def current(self, table: type[Table]) -> Sequence[str]:
        """Data files of a table as it stands; none where it was written under another declaration, whose rows
        cannot be compared.
        """
        found = self.store.delta(table)
        same = found is not None and {field.name for field in found.schema().fields} == set(table.columns())
        return self.store.data_files(table) if same else []


def _issued_of(step: Step, results: Mapping[type[Table], Written]) -> dict[type[Table], Written]:
    return {table: found for table, found in results.items() if step.writes[table] is WriteMode.REVISE}


def _rows_of(results: Mapping[type[Table], Written]) -> dict[type[Table], pa.Table]:
    """Rows that the driver holds."""
    with phase("compute"):
        return {
            table: found if isinstance(found, pa.Table) else found.toArrow()
            for table, found in results.items()
            if not isinstance(found, (WorkerFiles, IssuedFiles))
        }
