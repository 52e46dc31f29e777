"""read -> apply -> conform -> gate -> write -> record; and nothing at all where nothing changed."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd
from deltalake.exceptions import DeltaError

from pipelines.engine import gate as quality
from pipelines.engine.ledger import DoneStep, Ledger, ReuseKey, StepRecord
from pipelines.engine.revisions import append_revisions, with_revisions
from pipelines.engine.step import (
    Coverage,
    Frames,
    Inputs,
    PreviousRun,
    Step,
    TrainStep,
    WorkerFiles,
    WriteMode,
    Written,
)
from pipelines.errors import GateHaltedError, UnknownNameError
from pipelines.facts import Facts
from pipelines.models.model import ModelBundle
from pipelines.models.registry import Registry
from pipelines.periods import BillingMonth
from pipelines.settings import Settings
from pipelines.storage.data_files import commit_files, discard_files
from pipelines.storage.scan import all_there
from pipelines.storage.store import Store, conform_frame
from pipelines.storage.unchanged_rows import same_content
from pipelines.tables.base import Role, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Small writes wait on the driver, not on the cores.
WRITERS, SIDE_BY_SIDE = 4, 3
RUN_ID_COLUMNS = ("run_id", "computed_run_id")


class Reporter(Protocol):
    """Who is told of progress; the command line draws it."""

    def begin(self, step: str) -> None:
        """A step begins."""

    def end(self, record: StepRecord) -> None:
        """A step has ended."""


@dataclass
class Runner:
    """Runs steps in the order given.

    months   Billing months that the products are asked for.
    now      The instant at which the run began.
    """

    settings: Settings
    facts: Facts
    store: Store
    registry: Registry
    ledger: Ledger
    reporter: Reporter
    run_id: str
    months: Sequence[BillingMonth]
    now: datetime
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def run(self, steps: Sequence[Step | TrainStep]) -> None:
        """Runs each step that has something to do; steps that do not need each other run side by side,
        because most of a small step is
        waiting for the driver. The first error ends the run after the steps beside it, and is recorded.
        """
        waiting = list(steps)
        running: dict[Future[None], Step | TrainStep] = {}
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            while waiting or running:
                held = [*running.values()]
                for step in list(waiting):
                    if not any(
                        _needs(step, earlier)
                        for earlier in (*held, *steps[: steps.index(step)])
                        if earlier in waiting or earlier in held
                    ):
                        running[pool.submit(self._run_and_record, step)] = step
                waiting = [step for step in waiting if step not in running.values()]
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    del running[future]
                    future.result()
        self.store.spark.catalog.clearCache()

    def _run_and_record(self, step: Step | TrainStep) -> None:
        self.reporter.begin(step.name)
        record = self._run_one(step)
        with self._one_at_a_time:
            self.ledger.record(self.run_id, record)
            self.reporter.end(record)

    def _run_one(self, step: Step | TrainStep) -> StepRecord:
        began = time.monotonic()
        read = self.store.versions(step.reads)
        if self._has_no_input(step):
            return StepRecord(step.name, "no input", time.monotonic() - began, "", read, {}, {}, {})
        bundles = self._bundles(step)
        fingerprint = self._fingerprint(step, read, bundles)
        newest = self.ledger.newest_done(step.name)
        done = newest if newest is not None and self._still_there(step, newest.versions_written) else None
        if done is not None and done.fingerprint == fingerprint:
            return StepRecord(
                step.name,
                "unchanged",
                time.monotonic() - began,
                fingerprint,
                read,
                done.versions_written,
                {},
                {},
            )
        reuse_key = self._reuse_key(step) if isinstance(step, Step) and step.by_affected else None
        inputs = self._inputs(step, read, bundles, self._previous(step, done, reuse_key))
        coverage: Coverage | None = None
        try:
            if isinstance(step, TrainStep):
                written, rows, gates = self._train(step, inputs)
            else:
                written, rows, gates, coverage = self._apply(step, inputs)
        except Exception as error:
            found = {"error": str(error)[:2000]} | (
                {"failures": error.failures} if isinstance(error, GateHaltedError) else {}
            )
            with self._one_at_a_time:
                self.ledger.record(
                    self.run_id,
                    StepRecord(
                        step.name, "failed", time.monotonic() - began, fingerprint, read, {}, {}, found
                    ),
                )
            raise
        if reuse_key is not None and isinstance(step, Step):
            reuse_key = replace(
                reuse_key, coverage=coverage, table_ids=self._table_ids([*step.reads, *step.writes])
            )
        return StepRecord(
            step.name, "done", time.monotonic() - began, fingerprint, read, written, rows, gates, reuse_key
        )

    def would_revise(self, step: Step) -> dict[type[Table], DataFrame]:
        """What a product's step would issue now: new and changed rows with their next revision. Nothing is
        written.
        """
        read = self.store.versions(step.reads)
        if self._has_no_input(step):
            return {}
        return self._revised(step, step.apply(self._inputs(step, read, self._bundles(step))))

    def _bundles(self, step: Step | TrainStep) -> dict[str, ModelBundle]:
        return (
            {name: self.registry.champion(name) for name in step.uses_models}
            if isinstance(step, Step)
            else {}
        )

    def _revised(self, step: Step, results: Mapping[type[Table], Written]) -> dict[type[Table], DataFrame]:
        """What is new or changed among the results that a step issues; empty for a step that issues nothing."""
        issued = {table: frame for table, frame in results.items() if step.writes[table] is WriteMode.REVISE}
        return with_revisions(self.store, _frames(issued), self.run_id) if issued else {}

    def _has_no_input(self, step: Step | TrainStep) -> bool:
        """A product whose own records were never delivered (no payments, no declarations) is left out, not
        failed.
        """
        if isinstance(step, Step) and not step.uses_models:
            return False
        return any(
            self.store.row_count(table) == 0
            for table in (step.reads if isinstance(step, TrainStep) else step.reads[:1])
        )

    def _still_there(self, step: Step | TrainStep, done: Mapping[str, Any]) -> bool:
        """Whether what the step wrote last is what stands there now; shared tables are judged by their
        existence alone.
        """
        if isinstance(step, TrainStep):
            bundle = self.registry.champion_or_none(step.model)
            return bundle is not None and bundle.version == done.get(step.model)
        own = [table for table, mode in step.writes.items() if mode is not WriteMode.REPLACE_OWN]
        return all(self.store.version(table) == done.get(table.name) for table in own)

    def _fingerprint(
        self, step: Step | TrainStep, read: Mapping[str, int], bundles: Mapping[str, ModelBundle]
    ) -> str:
        months = [str(month) for month in self.months] if isinstance(step, Step) and step.by_month else []
        parts = {
            "step": step.name,
            "read": dict(read),
            "models": {name: bundle.digest for name, bundle in bundles.items()},
            "months": months,
            "settings": self.settings.digest,
            "facts": self.facts.digest,
            "code": self._code_digest,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @cached_property
    def _code_digest(self) -> str:
        """SHA-256 over the code that computes: another version computes anew."""
        root = Path(__file__).resolve().parent.parent
        digest = hashlib.sha256()
        for package in ("pipelines", "products"):
            for path in sorted((root / package).rglob("*.py")):
                digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()

    def _reuse_key(self, step: Step) -> ReuseKey:
        """What a later run must find unchanged to leave alone what its sources' changes do not touch."""
        return ReuseKey(
            self._fingerprint(step, {}, {}), self.now, self._table_ids([*step.reads, *step.writes])
        )

    def _table_ids(self, tables: Sequence[type[Table]]) -> dict[str, str]:
        found = {table.name: self.store.delta(table) for table in tables}
        return {name: str(delta.metadata().id) for name, delta in found.items() if delta is not None}

    def _previous(
        self, step: Step | TrainStep, done: DoneStep | None, reuse_key: ReuseKey | None
    ) -> PreviousRun | None:
        """The newest run, where nothing but versions has changed since and the files that it read or wrote
        are all there still.
        """
        if (
            done is None
            or reuse_key is None
            or done.reuse_key is None
            or done.reuse_key.digest != reuse_key.digest
        ):
            return None
        if any(reuse_key.table_ids.get(name) != kept for name, kept in done.reuse_key.table_ids.items()):
            return None
        versions = {**done.versions_written, **done.versions_read}
        paths: dict[type[Table], list[str]] = {}
        for table in {*step.reads, *(step.writes if isinstance(step, Step) else ())}:
            try:
                paths[table] = (
                    self.store.data_paths(table, versions[table.name]) if versions[table.name] >= 0 else []
                )
            except DeltaError:
                return None
            if not all_there(paths[table]):
                return None
        return PreviousRun(versions, done.reuse_key.began, lambda table: paths[table])

    def _inputs(
        self,
        step: Step | TrainStep,
        read: Mapping[str, int],
        bundles: Mapping[str, ModelBundle],
        previous: PreviousRun | None = None,
    ) -> Inputs:
        def files(table: type[Table]) -> Sequence[str]:
            version = read[table.name]
            return self.store.data_files(table, version) if version >= 0 else []

        return Inputs(
            frames=Frames(
                step.reads,
                lambda table: self.store.frame(
                    table, version if (version := read[table.name]) >= 0 else None
                ),
            ),
            settings=self.settings,
            facts=self.facts,
            months=self.months,
            bundles=bundles,
            versions=read,
            run_id=self.run_id,
            spark=self.store.spark,
            now=self.now,
            location=self.store.path,
            files=files,
            current=self._current,
            previous=previous,
        )

    def _current(self, table: type[Table]) -> Sequence[str]:
        """Data files of a table as it stands; none where it was written under another declaration, whose rows
        cannot be compared.
        """
        found = self.store.delta(table)
        same = found is not None and {field.name for field in found.schema().fields} == set(table.columns())
        return self.store.data_files(table) if same else []

    def _train(
        self, step: TrainStep, inputs: Inputs
    ) -> tuple[dict[str, Any], dict[str, int], dict[str, Any]]:
        model = step.train(inputs)
        if model.name != step.model:
            raise UnknownNameError("model", model.name, [step.model])
        champion = self.registry.champion_or_none(model.name)
        promoted, reason = (True, "the first version; there is no champion to compare with")
        if champion is not None and step.challenge is not None:
            promoted, reason = step.challenge(model, champion, inputs)
        elif champion is not None:
            reason = "fitted anew because its inputs changed"
        version = self.registry.log(model, self.run_id)
        kept = (
            self.registry.promote(model, version, reason).version
            if promoted
            else (champion.version if champion else version)
        )
        return (
            {model.name: kept},
            {},
            {model.name: {"rules": [f"promotion: {reason}"], "failures": [], "metrics": dict(model.metrics)}},
        )

    def _apply(
        self, step: Step, inputs: Inputs
    ) -> tuple[dict[str, Any], dict[str, int], dict[str, Any], Coverage | None]:
        results = step.apply(inputs)
        if set(results) != set(step.writes):
            raise UnknownNameError(
                "result of step " + step.name,
                ", ".join(table.name for table in set(results) ^ set(step.writes)),
                [],
            )
        versions: dict[str, Any] = {}
        rows: dict[str, int] = {}
        gates: dict[str, Any] = {}
        fresh = self._revised(step, results)
        if fresh:
            with ThreadPoolExecutor(WRITERS) as pool:
                found = dict(
                    zip(fresh, pool.map(lambda table: quality.gate(fresh[table], table), fresh), strict=True)
                )
            gates |= {table.name: result.to_json() for table, result in found.items()}
            rows |= {table.name: result.rows for table, result in found.items()}
            versions |= append_revisions(self.store, fresh, rows, self.run_id)
        own = [
            table
            for table in results
            if table not in fresh and step.writes[table] is not WriteMode.REPLACE_OWN
        ]
        shared = [table for table in results if step.writes[table] is WriteMode.REPLACE_OWN]
        # Shared tables last: they are the step's account of what it did with its own.
        for group in (own, shared):
            with ThreadPoolExecutor(WRITERS) as pool:
                for table, written in zip(
                    group,
                    pool.map(lambda table: self._write(step, table, results[table]), group),
                    strict=True,
                ):
                    versions[table.name], rows[table.name], gates[table.name] = written
        counted = [
            result.coverage
            for result in results.values()
            if isinstance(result, WorkerFiles) and result.coverage is not None
        ]
        return versions, rows, gates, counted[0] if counted else None

    def _write(self, step: Step, table: type[Table], result: Written) -> tuple[int, int, Any]:
        mode = step.writes[table]
        if isinstance(result, WorkerFiles):
            return self._commit(step, table, result)
        whole = conform_frame(self._with_run_columns(result, table), table).persist()
        frame, found = quality.admit(whole, table, self.settings.home / "held", self.run_id)
        if mode is WriteMode.REPLACE_OWN:
            with self._one_at_a_time:
                version = self.store.replace_where(frame, table, "stage", step.name, note=self.run_id)
        elif (
            mode is WriteMode.REPLACE
            and self._current(table)
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
        rules = [quality.Rule("between", (name,), minimum=0, maximum=0) for name in sorted(result.violations)]
        counted = pd.DataFrame({name: [count] for name, count in result.violations.items()})
        try:
            found = quality.check(counted, table.name, rules)
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


def _needs(step: Step | TrainStep, earlier: Step | TrainStep) -> bool:
    """Whether a step reads or rewrites what an earlier one writes."""
    if isinstance(earlier, TrainStep):
        return isinstance(step, Step) and earlier.model in step.uses_models
    own = {table for table, mode in earlier.writes.items() if mode is not WriteMode.REPLACE_OWN}
    written = set(step.writes) if isinstance(step, Step) else set()
    return bool(own & (set(step.reads) | written))


def _frames(results: Mapping[type[Table], Written]) -> dict[type[Table], DataFrame]:
    return {table: frame for table, frame in results.items() if not isinstance(frame, WorkerFiles)}
