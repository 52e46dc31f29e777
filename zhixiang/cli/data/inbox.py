"""``zhixiang inbox``: files taken in, and what became of those that arrived."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhixiang.cli.screen import JsonOption, complain, show_json, show_rows, warn

if TYPE_CHECKING:
    from zhixiang.home.take_in import TakenFile

app = typer.Typer(
    rich_markup_mode=None,
    help="Inbox: take files in, told as they are understood; list what arrived.",
    no_args_is_help=True,
)


@app.command("add")
def add_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILES...", help="Files to take into the inbox.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell how each file would be understood.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Tells how each file is understood and copies it in whole; what cannot be read is refused, the others
    are taken.
    """
    from pipelines.ingest.file_ledger import known_hashes
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from zhixiang.home.inbox_folder import inbox_folder
    from zhixiang.home.take_in import REFUSED, TAKEN, counts, rules_of, take_files

    settings = load_settings()
    inbox = inbox_folder(settings.home, None)
    taken = take_files(files, inbox, rules_of(settings), known_hashes(Store(settings)), dry_run=dry_run)
    told = counts(taken)
    if json:
        show_json({"inbox": str(inbox), "counts": told, "files": [_as_json(each) for each in taken]})
    else:
        for each in taken:
            _tell(each)
        typer.echo(", ".join(f"{count} {end.replace('_', ' ')}" for end, count in told.items() if count))
        if told[TAKEN]:
            typer.echo("接下来 next: zhixiang run --month YYYY-MM")
    if told[REFUSED]:
        raise typer.Exit(3)


def _tell(each: TakenFile) -> None:
    """How one file is understood, and what became of it."""
    known = each.understanding
    if known is not None:
        span = f", {known.first} to {known.last}" if known.first else ""
        typer.echo(
            f"{each.file}: {known.title} ({known.format_id}) -> {known.table}: "
            f"{known.records:,} records{span}"
        )
        for note in known.notes:
            typer.echo(f"  {note}")
        if known.rejected:
            warn(f"{each.file}: {known.rejected} records would be held back; the first:")
        for reject in known.rejects:
            column = f" {reject['column_name']}" if reject["column_name"] else ""
            typer.echo(f"  line {reject['line_number']}{column}: {reject['reason']}", err=True)
    if each.outcome == "refused":
        at = f" line {each.line}" if each.line else ""
        column = f" column {each.column}" if each.column else ""
        complain(f"refused {each.file}:{at}{column} {each.reason}", each.hint)
    elif each.outcome == "already_there":
        typer.echo(f"  already there: {each.reason}")
    else:
        typer.echo(f"  {'taken into' if each.outcome == 'taken' else 'would be taken into'} {each.target}")


def _as_json(each: TakenFile) -> dict[str, Any]:
    known = each.understanding
    return {
        "file": each.file,
        "outcome": each.outcome,
        "target": str(each.target) if each.target else None,
        "understood": vars(known) if known else None,
        "reason_code": each.reason_code or None,
        "reason": each.reason or None,
        "line": each.line,
        "column": each.column,
    }


@app.command("list")
def list_files(
    inbox: Annotated[
        Path | None, typer.Option(help="Folder of the received files; default: inbox in the home folder.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """The files in the inbox, and what became of each: waiting, accepted, known content, or refused."""
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from zhixiang.home.inbox_folder import inbox_folder
    from zhixiang.reports.arrived_files import arrived_files

    settings = load_settings()
    rows = arrived_files(Store(settings), inbox_folder(settings.home, inbox))
    if json:
        show_json(rows)
        return
    show_rows(rows, ["file", "state", "table", "records", "held_back", "reason"], title="inbox")
    waiting = sum(row["state"] == "waiting" for row in rows)
    if waiting:
        typer.echo(f"{waiting} wait for the next run: zhixiang run --month YYYY-MM")
