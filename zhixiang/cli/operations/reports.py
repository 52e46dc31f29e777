"""``zhixiang status`` and ``zhixiang ledger``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from zhixiang.cli.screen import JsonOption, complain, say, show_json, show_record, show_rows
from zhixiang.cli.timings_table import show_timings

if TYPE_CHECKING:
    from zhixiang.reports.file_accounts import FileAccount

_EVERY = 1_000_000_000


def status(json: JsonOption = False) -> None:
    """Whether the home is whole; versions of tables, models and keys, revisions of what was issued, the last
    run.
    """
    from pipelines.engine.ledger import readable_ledger
    from pipelines.identity.keys import KeyRing
    from pipelines.models.registry import Registry
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from zhixiang.chain import declared_tables
    from zhixiang.home_state import WHOLE, examine_home, table_states

    settings = load_settings()
    store, registry, ledger = Store(settings), Registry(settings), readable_ledger(settings.home)
    states = {state.table: state for state in table_states(store, ledger, declared_tables())}
    parts = [part for part in examine_home(settings, declared_tables(), files=False) if part.state != WHOLE]
    broken = {part.name.removeprefix("model ") for part in parts if part.name.startswith("model ")}
    told = [registry.told(name) for name in registry.names() if name not in broken]
    runs = ledger.runs(1) if ledger is not None else []
    report: dict[str, Any] = {
        "home": str(settings.home),
        "is_whole": not parts,
        "not_whole": [vars(part) for part in parts],
        "tables": {
            name: {"version": state.version, "rows": state.rows}
            for name, state in states.items()
            if state.version is not None
        },
        "models": {
            model["name"]: {"champion": model["champion"], "versions": model["versions"]} for model in told
        },
        "revisions": {
            table.name: _revisions(store, table)
            for table in declared_tables()
            if "content_digest" in table.columns() and not states[table.name].fault
        },
        "keys": KeyRing(settings.home).known(),
        "run": runs[0] if runs else None,
    }
    if json:
        show_json(report)
        return
    whole = "完整 whole" if not parts else f"不完整 {len(parts)} parts are not whole"
    say(f"home {report['home']}: {whole}")
    for part in parts:
        complain(part.found, part.remedy)
    show_rows([{"table": name} | found for name, found in report["tables"].items()], title="表 tables")
    show_rows([{"model": name} | found for name, found in report["models"].items()], title="模型 models")
    show_rows(
        [
            {"issued": name, "revision": revision, "rows": rows}
            for name, found in report["revisions"].items()
            for revision, rows in found.items()
        ],
        title="修订 revisions",
    )
    show_rows([{"key": name, "id": found} for name, found in report["keys"].items()], title="密钥 keys")
    if runs:
        say(f"last run {runs[0]['run_id']}: {runs[0]['command']}: {runs[0]['status']}")


def _revisions(store: Any, table: Any) -> dict[str, int]:
    counted: dict[str, int] = {}
    for revision in store.arrow(table, ["revision"]).column(0).to_pylist():
        counted[str(revision)] = counted.get(str(revision), 0) + 1
    return counted


SHOWN_RUNS = 10
_PARTS: tuple[Literal["received", "kept", "duplicate", "superseded", "quarantined"], ...] = (
    "received",
    "kept",
    "duplicate",
    "superseded",
    "quarantined",
)


def ledger(
    runs: Annotated[int, typer.Option(min=1, help="How many runs to show.")] = SHOWN_RUNS,
    every: Annotated[bool, typer.Option("--all", help="All runs.")] = False,
    run: Annotated[str | None, typer.Option("--run", help="One run with its steps.")] = None,
    files: Annotated[
        bool | None,
        typer.Option("--files/--no-files", help="Each received file / nothing of them; default: in short."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Runs, one with its steps, and per file: kept + duplicate + superseded + quarantined = received."""
    from pipelines.engine.ledger import Ledger
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from zhixiang.reports.file_accounts import file_accounts
    from zhixiang.reports.run_timings import timing_rows

    settings = load_settings()
    run_ledger = Ledger(settings.home)
    listed = _chosen(run_ledger.runs(_EVERY if every or run else runs), run)
    # Steps are long: a screen shows them of the run that is asked for, JSON of all.
    with_steps = json or run is not None
    if with_steps:
        listed = [
            each
            | {
                "steps": run_ledger.steps(each["run_id"]),
                "timings": timing_rows(run_ledger.timings(each["run_id"])),
            }
            for each in listed
        ]
    are_told = files if files is not None else run is None
    accounts = file_accounts(Store(settings)) if are_told else []
    if json:
        show_json({"runs": listed, "files": accounts})
        return
    if run is not None:
        _show_run(listed[0])
    else:
        show_rows([_in_one_line(each) for each in reversed(listed)], title="运行 runs")
        if listed:
            say(f"步骤 steps: zhixiang ledger --run {listed[0]['run_id']}")
    if files:
        show_rows(
            accounts, ["file", "status", *_PARTS, "adds_up", "reason"], title="收到的文件 received files"
        )
    elif are_told:
        _tell_files(accounts)


def _chosen(listed: list[dict[str, Any]], run: str | None) -> list[dict[str, Any]]:
    from pipelines.errors import UnknownNameError

    if run is None:
        return listed
    chosen = [each for each in listed if each["run_id"] == run]
    if not chosen:
        raise UnknownNameError(
            "run", run, [each["run_id"] for each in listed], "`zhixiang ledger --all` lists them."
        )
    return chosen


def _in_one_line(run: dict[str, Any]) -> dict[str, Any]:
    began, ended = run["started_at_utc"], run["ended_at_utc"]
    seconds = (
        round((datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds(), 1)
        if ended
        else None
    )
    shown = {name: run[name] for name in ("run_id", "command", "status", "exit_code", "message")}
    return {**shown, "message": shown["message"] or None, "run_seconds": seconds}


def _show_run(run: dict[str, Any]) -> None:
    show_record(
        {name: value for name, value in run.items() if name not in ("steps", "timings")}, title=run["run_id"]
    )
    told = ("step", "status", "seconds", "computed")
    show_rows([{name: _tenths(step[name]) for name in told} for step in run["steps"]], title="步骤 steps")
    written = [
        {"step": step["step"], "table": table, "rows": rows, "version": step["versions_written"].get(table)}
        for step in run["steps"]
        for table, rows in step["rows_written"].items()
    ]
    show_rows(written, title="写出 written")
    if run["timings"]:
        show_timings(run["timings"])


def _tenths(value: Any) -> Any:
    """Seconds of a step as far as they mean something."""
    return round(value, 1) if isinstance(value, float) else value


def _tell_files(accounts: Sequence[FileAccount]) -> None:
    if not accounts:
        show_rows([], title="收到的文件 received files")
        return
    counted = Counter(account["status"] for account in accounts)
    sums = [f"{name} {sum(account[name] for account in accounts):,}" for name in _PARTS]
    states = ", ".join(f"{count:,} {status}" for status, count in sorted(counted.items()))
    say(f"收到的文件 received files: {states}; 记录 records: {', '.join(sums)}")
    odd = [account for account in accounts if not account["adds_up"]]
    if odd:
        say(f"{len(odd):,} files do not add up", colour="red")
    say("逐个 each: zhixiang ledger --files")
