"""Entry point: builds the command tree and turns the error family into one line, a hint and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated

import typer

from zhixiang.cli.data import edits, facts, inbox, quality, quarantine, tables, vee
from zhixiang.cli.events import configure_events
from zhixiang.cli.help_texts import CommandGroup
from zhixiang.cli.models import models
from zhixiang.cli.operations import bench, demo, doctor, init, keys, repair, reports, run, verify
from zhixiang.cli.products import (
    bill_options,
    bills,
    codes,
    corrections,
    explain,
    indices,
    replays,
    scores,
    tariff,
    tariff_options,
    unbilled,
    what_if,
)
from zhixiang.cli.screen import complain
from zhixiang.foreseen import foreseen

app = typer.Typer(
    name="zhixiang",
    cls=CommandGroup,
    rich_markup_mode=None,
    help="智享 zhixiang: metering data in; efficiency bills, credit scores and fee codes out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
WITH_COMMANDS = (bills, keys, replays, unbilled, tariff, what_if)
"""Modules whose import adds commands to a group that several of them share."""

app.command("init")(init.init)
app.command("demo")(demo.demo)
app.command("run")(run.run)
app.command("vee")(vee.vee)
app.command("doctor")(doctor.doctor)
app.command("repair")(repair.repair)
app.command("status")(reports.status)
app.command("ledger")(reports.ledger)
app.command("verify")(verify.verify)
app.command("explain")(explain.explain)
app.command("corrections")(corrections.corrections)
app.add_typer(inbox.app, name="inbox")
app.add_typer(tables.app, name="table")
app.add_typer(facts.app, name="facts")
app.add_typer(tariff_options.app, name="tariff")
app.add_typer(indices.app, name="index")
app.add_typer(models.app, name="model")
app.add_typer(quality.app, name="quality")
app.add_typer(bill_options.app, name="bill")
app.add_typer(scores.app, name="score")
app.add_typer(codes.app, name="code")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(edits.app, name="edit")
app.add_typer(edits.keys, name="key")
app.add_typer(bench.app, name="bench")


def _show_version(value: bool) -> None:
    if value:
        from zhixiang import __version__

        typer.echo(f"zhixiang {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave."),
    ] = False,
) -> None:
    """Options that hold for every command."""


def main() -> None:
    """Runs the command line and leaves at once: threads of native libraries may abort an ordinary end of the
    interpreter.
    """
    code = run_app()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def run_app() -> int:
    """The exit code; never shows a stack trace unless ZHIXIANG_DEBUG is set."""
    configure_events()
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except KeyboardInterrupt:
        complain("Stopped.", "What was committed stays; run the command again to go on.")
        return 130
    except Exception as error:
        _debug()
        found = foreseen(error)
        if found is not None:
            complain(found.message, found.hint)
            return found.exit_code
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        complain(
            f"Unexpected: {type(error).__name__}: {first}",
            "Set ZHIXIANG_DEBUG=1 to see where, and please report it.",
        )
        return 1
    return 0


def _debug() -> None:
    if os.environ.get("ZHIXIANG_DEBUG"):
        traceback.print_exc()


if __name__ == "__main__":
    main()
