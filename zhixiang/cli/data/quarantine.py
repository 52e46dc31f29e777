"""``zhixiang quarantine``: records that were held back, and their replay after a rule is mended."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zhixiang.cli.help_texts import CommandGroup
from zhixiang.cli.screen import JsonOption, complain, say, show_json, show_rows

app = typer.Typer(
    cls=CommandGroup,
    rich_markup_mode=None,
    help="Quarantine: list held-back records, replay them with today's rules.",
    no_args_is_help=True,
)
FileOption = Annotated[str | None, typer.Option("--file", help="Name or pattern of received files.")]


@app.command("list")
def list_held(
    file: FileOption = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Reason code, for example bad_date.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Records to show.")] = 50,
    json: JsonOption = False,
) -> None:
    """Held-back records with file, line, column and reason."""
    from pipelines.codes import RejectReason
    from pipelines.errors import UnknownNameError
    from pipelines.ingest.quarantine_replay import held_records
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store

    known = [member.value for member in RejectReason]
    if reason is not None and reason not in known:
        raise UnknownNameError("reason", reason, known, is_public=True)
    rows = held_records(Store(load_settings()), file, reason)
    if json:
        show_json({"held": len(rows), "records": rows[:limit]})
        return
    shown = ("source_file", "line_number", "column_name", "reason_code", "reason", "stage")
    show_rows(rows[:limit], shown, title="quarantine")
    if len(rows) > limit:
        say(f"{len(rows) - limit} more; --limit shows them, --json with their content")


@app.command("replay")
def replay_held(
    file: FileOption = None,
    inbox: Annotated[
        Path | None, typer.Option(help="Folder of the received files; default: inbox in the home folder.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Reads the files of held-back records again with today's rules; what now passes enters bronze exactly
    once.
    """
    from pipelines.engine.ledger import Ledger
    from pipelines.ingest.quarantine_replay import replay
    from pipelines.periods import utc_now
    from pipelines.settings import load_settings
    from pipelines.storage.home_lock import sole_writer
    from pipelines.storage.store import Store
    from zhixiang.chain import adopt_declarations
    from zhixiang.home.inbox_folder import inbox_folder

    settings = load_settings()
    arrived = inbox_folder(settings.home, inbox)
    with sole_writer(settings.home):
        adopt_declarations(settings)
        ledger, now = Ledger(settings.home), utc_now()
        run_id = ledger.begin("quarantine replay" + (f" --file {file}" if file else ""), now)
        try:
            summary = replay(Store(settings), arrived, run_id, now, file)
        except BaseException as error:
            ledger.end(run_id, utc_now(), getattr(error, "exit_code", 1), str(error)[:500])
            raise
        code = _exit_code({found.outcome for found in summary.files})
        ledger.end(run_id, utc_now(), code)
    rows = [vars(found) for found in summary.files]
    if json:
        show_json({"run_id": run_id, "entered": summary.entered, "files": rows})
    else:
        show_rows(rows, title="replayed")
        if summary.entered:
            say(
                f"{summary.entered} rows entered bronze; `zhixiang run --month YYYY-MM --from silver` takes "
                "them on"
            )
    for found in summary.files:
        if found.outcome in ("absent", "halted", "refused"):
            complain(f"{found.outcome} {found.source_file}: {found.reason}")
    if code:
        raise typer.Exit(code)


def _exit_code(outcomes: set[str]) -> int:
    return 4 if "halted" in outcomes else 3 if outcomes & {"absent", "refused"} else 0
