"""What the commands of ``zhixiang tariff`` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhixiang.cli.help_texts import CommandGroup

if TYPE_CHECKING:
    from pipelines.facts import Facts


app = typer.Typer(
    cls=CommandGroup,
    rich_markup_mode=None,
    help="Tariff 电价: prices in force, a case priced, other terms compared.",
    no_args_is_help=True,
)


CaseFile = Annotated[
    Path,
    typer.Argument(
        metavar="CASE.yaml", help="The case; docs/tariff-case.md describes it, docs/examples has one."
    ),
]


def facts_in_force() -> Facts:
    """The facts of the conf/ in use."""
    from pipelines.facts import load_facts
    from pipelines.settings import load_settings

    return load_facts(load_settings().facts_dir)
