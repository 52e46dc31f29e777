"""The whole chain: which steps there are, in which order, and how a run of them is carried out."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.engine.step import Step, TrainStep
from pipelines.errors import (
    DisagreementError,
    FactNotInForceError,
    UnknownNameError,
    UsageError,
    ZhixiangError,
)
from pipelines.periods import BillingMonth, utc_now
from pipelines.settings import Settings
from pipelines.tables.base import Table, all_tables, table_named
from pipelines.timings import OTHER, Timings, carried, phase
from products import every_product
from products.protocol import steps_of
from zhixiang.foreseen import foreseen

if TYPE_CHECKING:
    from pipelines.engine.runner import Reporter
    from pipelines.ingest.read_files import IngestSummary
    from pipelines.ingest.unknown_points import UnknownPoints
    from pipelines.storage.session.lazy import LazySession
    from pipelines.storage.store import Store

STOPPED = 130
"""Exit code of a run that was stopped by Ctrl-C."""
BEFORE_MONTHS = ("ingest", "silver", "gold")
START, BETWEEN = "start", "between steps"
"""Parts of a run that are no steps: what comes before the first, and what is looked up between them."""


_DECLARING = (
    "pipelines.tables.bronze",
    "pipelines.tables.edits",
    "pipelines.tables.estimation",
    "pipelines.tables.findings",
    "pipelines.tables.gold",
    "pipelines.tables.silver",
    "pipelines.tables.sufficiency",
    "pipelines.tables.supplies",
)


def all_stages() -> tuple[str, ...]:
    """The stages in order: what concerns all months, models, each product, delivery."""
    return (*BEFORE_MONTHS, *_of_months(), "deliver")


def _of_months() -> tuple[str, ...]:
    return ("train", *(product.name for product in every_product.PRODUCTS))


def declared_tables() -> tuple[type[Table], ...]:
    """Every table of the house; importing the modules that declare them is what makes them known."""
    for module in _DECLARING:
        import_module(module)
    of_products = {table for product in every_product.PRODUCTS for table in product.tables}
    # Tests declare small tables of their own; they are none of the house.
    return tuple(table for table in all_tables() if table.__module__ in _DECLARING or table in of_products)


def declared_table(name: str) -> type[Table]:
    """The table of that name; raises UnknownNameError with the nearest one."""
    declared_tables()
    return table_named(name)


def adopt_declarations(settings: Settings) -> dict[str, list[str]]:
    """Widens the tables of a home that an earlier version wrote; for everyone who writes to it. Returns the
    new columns by table.
    """
    from pipelines.storage.schema_evolution import adopt_declarations as adopt
    from pipelines.storage.store import Store

    return adopt(Store(settings), declared_tables())


def all_steps() -> list[Step | TrainStep]:
    """The pipelines' steps and each product's, in the order of the stages."""
    from pipelines.steps.every_step import PIPELINE_STEPS

    stages = all_stages()
    steps: list[Step | TrainStep] = [*PIPELINE_STEPS]
    for product in every_product.PRODUCTS:
        steps += steps_of(product)
    return sorted(steps, key=lambda step: stages.index(step.stage))


def chosen_stages(first: str | None, last: str | None) -> tuple[str, ...]:
    """The stages from one to another; raises UnknownNameError or UsageError."""
    stages = all_stages()
    for name in (first, last):
        if name is not None and name not in stages:
            raise UnknownNameError("stage", name, stages, "`zhixiang run --help` names them.", is_public=True)
    start, stop = stages.index(first or stages[0]), stages.index(last or stages[-1])
    if start > stop:
        raise UsageError(f"--from {first} comes after --to {last}.", f"The order is {' '.join(stages)}.")
    return stages[start : stop + 1]


@dataclass
class Outcome:
    """What a run did, for the command line to tell.

    unknown        Records held back for unknown meter points, by received table.
    unknown_limit  The share of a table above which they count in the exit code.
    refused        Results that the delivery refused, as it names them, with the reason; ``refused_bills``
                   tells them.
    halted         The fact for want of which no bill of a month was issued.
    timings        Where the seconds went, from when it was made.
    """

    run_id: str = ""
    ingest: IngestSummary | None = None
    unknown: list[UnknownPoints] = field(default_factory=list)
    unknown_limit: float = 1.0
    delivered: Path | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    refused_bills: DisagreementError | None = None
    halted: FactNotInForceError | None = None
    steps: list[str] = field(default_factory=list)
    timings: Timings = field(default_factory=Timings)


def warm_up(settings: Settings, stages: Sequence[str]) -> threading.Thread:
    """Imports what takes seconds to import while Spark starts in another process; failures show when it is
    really used.
    """

    def work() -> None:
        with suppress(Exception), phase("fingerprint"):
            from pipelines.engine.fingerprint import code_modules, own_code

            for step in all_steps():
                own_code().digest(code_modules(step))
        if "train" in stages:
            with suppress(Exception):
                from pipelines.models.registry import Registry

                Registry(settings).warm_up()

    thread = threading.Thread(target=carried(work, OTHER), daemon=True)
    thread.start()
    return thread


def run_chain(
    settings: Settings,
    months: Sequence[BillingMonth],
    stages: Sequence[str],
    inbox: Path,
    command: str,
    reporter: Reporter,
    on_line: Callable[[str, str, float, str], None],
    outcome: Outcome,
    *,
    empty_home: Callable[[], None] | None = None,
    before: Callable[[], None] | None = None,
) -> None:
    """Runs the stages under the home's lock and records the run, whatever its end.

    outcome     Filled as the run goes on, so that what it found is known also where a later stage fails.
    empty_home  Deletes what an earlier demo left; called under the lock, before anything of the home is
                opened.
    before      Work to do while Spark's jars and libraries are made ready, such as writing simulated files.
    on_line     Told of the stages that are no steps: name, status, seconds, note.
    """
    from pipelines.engine.ledger import Ledger
    from pipelines.engine.rule_archive import keep_rules
    from pipelines.engine.runner import Runner
    from pipelines.facts import load_facts
    from pipelines.identity.keys import KeyRing
    from pipelines.ingest.unknown_points import unknown_points
    from pipelines.models.registry import Registry
    from pipelines.storage.home_lock import sole_writer
    from pipelines.storage.issued_numbers import issued_numbers
    from pipelines.storage.session.lazy import session_when_asked
    from pipelines.storage.store import Store
    from zhixiang.conf_files import setting_files
    from zhixiang.home_state import make_ready, note_file_ledger

    timings = outcome.timings
    with timings.part(START, OTHER):
        facts = load_facts(settings.facts_dir)
        _ = settings.platform
        for kind in setting_files():  # a mistake in any of them shows before work begins
            settings.section(kind)
    with sole_writer(settings.home):
        if empty_home is not None:
            empty_home()
        _look_for_keys(settings, stages)
        ledger = Ledger(settings.home)
        now = utc_now()
        run_id = ledger.begin(command, now)
        outcome.run_id = run_id
        outcome.unknown_limit = settings.platform.ingest.max_unknown_meter_points_ratio
        wait_for_what_was_begun: Callable[[], None] = lambda: None  # noqa: E731 - replaced once there is any
        try:
            with timings.part(START, OTHER):
                ledger.note_rules(run_id, keep_rules(settings, facts))
                known = ledger.runs(2)
                make_ready(settings, ledger, declared_tables(), on_line, runs_before=len(known) > 1)
                for name, columns in adopt_declarations(settings).items():
                    on_line(name, "widened", 0.0, f"gained {', '.join(columns)}")
                spark = session_when_asked(settings, lambda text: on_line("prepare", "begun", 0.0, text))
                store = Store(settings, spark)
                wait_for_what_was_begun = _begun_ahead(store, inbox, stages, spark)
                if before is not None:
                    before()
                registry = Registry(settings, issued_numbers)
            if "ingest" in stages:
                with timings.part("ingest", "read"):
                    outcome.ingest = _ingest(store, inbox, run_id, now, on_line)
                    note_file_ledger(store, ledger)
            wait_for_what_was_begun()
            runner = Runner(
                settings, facts, store, registry, ledger, reporter, run_id, months, now, timings=timings
            )
            for group in _groups(stages):
                if group[0] not in BEFORE_MONTHS:
                    with timings.part(BETWEEN):
                        check_months(store, months)
                runner.run([step for step in all_steps() if step.stage in group])
                # Known also where a later stage fails, for want of these records perhaps.
                with timings.part(BETWEEN):
                    outcome.unknown = unknown_points(store)
            if "deliver" in stages:
                from zhixiang.delivery import deliver

                with timings.part("deliver", "pages"):
                    handed = deliver(store, registry, ledger, facts, months, run_id, on_line)
                outcome.delivered, outcome.refused = handed.out, handed.refused
                outcome.refused_bills = handed.error()
        except BaseException as error:
            told = foreseen(error, settings.home)
            outcome.halted = error if isinstance(error, FactNotInForceError) else None
            # Where nothing can be written, not even this: the next run finds that this one ended.
            with suppress(OSError, sqlite3.Error):
                ledger.end(run_id, utc_now(), *_ended_by(told or error))
                ledger.note_timings(run_id, timings.shares())
            _let_end(wait_for_what_was_begun, error)
            if told is None or told is error:
                raise
            raise told from error
        ledger.end(run_id, utc_now(), exit_code(outcome), warnings(outcome))
        with suppress(OSError, sqlite3.Error):  # a run that is done does not fail for want of its timings
            ledger.note_timings(run_id, timings.shares())
        if outcome.delivered is not None:
            from zhixiang.delivery import write_ledger_page

            # Until now the run stood as running.
            with timings.part("deliver", "pages"):
                write_ledger_page(ledger, outcome.delivered, KeyRing(settings.home))
        spark.stop()


def _begun_ahead(store: Store, inbox: Path, stages: Sequence[str], spark: LazySession) -> Callable[[], None]:
    """Begins what takes seconds to start where the run is sure to compute something: files wait, or nothing
    was ever received. Else it waits until a step asks for it. Returns what waits for its end.
    """
    from pipelines.ingest.few_files import are_few
    from pipelines.ingest.file_ledger import news
    from pipelines.tables.bronze import BronzeFiles

    begun = []
    if "ingest" in stages:
        is_first, fresh = store.version(BronzeFiles) is None, news(store, inbox)
        if is_first or not are_few(fresh):
            spark.start_ahead()  # whoever needs it waits for it; of a few files it may be that nobody does
        if is_first or fresh:
            begun.append(warm_up(store.settings, stages))

    def wait() -> None:
        for thread in begun:
            thread.join()

    return wait


def _let_end(begun: Callable[[], None], error: BaseException) -> None:
    """Nothing begun ahead outlives a run that fails; whoever interrupts does not wait for it."""
    if isinstance(error, Exception):
        begun()


def _look_for_keys(settings: Settings, stages: Sequence[str]) -> None:
    """Writes down the keys of a home of before.

    Raises LostKeyError before work begins that would need a key that is gone.
    """
    from pipelines.identity.keys import KeyRing

    keys = KeyRing(settings.home)
    keys.adopt()
    if "deliver" in stages:
        keys.check()


def _ended_by(error: BaseException) -> tuple[int, str]:
    """Exit code and words of the ledger for a run that an error ended."""
    if isinstance(error, ZhixiangError):
        return error.exit_code, error.message
    if isinstance(error, KeyboardInterrupt):
        return STOPPED, "Stopped by Ctrl-C."
    return 1, f"{type(error).__name__}: {error}"[:500]


def _groups(stages: Sequence[str]) -> list[tuple[str, ...]]:
    """What concerns all months, then what concerns the months asked for: models, then products, then
    delivery.
    """
    parts = (BEFORE_MONTHS, _of_months())
    return [group for part in parts if (group := tuple(stage for stage in stages if stage in part))]


def _ingest(
    store: Store, inbox: Path, run_id: str, now: datetime, on_line: Callable[[str, str, float, str], None]
) -> IngestSummary:
    import time

    from pipelines.ingest.read_files import ingest

    began = time.monotonic()
    summary = ingest(store, inbox, run_id, now)
    note = f"{summary.accepted} files, {summary.received_rows:,} records"
    for label, count in (
        ("known again", summary.duplicates),
        ("refused", len(summary.refused) + len(summary.halted)),
        ("not to be read now", len(summary.unread)),
    ):
        note += f", {count} {label}" if count else ""
    on_line(
        "ingest",
        "done" if summary.accepted or summary.refused or summary.halted else "unchanged",
        time.monotonic() - began,
        note,
    )
    return summary


def check_months(store: Store, months: Sequence[BillingMonth]) -> None:
    """Raises UsageError for a month that has no metering at all, naming those that have."""
    from pipelines.tables.gold import GoldBillingDeterminants

    present = sorted(set(store.arrow(GoldBillingDeterminants, ["billing_month"]).column(0).to_pylist()))
    for month in months:
        if str(month) not in present:
            covers = f"it holds {present[0]} to {present[-1]}" if present else "it is empty"
            raise UsageError(
                f"The store has no metering for {month}; {covers}.",
                "Deliver files of that month to the inbox, or ask for another month.",
            )


def exit_code(outcome: Outcome) -> int:
    """4 where a file was halted for too many bad records or a bill was not delivered; 3 where one was refused
    or could not be read, or where too many records are of unknown meter points; else 0.
    """
    if outcome.refused_bills is not None:
        return outcome.refused_bills.exit_code
    found = outcome.ingest
    if found is not None and found.halted:
        return 4
    refused = found is not None and (found.refused or found.unread)
    return 3 if refused or any(points.ratio > outcome.unknown_limit for points in outcome.unknown) else 0


def warnings(outcome: Outcome) -> str:
    """What the ledger keeps of a run that went through: files that did not enter, records that wait."""
    found = outcome.ingest
    told = [] if found is None else [*found.halted, *found.refused, *found.unread, *found.warned]
    return "; ".join([*(f"{name}: {reason}" for name, reason in told), *map(str, outcome.unknown)])[:2000]
