"""``zhixiang repair``: a lost or damaged part of the home made again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zhixiang.cli.screen import JsonOption, say, show_json, warn


def repair(
    part: Annotated[
        str, typer.Argument(help="A table, or one of: bronze, ledger, models, mlflow, rules.", metavar="PART")
    ],
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; else it is only told what would be done.")
    ] = False,
    inbox: Annotated[
        Path | None, typer.Option(help="Folder of the received files; default: inbox in the home folder.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """修复 makes a lost or damaged part again from what it follows from; issued results never are."""
    from pipelines.periods import utc_now
    from pipelines.settings import load_settings
    from pipelines.storage.home_lock import sole_writer
    from zhixiang.repair import PARTS, Repairer

    settings = load_settings()
    repairer = Repairer(settings, inbox or settings.home / "inbox", utc_now())
    if yes:
        with sole_writer(settings.home):
            found = repairer.repair(part)
    else:
        found = repairer.plan(part)
    if json:
        show_json(vars(found))
        return
    say(f"{part}: {found.state}")
    if not found.does:
        say("无需修复 nothing to repair")
        return
    say(f"{'已修复 done' if found.done else '将修复 would be done'}: {found.does}")
    for note in found.notes:
        (warn if part not in PARTS else say)(note)
    if not found.done:
        say(f"-> zhixiang repair {part} --yes")
    elif found.then:
        say(f"-> {found.then}")
