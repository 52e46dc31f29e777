"""``zhixiang facts``: the regulated numbers in force."""

from __future__ import annotations

from typing import Annotated

import typer

from zhixiang.cli.screen import JsonOption, show_json, show_rows

app = typer.Typer(help="Facts: regulated numbers with document, clause and dates.", no_args_is_help=True)


def _day(text: str, option: str):  # type: ignore[no-untyped-def]  # datetime is imported late
    from datetime import date

    from pipelines.errors import UsageError

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is not a day.", "Write it as YYYY-MM-DD, for example 2026-09-01.") from None


@app.command("show")
def show_facts(
    on: Annotated[str, typer.Option(help="Day on which the facts hold, YYYY-MM-DD.")],
    known: Annotated[str | None, typer.Option(help="Only what was known by this day.")] = None,
    json: JsonOption = False,
) -> None:
    """What was in force on a day, and how sure it is."""
    from pipelines.facts import load_facts
    from pipelines.settings import load_settings

    rows = load_facts(load_settings().facts_dir).describe(_day(on, "--on"), _day(known, "--known") if known else None)
    listed = [dict(row) if isinstance(row, dict) else vars(row) for row in rows]
    show_json(listed) if json else show_rows(listed, title=f"facts on {on}")


@app.command("check")
def check_facts(json: JsonOption = False) -> None:
    """Loads every file of facts and says what is covered; the first malformed one ends with its file and line."""
    from pipelines.facts import check_facts as check
    from pipelines.settings import load_settings

    notes = [str(note) for note in check(load_settings().facts_dir)]
    if json:
        show_json({"ok": True, "notes": notes})
        return
    for note in notes:
        typer.echo(note)
    typer.secho("facts are well formed", fg="green")
