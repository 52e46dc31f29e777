"""Whether a home is whole: tables, run ledger, models and their registry, delivery; and what a run mends by
itself before it begins.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.engine.ledger import Ledger
from pipelines.errors import DamagedPartError, TamperedError, ZhixiangError
from pipelines.ingest.read_again import received_files
from pipelines.models import mlflow_store
from pipelines.models.registry import Registry
from pipelines.settings import Settings
from pipelines.storage.damage import can_be_rebuilt, is_received
from pipelines.storage.issued_numbers import issued_numbers
from pipelines.storage.store import Store
from pipelines.storage.table_state import TableState, state_of
from pipelines.tables.base import Table, all_tables
from pipelines.tables.bronze import BronzeFiles
from pipelines.tables.edits import BronzeManualEdits
from pipelines.tables.silver import SilverQuarantine
from zhixiang.rules_state import RESTORE, rules_state

ALL_OF_BRONZE = "bronze"
BY_HAND = BronzeManualEdits.name
WHOLE, LOST, DAMAGED, MOVED = "whole", "lost", "damaged", "moved"
OnLine = Callable[[str, str, float, str], None]


@dataclass(frozen=True)
class Part:
    """One part of a home.

    state   whole, lost, damaged or moved.
    found   What was found, and what it means where it is not whole.
    remedy  What to do; empty where nothing need be done.
    """

    name: str
    state: str
    found: str
    remedy: str = ""


def table_states(
    store: Store, ledger: Ledger | None, tables: Sequence[type[Table]], *, files: bool = False
) -> list[TableState]:
    """The state of each table, with what the run ledger and the file ledger know of it.

    ledger  None where it cannot be read.
    files   Whether to look for each data file.
    """
    known = ledger.newest_versions() if ledger is not None else {}
    for name in _with_accepted_files(store):
        known.setdefault(name, 0)
    stands = [table for table in tables if Path(store.path(table)).is_dir()]
    begins_anew = ledger is not None and BronzeFiles.name in ledger.rebuilt_tables()
    others = [table for table in stands if table is not BronzeFiles]
    if others and not begins_anew and not _is_first_ingest_unfinished(ledger, others):
        known.setdefault(BronzeFiles.name, 0)
    return [state_of(store, table, known.get(table.name), files=files) for table in tables]


def _is_first_ingest_unfinished(ledger: Ledger | None, stands: Sequence[type[Table]]) -> bool:
    """Whether the first run of a home was stopped while it read: its rows stand and its file ledger, which is
    written last, never did; the next run reads on.
    """
    if ledger is None or not all(is_received(table) for table in stands):
        return False
    ended = [run["status"] for run in ledger.runs(100) if run["status"] != "running"]
    return bool(ended) and "done" not in ended


def _with_accepted_files(store: Store) -> set[str]:
    """Bronze tables that hold rows by the file ledger; none where that cannot be read."""
    try:
        rows = store.arrow(BronzeFiles, ["table_name", "status_code", "received_rows", "quarantined_rows"])
    except DamagedPartError:
        return set()
    return {
        row["table_name"]
        for row in rows.to_pylist()
        if row["status_code"] == "accepted" and row["received_rows"] > row["quarantined_rows"]
    }


def examine_home(settings: Settings, tables: Sequence[type[Table]], *, files: bool = True) -> list[Part]:
    """Every part of a home; nothing is written.

    files  Whether to look for each data file of each table.
    """
    store = Store(settings)
    ledger, told = _ledger(settings, store, tables)
    faults = [state for state in table_states(store, ledger, tables, files=files) if state.fault]
    standing = sum(Path(store.path(table)).is_dir() for table in tables)
    parts = [Part("tables", WHOLE, f"{standing - len(faults)} tables whole")] if not faults else []
    parts += [
        Part(state.table, DAMAGED if state.version is not None else LOST, state.fault, state.remedy)
        for state in _as_bronze(faults, settings)
    ]
    return [*parts, told, *_models(settings), _rules(settings, tables, read=files), _delivery(settings)]


def make_ready(
    settings: Settings, ledger: Ledger, tables: Sequence[type[Table]], on_line: OnLine, *, runs_before: bool
) -> None:
    """What a run does first, under the home's lock: turns a moved home's registry to where it is, brings back
    lost bundles, has lost silver and gold computed anew, each told in one line.

    runs_before  Whether the ledger knows an earlier run.
    Raises DamagedPartError for the first table that a run must not pass over, TamperedError where what the
    MLflow store keeps of a lost bundle is not what was signed.
    """
    registry, store = Registry(settings), Store(settings)
    if registry.is_own and (before := mlflow_store.settle(settings.home)):
        on_line("mlflow", MOVED, 0.0, f"from {before}: artifacts are now found in {settings.home}")
    lost = registry.lost()
    signed = _signed_models(settings.home) if lost else {}
    for name in lost:
        version = registry.restore(name, signed.get(name))
        on_line(name, "restored" if version else LOST, 0.0, _bundle_told(version))
    for name, number in _untold_models(registry).items():
        on_line(name, LOST, 0.0, f"bundle and MLflow store; trained anew, numbered after {number}")
    if registry.is_own and registry.names() and not mlflow_store.stands(settings.home):
        on_line("mlflow", LOST, 0.0, "models go on from their signed bundles; numbers count on from theirs")
    if not runs_before and any(Path(store.path(table)).is_dir() for table in tables):
        on_line("ledger", LOST, 0.0, "every step is computed once more; equal results make no revision")
    states = [state for state in table_states(store, ledger, tables) if state.fault]
    by_name = {table.name: table for table in tables}
    heals = [state for state in states if _heals_by_itself(by_name[state.table], state, store)]
    for state in heals:
        ledger.note_rebuilt([state.table])
        on_line(state.table, LOST, 0.0, "computed anew from what was received")
    others = [state for state in _as_bronze(states, settings) if state not in heals]
    if others:
        first, more = others[0], [state.table for state in others[1:]]
        also = f" Also: {', '.join(more)} (`zhixiang doctor --home`)." if more else ""
        raise DamagedPartError(first.table, first.fault + also, first.remedy)
    note_file_ledger(store, ledger)


def note_file_ledger(store: Store, ledger: Ledger) -> None:
    """Writes down at which version the file ledger stands: no step writes it, and without this its loss would
    be taken for the beginning anew that a repair once noted, and every received row be appended twice.
    """
    ledger.note_standing(store.versions([BronzeFiles]))


def _signed_models(home: Path) -> dict[str, dict[str, str]]:
    from zhixiang.delivery.manifest import signed_models  # pages and fonts, only where a bundle is lost

    return signed_models(home)


def _untold_models(registry: Registry) -> dict[str, int]:
    """Models that issued results name and that neither a bundle nor the MLflow store keeps -> the highest
    number issued.
    """
    if not registry.is_own:
        return {}
    known = {*registry.names(), *registry.lost()}
    found = issued_numbers(registry.settings)
    return {name: number for name, number in sorted(found.items()) if name not in known}


def _bundle_told(version: str | None) -> str:
    if version is None:
        return "its bundle, and MLflow's files of it too; it is trained anew"
    return f"version {version} exported again from the MLflow store"


def _heals_by_itself(table: type[Table], state: TableState, store: Store) -> bool:
    """Whether the next run computes the table anew unasked: silver or gold whose log is not damaged but gone;
    not the quarantine while files in it could not be read.
    """
    if not can_be_rebuilt(table) or is_received(table) or table is BronzeFiles:
        return False
    if state.version is None and state.rows is None and Path(store.path(table), "_delta_log").is_dir():
        return False
    if table is not SilverQuarantine:
        return True
    try:
        held = store.arrow(BronzeFiles, ["quarantined_rows"]).column(0).to_pylist()
    except DamagedPartError:
        return False
    return not sum(held)


def _as_bronze(states: Sequence[TableState], settings: Settings) -> list[TableState]:
    """The same, with one state for bronze where the file ledger is lost together with rows.

    Neither can then be made again from the other.
    """
    bronze = [state for state in states if state.layer == "bronze" and not _is_by_hand(state)]
    if BronzeFiles.name not in {state.table for state in bronze}:
        return list(states)
    tables = Path(settings.tables_location)
    if len(bronze) == 1 and any(
        (tables / table.name).is_dir() for table in all_tables() if is_received(table)
    ):
        return list(states)
    count = len(received_files(settings.home / "inbox"))
    whole = TableState(
        ALL_OF_BRONZE,
        "bronze",
        None,
        None,
        f"What was received is lost or damaged: {', '.join(state.table for state in bronze)}. The inbox "
        f"holds {count} files, which can be read again.",
        "",
        "`zhixiang repair bronze --yes`, then `zhixiang run`: every file is read again, and equal results "
        "make no revision.",
    )
    return [whole, *(state for state in states if state not in bronze)]


def _is_by_hand(state: TableState) -> bool:
    return state.table == BY_HAND


def _ledger(settings: Settings, store: Store, tables: Sequence[type[Table]]) -> tuple[Ledger | None, Part]:
    try:
        ledger = Ledger(settings.home)
        runs = ledger.runs(1)
    except DamagedPartError as error:
        return None, Part("ledger", DAMAGED, error.message, error.hint)
    if runs:
        return ledger, Part("ledger", WHOLE, f"last run {runs[0]['run_id']}: {runs[0]['status']}")
    if any(Path(store.path(table)).is_dir() for table in tables):
        return ledger, Part(
            "ledger",
            LOST,
            "The run ledger is lost: which run computed what is not known any more; nothing issued is lost.",
            "Go on: the next `zhixiang run` begins a new one and computes every step once more.",
        )
    return ledger, Part("ledger", WHOLE, "no run yet")


def _models(settings: Settings) -> list[Part]:
    """The bundles, then MLflow's store."""
    registry, parts = Registry(settings), []
    try:
        lost, moved = registry.lost(), ""
        if registry.is_own and mlflow_store.stands(settings.home):
            place = mlflow_store.place_told(settings.home)
            moved = place if place and place != settings.home.absolute().as_uri() else ""
        kept = Part("mlflow", WHOLE, registry.tracking_uri)
        if moved:
            kept = Part(
                "mlflow",
                MOVED,
                f"The home was in {moved}; MLflow looks for its artifacts there.",
                "The next `zhixiang run` finds it here; `zhixiang repair mlflow --yes` at once.",
            )
        elif registry.is_own and registry.names() and not mlflow_store.stands(settings.home):
            kept = Part(
                "mlflow",
                LOST,
                "The MLflow store is lost: earlier trainings cannot be browsed; models go on from their "
                "signed bundles.",
                "Go on, or restore mlflow.db and mlartifacts/ from a backup.",
            )
    except DamagedPartError as error:
        lost, kept = [], Part("mlflow", DAMAGED, error.message, error.hint)
    for name in sorted({*registry.names(), *lost}):
        try:
            told = registry.told(name)
            parts.append(Part(f"model {name}", WHOLE, f"version {told['champion']}"))
        except TamperedError as error:
            parts.append(Part(f"model {name}", DAMAGED, error.message, error.hint))
        except ZhixiangError:
            parts.append(
                Part(
                    f"model {name}",
                    LOST,
                    f"The signed bundle of {name} is lost; the MLflow store keeps it.",
                    "The next `zhixiang run` exports it again; `zhixiang repair models --yes` does it now.",
                )
            )
    for name, number in _gone(registry).items():
        parts.append(
            Part(
                f"model {name}",
                LOST,
                f"The signed bundle of {name} is lost, and the MLflow store keeps it no more; results issued "
                f"with it (to number {number}) stand, and bills compute again without it.",
                f"The next `zhixiang run` trains it anew, numbered after {number}; or restore models/ and "
                "mlflow.db with mlartifacts/ from a backup.",
            )
        )
    return [*parts, kept]


