"""``zhixiang status`` and ``zhixiang ledger``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from zhixiang.cli.screen import JsonOption, complain, show_json, show_rows


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
    typer.echo(f"home {report['home']}: {whole}")
    for part in parts:
        complain(part.found, part.remedy)
    show_rows([{"table": name} | found for name, found in report["tables"].items()], title="tables")
    show_rows([{"model": name} | found for name, found in report["models"].items()], title="models")
    show_rows(
        [{"issued": name, "revision -> rows": found} for name, found in report["revisions"].items() if found],
        title="revisions",
    )
    show_rows([{"key": name, "id": found} for name, found in report["keys"].items()], title="keys")
    if runs:
        typer.echo(f"last run {runs[0]['run_id']}: {runs[0]['command']}: {runs[0]['status']}")


def _revisions(store: Any, table: Any) -> dict[str, int]:
    counted: dict[str, int] = {}
    for revision in store.arrow(table, ["revision"]).column(0).to_pylist():
        counted[str(revision)] = counted.get(str(revision), 0) + 1
    return counted


def ledger(
    runs: Annotated[int, typer.Option(min=1, help="How many runs to show.")] = 5,
    files: Annotated[bool, typer.Option("--files/--no-files", help="Account for each received file.")] = True,
    json: JsonOption = False,
) -> None:
    """Runs with their steps, and per file: kept + duplicate + superseded + quarantined = received."""
    from pipelines.engine.ledger import Ledger
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from zhixiang.reports.file_accounts import file_accounts

    settings = load_settings()
    run_ledger = Ledger(settings.home)
    listed = [run | {"steps": run_ledger.steps(run["run_id"])} for run in run_ledger.runs(runs)]
    accounts = file_accounts(Store(settings)) if files else []
    if json:
        show_json({"runs": listed, "files": accounts})
        return
    for run in reversed(listed):
        show_rows(
            [
                {
                    name: step[name]
                    for name in ("step", "status", "seconds", "computed", "versions_written", "rows_written")
                }
                for step in run["steps"]
            ],
            title=f"{run['run_id']}  {run['command']}  {run['status']}",
        )
    show_rows(accounts, title="received files")
