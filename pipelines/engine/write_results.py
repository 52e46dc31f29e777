"""conform -> gate -> write: how a step's results enter their tables."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipelines.engine import gate
from pipelines.engine.revisions import append_revisions, with_revisions
from pipelines.engine.step import Coverage, Step, WorkerFiles, WriteMode, Written
from pipelines.errors import GateHaltedError, UnknownNameError
from pipelines.periods import BillingMonth
from pipelines.storage.data_files import commit_files, discard_files
from pipelines.storage.store import Store, conform_frame
from pipelines.storage.unchanged_rows import same_content
from pipelines.tables.base import Role, Table
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
        versions: dict[str, Any] = {}
        rows: dict[str, int] = {}
        gates: dict[str, Any] = {}
        fresh = self.revised(step, results)
        if fresh:
            with phase("gate"), ThreadPoolExecutor(WRITERS) as pool:
                found = dict(
                    zip(fresh, pool.map(lambda table: gate.gate(fresh[table], table), fresh), strict=True)
                )
            gates |= {table.name: result.to_json() for table, result in found.items()}
            rows |= {table.name: result.rows for table, result in found.items()}
            with phase("write"):
                versions |= append_revisions(self.store, fresh, rows, self.run_id)
        own = [
            table
            for table in results
            if table not in fresh and step.writes[table] is not WriteMode.REPLACE_OWN
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

    def _write(self, step: Step, table: type[Table], result: Written) -> tuple[int, int, Any]:
        mode = step.writes[table]
        if isinstance(result, WorkerFiles):
            return self._commit(step, table, result)
        whole = conform_frame(self._with_run_columns(result, table), table).persist()
        with phase("gate"):
            frame, found = gate.admit(whole, table, self.store.settings.home / "held", self.run_id)
        if mode is WriteMode.REPLACE_OWN:
            with self._shared_tables:
                version = self.store.replace_where(frame, table, "stage", [step.name], note=self.run_id)
        elif mode is WriteMode.REPLACE_MONTHS:
            version = self._replace_months(frame, table)
        elif (
            mode is WriteMode.REPLACE
            and self.current(table)
            and same_content(frame, self.store.frame(table), table)
        ):
            # What reads this table has nothing new to read.
            version = self.store.versions([table])[table.name]
        else:
            version = self.store.write(
                frame, table, by_partition=mode is WriteMode.REPLACE_PARTITIONS, note=self.run_id
            )
        whole.unpersist()
        return version, self.store.row_count(table), found.to_json()

    def _replace_months(self, frame: DataFrame, table: type[Table]) -> int:
        """The months asked for anew; nothing is written where they stand so already."""
        from pyspark.sql import functions as F

        month, asked = table.partition_column(), [str(each) for each in self.months]
        version = self.store.version(table)
        if version is not None and self.current(table):
            standing = self.store.frame(table).where(F.col(month).isin(asked))
            if same_content(frame, standing, table):
                return version
        return self.store.replace_where(frame, table, month, asked, note=self.run_id)

    def _with_run_columns(self, frame: DataFrame, table: type[Table]) -> DataFrame:
        """Fills the run columns that a step's function leaves out: the run's id, or nothing where only ingest
        knows.
        """
        from pyspark.sql import functions as F

        for column in table.fields():
            if column.role is Role.RUN and column.name not in frame.columns:
                frame = frame.withColumn(
                    column.name, F.lit(self.run_id if column.name in RUN_ID_COLUMNS else None)
                )
        return frame

    def _commit(self, step: Step, table: type[Table], result: WorkerFiles) -> tuple[int, int, Any]:
        rules = [gate.Rule("between", (name,), minimum=0, maximum=0) for name in sorted(result.violations)]
        counted = pd.DataFrame({name: [count] for name, count in result.violations.items()})
        try:
            with phase("gate"):
                found = gate.check(counted, table.name, rules)
        except GateHaltedError:
            discard_files(self.store.path(table), result.files)
            raise
        existing = self.store.delta(table)
        transaction = 1 + ((existing.transaction_version(step.name) or 0) if existing is not None else 0)
        version = commit_files(
            self.store, table, result.files, step.name, transaction, overwrite=True, kept=result.kept
        )
        rows = sum(file.rows for file in result.files) if result.kept is None else self.store.row_count(table)
        return version if version is not None else -1, rows, found.to_json()

    def revised(self, step: Step, results: Mapping[type[Table], Written]) -> dict[type[Table], DataFrame]:
        """What is new or changed among the results that a step issues; empty for a step that issues
        nothing.
        """
        issued = {table: frame for table, frame in results.items() if step.writes[table] is WriteMode.REVISE}
        if not issued:
            return {}
        return with_revisions(self.store, _frames(issued), self.run_id, self.rules_digest)

    def current(self, table: type[Table]) -> Sequence[str]:
        """Data files of a table as it stands; none where it was written under another declaration, whose rows
        cannot be compared.
        """
        found = self.store.delta(table)
        same = found is not None and {field.name for field in found.schema().fields} == set(table.columns())
        return self.store.data_files(table) if same else []


def _frames(results: Mapping[type[Table], Written]) -> dict[type[Table], DataFrame]:
    return {table: frame for table, frame in results.items() if not isinstance(frame, WorkerFiles)}
