"""``zhixiang facts``: the regulated numbers in force."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from zhixiang.cli.help_texts import CommandGroup
from zhixiang.cli.screen import JsonOption, say, show_json, show_rows

app = typer.Typer(
    cls=CommandGroup,
    rich_markup_mode=None,
    help="Facts: regulated numbers with document, clause and dates.",
    no_args_is_help=True,
)


def parse_day(text: str, option: str) -> date:
    """A day from YYYY-MM-DD; raises UsageError naming the option."""
    from pipelines.errors import UsageError

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is not a day.", "Write it as YYYY-MM-DD, for example 2026-09-01."
        ) from None


@app.command("show")
def show_facts(
    on: Annotated[str, typer.Option(help="Day on which the facts hold, YYYY-MM-DD.")],
    known: Annotated[str | None, typer.Option(help="Only what was known by this day.")] = None,
    json: JsonOption = False,
) -> None:
    """What was in force on a day, and how sure it is."""
    from pipelines.facts import load_facts
    from pipelines.settings import load_settings

    rows = load_facts(load_settings().facts_dir).describe(
        parse_day(on, "--on"), parse_day(known, "--known") if known else None
    )
    listed = [row.as_dict() for row in rows]
    if json:
        show_json(listed)
        return
    columns = [
        "fact_id",
        "value",
        "unit",
        "document",
        "clause",
        "effective_from",
        "effective_to",
        "confidence",
        "file",
    ]
    show_rows(listed, columns, title=f"facts on {on}")


@app.command("check")
def check_facts(json: JsonOption = False) -> None:
    """Examines every file of facts; a malformed one is named with file and line, and the command ends with
    2.
    """
    from pipelines.facts import check_facts as check
    from pipelines.settings import load_settings

    findings = check(load_settings().facts_dir)
    problems = [finding for finding in findings if finding.is_problem]
    if json:
        show_json({"ok": not problems, "findings": [vars(finding) for finding in findings]})
    else:
        for finding in findings:
            say(
                f"{finding.file}{f':{finding.line}' if finding.line else ''}: {finding.message}",
                colour="red" if finding.is_problem else None,
            )
        say(
            f"{len(problems)} problems" if problems else "facts are well formed",
            colour="red" if problems else "green",
        )
    if problems:
        raise typer.Exit(2)


@app.command("load-prices")
def load_monthly_prices(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV: month,component,price_cny_per_kwh,document,published_on; three components a month."
        ),
    ],
    corrects: Annotated[
        bool,
        typer.Option(
            "--corrects", help="A later notice for months already loaded; earlier bills keep theirs."
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Takes a file of published monthly prices into the home's own facts, or refuses it as a whole with file
    and line.
    """
    from pipelines.facts import check_prices, load_prices
    from pipelines.settings import load_settings
    from zhixiang.home.own_conf import own_facts

    settings = load_settings()
    check_prices(file, settings.facts_dir, corrects=corrects)
    own = own_facts(settings)
    folder = own.folder
    loaded = load_prices(file, folder, corrects=corrects)
    months, replaced = ([str(month) for month in found] for found in (loaded.months, loaded.replaced))
    if json:
        show_json(
            {
                "file": str(folder / loaded.file),
                "months": months,
                "replaced": replaced,
                "settings_made": str(folder.parent) if own.is_made else None,
            }
        )
    else:
        if own.is_made:
            say(
                f"这个家有了自己的设置 the home has settings of its own now: {folder.parent} (a copy of the "
                "packaged ones; from now on they hold)"
            )
        say(f"{len(months)} months taken into {folder / loaded.file}: {', '.join(months)}", colour="green")
        if replaced:
            say(f"示意电价已被替换 in place of illustrative prices: {', '.join(replaced)}")
