"""``zhixiang init``: a new home with settings, an inbox and example files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zhixiang.cli.screen import JsonOption, say, show_json


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New or empty folder for the home.")],
    examples: Annotated[
        bool, typer.Option("--examples/--no-examples", help="An example file of each kind in the inbox.")
    ] = True,
    json: JsonOption = False,
) -> None:
    """Writes a home: commented settings, an inbox with example files, and what to do next."""
    from zhixiang.home.begin import EXAMPLE_MONTH, INBOX, README, begin_home
    from zhixiang.pasteable import pasteable

    made = begin_home(folder, with_examples=examples)
    if examples:
        following = [
            pasteable("zhixiang", "run", "--month", EXAMPLE_MONTH, home=made.home),
            pasteable("zhixiang", "bill", "show", "EX-1001", "--month", EXAMPLE_MONTH, home=made.home),
        ]
    else:
        following = [
            f"{pasteable('zhixiang', 'inbox', 'add', home=made.home)} FILES",
            f"{pasteable('zhixiang', 'run', '--month', home=made.home)} YYYY-MM",
        ]
    if json:
        show_json({"home": str(made.home), "example_files": list(made.files), "next": following})
        return
    lines = [
        "智享之家建好了 / The home is made:",
        f"  {made.home}",
        f"  conf/  设置，每个键都有说明 settings, each key described; {README}  下一步 what comes next",
        f"  {INBOX}/  {len(made.files)} 个示例文件 example files",
        "接下来 / Next:",
        *(f"  {line}" for line in following),
    ]
    for line in lines:
        say(line)
