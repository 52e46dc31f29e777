"""``zhixiang inbox``: files taken in, and what became of those that arrived."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zhixiang.cli.help_texts import CommandGroup
from zhixiang.cli.screen import JsonOption, say, show_json, show_rows
from zhixiang.cli.taken_files import taken_as_json, tell_taken

app = typer.Typer(
    cls=CommandGroup,
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
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from zhixiang.home.inbox_folder import inbox_folder
    from zhixiang.home.known_before import known_before
    from zhixiang.home.take_in import REFUSED, TAKEN, counts, rules_of, take_files

    settings = load_settings()
    inbox = inbox_folder(settings.home, None)
    taken = take_files(files, inbox, rules_of(settings), known_before(Store(settings)), dry_run=dry_run)
    told = counts(taken)
    if json:
        show_json(taken_as_json(taken, inbox))
    else:
        tell_taken(taken)
        if told[TAKEN]:
            say("接下来 next: zhixiang run --month YYYY-MM")
    if told[REFUSED]:
        raise typer.Exit(3)


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
        say(f"{waiting} wait for the next run: zhixiang run --month YYYY-MM")