def _gone(registry: Registry) -> dict[str, int]:
    try:
        return _untold_models(registry)
    except DamagedPartError:  # the store itself is told of
        return {}


def _rules(settings: Settings, tables: Sequence[type[Table]], *, read: bool) -> Part:
    found = rules_state(settings, tables, read=read)
    if found.is_whole:
        return Part("rules", WHOLE, f"{found.kept} kept")
    is_lost = found.lost or found.is_bare
    return Part("rules", LOST if is_lost else DAMAGED, found.said(), found.remedy() or RESTORE)


def _delivery(settings: Settings) -> Part:
    path = settings.home / "out" / "manifest.json"
    remedy = "`zhixiang run --month YYYY-MM --from deliver` writes it again from what was issued."
    if not path.parent.is_dir() and (settings.home / "delivered" / path.name).is_file():
        return Part("delivery", LOST, "out/ is lost; delivered/ still tells what was handed over.", remedy)
    if not path.parent.is_dir():
        return Part("delivery", WHOLE, "nothing delivered here")
    try:
        count = len(json.loads(path.read_text(encoding="utf-8"))["files"])
    except FileNotFoundError:
        return Part("delivery", LOST, "out/ has no manifest: nobody can check its files.", remedy)
    except (OSError, ValueError, KeyError, TypeError):
        return Part(
            "delivery", DAMAGED, "out/manifest.json cannot be read: nobody can check its files.", remedy
        )
    return Part("delivery", WHOLE, f"{count} files in its manifest")


def put_aside(path: Path, when: str) -> Path:
    """Renames a damaged file so that a new one can begin; returns its new place."""
    target = path.with_name(f"{path.name}.damaged-{when}")
    shutil.move(path, target)
    return target
