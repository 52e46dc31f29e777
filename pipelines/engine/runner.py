"""read -> apply -> conform -> gate -> write -> record; and nothing at all where nothing changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import pyarrow as pa
import structlog
from deltalake.exceptions import DeltaError

from pipelines.engine.declared_inputs import DeclaredSettings, declared_facts
from pipelines.engine.fingerprint import CodeDigests, fingerprint, own_code
from pipelines.engine.ledger import DoneStep, Ledger, ReuseKey, StepRecord
from pipelines.engine.promotion import promotion_of
from pipelines.engine.rule_archive import rules_digest
from pipelines.engine.schedule import run_side_by_side
from pipelines.engine.step import (
    Frames,
    HaltedMonthError,
    Inputs,
    PreviousRun,
    Step,
    TrainStep,
    WriteMode,
    Written,
)
from pipelines.engine.write_results import ResultWriter, WrittenResults
from pipelines.errors import (
    DamagedPartError,
    GateHaltedError,
    TooLittleDataError,
    UnknownNameError,
    ZhixiangError,
)
from pipelines.facts import Facts
from pipelines.models.model import ModelBundle
from pipelines.models.registry import Registry
from pipelines.periods import BillingMonth
from pipelines.settings import Settings
from pipelines.storage.scan import all_there
from pipelines.storage.store import Store
from pipelines.storage.table_state import raise_for_files
from pipelines.tables.base import Table
from pipelines.timings import Timings, phase

_EVENTS = structlog.get_logger(__name__)


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
    code     Digests of the code that computes.
    timings  The clock that is told where the seconds go.
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
    code: CodeDigests = field(default_factory=own_code)
    timings: Timings = field(default_factory=Timings)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)
    _lacking: dict[str, str] = field(default_factory=dict)
    """Model -> why this run could not train it."""

    def __post_init__(self) -> None:
        digest = rules_digest(self.settings, self.facts)
        self._writer = ResultWriter(self.store, self.run_id, self.months, digest)

    def run(self, steps: Sequence[Step | TrainStep]) -> None:
        """Runs each step that has something to do, as ``run_side_by_side`` says; a failure is recorded."""
        run_side_by_side(steps, self._run_and_record, on_interrupt=self._cancel_jobs)
        if self.store.has_started_spark:
            self.store.spark.catalog.clearCache()

    def _cancel_jobs(self) -> None:
        # PySpark does it by itself only where the session was started in the main thread.
        if self.store.has_started_spark:
            self.store.spark.sparkContext.cancelAllJobs()

    def _run_and_record(self, step: Step | TrainStep) -> None:
        self.reporter.begin(step.name)
        with self.timings.part(step.name):
            record = self._run_one(step)
            with phase("commit"):
                self._record(record)
        with self._one_at_a_time:
            self.reporter.end(record)

    def _record(self, record: StepRecord) -> None:
        """Into the ledger, and as one event."""
        with self._one_at_a_time:
            self.ledger.record(self.run_id, record)
        tell = _EVENTS.error if record.status == "failed" else _EVENTS.info
        tell(
            "step",
            run_id=self.run_id,
            step=record.step,
            status=record.status,
            seconds=round(record.seconds, 3),
            rows=dict(record.rows_written),
            **({"error": record.gates["error"]} if record.status == "failed" else {}),
        )

    def _run_one(self, step: Step | TrainStep) -> StepRecord:
        began = time.monotonic()
        with phase("read"):
            read = self.store.versions(step.reads)
            bundles = self._bundles(step)
        with phase("fingerprint"):
            digest = self._fingerprint(step, read, bundles)
            newest = self.ledger.newest_done(step.name)
            done = newest if newest is not None and self._still_there(step, newest.versions_written) else None
        if done is not None and done.fingerprint == digest:
            return StepRecord(
                step.name,
                "unchanged",
                time.monotonic() - began,
                digest,
                read,
                done.versions_written,
                {},
                {},
            )
        if self._has_no_input(step):
            empty = self._empty_in_words(step)
            self._note_lacking(step, empty)
            note = {"note": empty}
            return StepRecord(step.name, "no input", time.monotonic() - began, "", read, {}, {}, note)
        if note := self._lacks_model(step, bundles):
            return StepRecord(step.name, "no model", time.monotonic() - began, "", read, {}, {}, note)
        with phase("fingerprint"):
            reuse_key = self._reuse_key(step, bundles) if _looks_back(step) else None
        previous = self._previous(step, done, reuse_key)
        inputs = self._inputs(step, read, bundles, previous)
        try:
            if done is not None and previous is not None and step.is_reached and not step.is_reached(inputs):
                # Its result is of that run: whatever came due since has not been looked at.
                began_then = done.reuse_key.began if done.reuse_key is not None else self.now
                reuse_key = None if reuse_key is None else replace(reuse_key, began=began_then)
                note = {"note": "nothing that changed reaches it"}
                lasted = time.monotonic() - began
                return StepRecord(
                    step.name, "unchanged", lasted, digest, read, done.versions_written, {}, note, reuse_key
                )
            written = (
                self._train(step, inputs)
                if isinstance(step, TrainStep)
                else self._writer.write(step, self._applied(step, inputs))
            )
        except TooLittleDataError as error:
            if not isinstance(step, TrainStep):
                raise
            self._note_lacking(step, str(error))
            note = {"note": str(error)}
            return StepRecord(step.name, "no model", time.monotonic() - began, digest, read, {}, {}, note)
        except Exception as error:
            found = {"error": str(error)[:2000]} | (
                {"failures": error.failures} if isinstance(error, GateHaltedError) else {}
            )
            self._record(
                StepRecord(step.name, "failed", time.monotonic() - began, digest, read, {}, {}, found)
            )
            if not isinstance(error, ZhixiangError):
                raise_for_files(self.store, [*step.reads, *getattr(step, "writes", ())], error)
            raise
        if reuse_key is not None:
            reuse_key = replace(
                reuse_key, coverage=written.coverage, table_ids=self._table_ids(_tables_of(step))
            )
        return StepRecord(
            step.name,
            "done",
            time.monotonic() - began,
            digest,
            read,
            written.versions,
            written.rows,
            written.gates,
            reuse_key,
        )

    def _note_lacking(self, step: Step | TrainStep, why: str) -> None:
        """Remembers why a model was not trained, for the step that needs it."""
        if isinstance(step, TrainStep):
            self._lacking[step.model] = why

    def _empty_in_words(self, step: Step | TrainStep) -> str:
        empty = [table.name for table in self._needed(step) if self.store.row_count(table) == 0]
        return f"Nothing was received for {', '.join(empty)}."

    def _lacks_model(self, step: Step | TrainStep, bundles: Mapping[str, ModelBundle]) -> dict[str, str]:
        """Which model a step has to do without that it cannot, and why; empty where there is none such."""
        needed = step.uses_models if isinstance(step, Step) else ()
        told = [
            f"{name}: {self._lacking.get(name, 'it was never trained; zhixiang run --from train does.')}"
            for name in needed
            if name not in bundles
        ]
        return {"note": " ".join(told)} if told else {}

    def would_revise(self, step: Step, tables: Collection[type[Table]]) -> Mapping[type[Table], pa.Table]:
        """What a product's step would issue now: new and changed rows with their next revision, of some of
        its tables. Nothing is written but beside the home, for as long as it takes.
        """
        read = self.store.versions(step.reads)
        bundles = self._bundles(step)
        if self._has_no_input(step) or self._lacks_model(step, bundles):
            return {}
        with TemporaryDirectory(prefix="zhixiang-") as folder:

            def location(table: type[Table]) -> str:
                is_written = table in step.writes
                return str(Path(folder) / table.name) if is_written else self.store.path(table)

            inputs = replace(self._inputs(step, read, bundles), location=location)
            try:
                return self._writer.revised(step, step.apply(inputs), location, tables)
            except HaltedMonthError as halted:
                raise halted.error from None

    def _applied(self, step: Step, inputs: Inputs) -> Mapping[type[Table], Written]:
        """What a step computes; of a month of which nothing may be issued, its accounts are written first."""
        try:
            return step.apply(inputs)
        except HaltedMonthError as halted:
            self._writer.write_accounts(step, halted)
            raise halted.error from None

    def _bundles(self, step: Step | TrainStep) -> dict[str, ModelBundle]:
        """The champions that there are of the models that a step names."""
        names = step.named_models if isinstance(step, Step) else ()
        found = {name: self.registry.champion_or_none(name) for name in names}
        return {name: bundle for name, bundle in found.items() if bundle is not None}

    def _has_no_input(self, step: Step | TrainStep) -> bool:
        """A product whose own records were never delivered (no payments, no declarations) is left out, not
        failed.
        """
        return any(self.store.row_count(table) == 0 for table in self._needed(step))

    def _needed(self, step: Step | TrainStep) -> list[type[Table]]:
        """Tables without whose rows a step has nothing to do."""
        if isinstance(step, TrainStep):
            return [table for table in step.reads if table not in step.may_be_empty]
        return [*step.reads[:1]] if step.named_models else []

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
        months = [str(month) for month in self.months]
        return fingerprint(step, read, bundles, months, self.settings, self.facts, self.code)

    def _reuse_key(self, step: Step | TrainStep, bundles: Mapping[str, ModelBundle]) -> ReuseKey:
        """What a later run must find unchanged to leave alone what its sources' changes do not affect."""
        return ReuseKey(self._fingerprint(step, {}, bundles), self.now, self._table_ids(_tables_of(step)))

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
        for table in set(_tables_of(step)):
            try:
                paths[table] = (
                    self.store.data_paths(table, versions[table.name]) if versions[table.name] >= 0 else []
                )
            except (DeltaError, DamagedPartError):
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
            settings=DeclaredSettings(self.settings, step),
            facts=declared_facts(self.facts, step),
            months=self.months,
            bundles=bundles,
            versions=read,
            run_id=self.run_id,
            session=lambda: self.store.spark,
            now=self.now,
            location=self.store.path,
            files=files,
            current=self._writer.current,
            previous=previous,
            standing=self.store.data_paths,
            rules_digest=self._writer.rules_digest,
        )

    def _train(self, step: TrainStep, inputs: Inputs) -> WrittenResults:
        model = step.train(inputs)
        if model.name != step.model:
            raise UnknownNameError("model", model.name, [step.model])
        champion = self.registry.champion_or_none(model.name)
        challenge = step.challenge
        rule = None if challenge is None else lambda new, old: challenge(new, old, inputs)
        promotion = promotion_of(model, champion, rule)
        kept = champion.version if champion is not None else ""
        if promotion.is_new:
            with phase("write"):
                version = self.registry.log(model, self.run_id)
                if promotion.is_champion:
                    kept = self.registry.promote(model, version, promotion.reason).version
        found = {
            "rules": [f"promotion: {promotion.reason}"],
            "failures": [],
            "metrics": dict(model.metrics),
        }
        return WrittenResults({model.name: kept}, {}, {model.name: found})


def _looks_back(step: Step | TrainStep) -> bool:
    """Whether a step is told of its newest run."""
    return step.is_reached is not None or (isinstance(step, Step) and step.by_affected)


def _tables_of(step: Step | TrainStep) -> list[type[Table]]:
    return [*step.reads, *(step.writes if isinstance(step, Step) else ())]
