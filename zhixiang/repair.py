"""``zhixiang repair``: one part of a home made again from what it follows from."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pipelines.engine.ledger import Ledger, readable_ledger
from pipelines.errors import DamagedPartError, TamperedError, UnknownNameError
from pipelines.ingest.read_again import (
    ReadAgain,
    contents_not_in,
    files_again,
    quarantine_again,
    received_files,
    table_again,
    without_read_stage,
)
from pipelines.models import mlflow_store
from pipelines.models.registry import Registry
from pipelines.settings import Settings
from pipelines.storage.damage import can_be_rebuilt, is_received, meaning_of, remedy_of
from pipelines.storage.store import Store
from pipelines.tables.base import Table
from pipelines.tables.bronze import BronzeFiles
from pipelines.tables.silver import SilverQuarantine
from zhixiang.chain import declared_tables
from zhixiang.home_state import ALL_OF_BRONZE, note_file_ledger, put_aside, table_states
from zhixiang.rules_state import RESTORE, rewrite_rules, rules_state

LEDGER, MODELS, MLFLOW, RULES = "ledger", "models", "mlflow", "rules"
PARTS = (LEDGER, MODELS, MLFLOW, RULES)
"""Parts of a home that are no tables."""


@dataclass(frozen=True)
class Repair:
    """What repairing a part does, or did.

    state  What is wrong with it now, or that it is whole.
    does   What is done; done: whether it was.
    then   What to do afterwards; empty: nothing.
    notes  What did not come out as it was.
    """

    part: str
    state: str
    does: str
    then: str = ""
    done: bool = False
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Repairer:
    """Repairs parts of one home; call ``repair`` under the home's lock.

    inbox  Where the received files lie.
    now    The instant of the command.
    """

    settings: Settings
    inbox: Path
    now: datetime

    def plan(self, part: str) -> Repair:
        """What ``repair`` would do; nothing is written. Raises UnknownNameError for what is no part, and
        DamagedPartError for what no command makes again.
        """
        if part in PARTS:
            state, does = getattr(self, f"_{part}_plan")()
            return Repair(part, state, does)
        if part == ALL_OF_BRONZE:
            self._refuse_rows_without_file()
            count = len(received_files(self.inbox))
            return Repair(
                part,
                "every table of received rows",
                f"puts them aside; the next run reads the {count} files of {self.inbox} again",
                "zhixiang run --month YYYY-MM",
            )
        table = self._table(part)
        state = self._state(table)
        if is_received(table):
            return Repair(part, state, f"reads its files again from {self.inbox}")
        if table is BronzeFiles:
            return Repair(part, state, f"makes it again from {self.inbox} and the rows in bronze")
        also = f", after reading what {self.inbox} holds of it" if table is SilverQuarantine else ""
        return Repair(
            part, state, f"deletes it; the next run computes it anew{also}", "zhixiang run --month YYYY-MM"
        )

    def repair(self, part: str) -> Repair:
        """Does it, and says what came out; raises as ``plan``, before anything is touched."""
        plan = self.plan(part)
        if part in PARTS:
            notes = getattr(self, f"_{part}_repair")() if plan.does else []
            return Repair(part, plan.state, plan.does, plan.then, True, notes)
        if not self.store_is_local():
            raise DamagedPartError(
                part,
                f"The tables are in {self.settings.tables_location}, which is no folder of this machine.",
                "Restore the table there from a backup of that store.",
            )
        ledger, store = Ledger(self.settings.home), Store(self.settings)
        if part == ALL_OF_BRONZE:
            return self._repair_bronze(store, ledger, plan)
        table = self._table(part)
        found = self._made_again(store, table)
        ledger.note_rebuilt([part])
        if table is BronzeFiles:
            note_file_ledger(store, ledger)
        counted = f"{found.files} files read again, {found.rows:,} rows" if found.files else plan.does
        return Repair(part, plan.state, counted, plan.then, True, found.notes)

    def store_is_local(self) -> bool:
        """Whether the tables lie in a folder of this machine."""
        return "://" not in self.settings.tables_location

    def _made_again(self, store: Store, table: type[Table]) -> ReadAgain:
        if is_received(table):
            return table_again(store, table, self.inbox)
        if table is BronzeFiles:
            return files_again(store, self.inbox, _received_tables(), f"repair-{self._when()}", self.now)
        if table is SilverQuarantine:
            return quarantine_again(store, self.inbox)
        shutil.rmtree(store.path(table), ignore_errors=True)
        return ReadAgain()

    def _repair_bronze(self, store: Store, ledger: Ledger, plan: Repair) -> Repair:
        tables: list[type[Table]] = [*_received_tables(), BronzeFiles]
        aside = []
        try:
            without_read_stage(store)
        except DamagedPartError:
            aside.append(self._put_before(store, SilverQuarantine))
        aside += [self._put_before(store, table) for table in tables]
        # Without it the stream offers every file once more, in batches.
        shutil.rmtree(self.settings.home / "checkpoints" / "ingest", ignore_errors=True)
        ledger.note_rebuilt([*(table.name for table in tables), SilverQuarantine.name])
        notes = [f"what was there is {path}; delete it once the next run is done" for path in aside if path]
        return Repair(plan.part, plan.state, plan.does, plan.then, True, notes)

    def _put_before(self, store: Store, table: type[Table]) -> Path | None:
        """Renames the folder of a table out of the way; None where there is none."""
        place = Path(store.path(table))
        return place.rename(f"{place}.before-{self._when()}") if place.exists() else None

    def _refuse_rows_without_file(self) -> None:
        """Raises DamagedPartError where bronze has rows whose file the inbox does not hold."""
        gone = contents_not_in(Store(self.settings), _received_tables(), self.inbox)
        if gone:
            (digest, name), *_ = gone.items()
            raise DamagedPartError(
                ALL_OF_BRONZE,
                f"{len(gone)} files that have rows in bronze are not in {self.inbox}, or cannot be read now, "
                f"the first: {name} ({digest[:16]}). No run could read them again; nothing was changed.",
                "Put them there with the content they had, or restore the tables from a backup; `zhixiang "
                "repair TABLE --yes` mends one table alone.",
            )

    def _table(self, name: str) -> type[Table]:
        tables = {table.name: table for table in declared_tables()}
        if name not in tables:
            raise UnknownNameError("table or part of a home", name, [*tables, ALL_OF_BRONZE, *PARTS])
        table = tables[name]
        if not can_be_rebuilt(table):
            raise DamagedPartError(
                name, f"{name} cannot be made again. {meaning_of(table)}", remedy_of(table)
            )
        return table

    def _state(self, table: type[Table]) -> str:
        ledger = readable_ledger(self.settings.home)
        states = table_states(Store(self.settings), ledger, declared_tables(), files=True)
        (state,) = (state for state in states if state.table == table.name)
        return state.fault or f"{table.name} is whole"

    def _ledger_plan(self) -> tuple[str, str]:
        try:
            Ledger(self.settings.home).runs(1)
        except DamagedPartError as error:
            return (
                error.message,
                "puts it aside; the next run begins a new one and computes every step once more",
            )
        return "the run ledger is whole, or not there: the next run begins one", ""

    def _ledger_repair(self) -> list[str]:
        return [f"the damaged file is {put_aside(Ledger.place(self.settings.home), self._when())}"]

    def _models_plan(self) -> tuple[str, str]:
        broken = self._broken_models()
        if not broken:
            return "every promoted model is whole", ""
        return f"not whole: {', '.join(broken)}", "exports them again from the MLflow store, by their numbers"

    def _broken_models(self) -> list[str]:
        registry = Registry(self.settings)
        broken = set(registry.lost())
        for name in registry.names():
            try:
                registry.champion(name)
            except TamperedError:
                broken.add(name)
        return sorted(broken)

    def _models_repair(self) -> list[str]:
        from zhixiang.delivery.manifest import signed_models

        registry, notes = Registry(self.settings), []
        signed = signed_models(self.settings.home)
        for name in self._broken_models():
            version = registry.restore(name, signed.get(name))
            if version is None:
                raise DamagedPartError(
                    MODELS,
                    f"The MLflow store does not keep the files of {name} any more.",
                    f"Restore models/{name} from a backup, or move it away: the next run trains anew.",
                )
            notes.append(f"{name} version {version}")
        return notes

    def _mlflow_plan(self) -> tuple[str, str]:
        home = self.settings.home
        if not mlflow_store.stands(home):
            return "there is no MLflow store; the next training begins one", ""
        try:
            place = mlflow_store.place_told(home)
        except DamagedPartError as error:
            return error.message, "puts it aside; models go on from their signed bundles"
        if place and place != home.absolute().as_uri():
            return f"the home was in {place}", "turns its addresses to where the home is now"
        return "the MLflow store is whole", ""

    def _mlflow_repair(self) -> list[str]:
        home = self.settings.home
        try:
            before = mlflow_store.settle(home)
        except DamagedPartError:
            return [f"the damaged file is {put_aside(home / mlflow_store.DATABASE, self._when())}"]
        return [f"from {before} to {home}"]

    def _rules_plan(self) -> tuple[str, str]:
        found = rules_state(self.settings, declared_tables())
        if found.is_whole:
            return f"{found.kept} kept, every result can be computed again", ""
        if not found.heals:
            raise DamagedPartError(
                RULES, found.said(), f"The present conf/ is another one, nothing can be written. {RESTORE}"
            )
        return found.said(), "writes those of the present conf/ again, under the name that results tell"

    def _rules_repair(self) -> list[str]:
        return rewrite_rules(self.settings, rules_state(self.settings, declared_tables()), self.now)

    def _when(self) -> str:
        return f"{self.now:%Y%m%dT%H%M%SZ}"


def _received_tables() -> list[type[Table]]:
    return [table for table in declared_tables() if is_received(table)]
