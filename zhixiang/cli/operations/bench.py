"""``zhixiang bench``: how fast this machine is on a known load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zhixiang.cli.help_texts import CommandGroup
from zhixiang.cli.screen import JsonOption, show_json, show_record, show_rows

app = typer.Typer(
    cls=CommandGroup,
    rich_markup_mode=None,
    help="Yardsticks on simulated load; the comparison with other engines is `make bench`.",
    no_args_is_help=True,
)

CITY_METERS = 5_400_000


@app.command("city-day")
def city_day(
    meters: Annotated[
        int, typer.Option(min=1, help="Distinct meters; each sends 96 intervals.")
    ] = CITY_METERS,
    seed: Annotated[int, typer.Option(help="The same seed makes the same city.")] = 1,
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Folder for the data; default: bench/ in the home.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the data there.")] = False,
    json: JsonOption = False,
) -> None:
    """One day of a simulated city: received curves and kept profiles on disk, through validation and
    estimation, into committed silver.
    """
    from pipelines.settings import default_home
    from zhixiang.city_day import run_city_day

    def say(text: str) -> None:
        if not json:
            typer.echo(text, err=True)

    day = run_city_day((folder or default_home() / "bench") / "city-day", meters, seed, keep=keep, say=say)
    if json:
        show_json(day.as_dict())
        return
    shown = day.as_dict()
    faults = {
        "missing": "missing_found",
        "spikes": "spikes_found",
        "negatives": "negatives_found",
        "sent_twice": "sent_twice",
    }
    figures = (
        "meters",
        "reads",
        "files",
        "cores",
        "start_s",
        "refine_s",
        "commit_s",
        "total_s",
        "goal_s",
        "reads_per_second",
        "received_gb",
        "silver_gb",
    )
    show_record({name: shown[name] for name in figures}, title="one day of a simulated city")
    show_rows(
        [
            {"fault": name, "planted": day.planted[name], "found": day.found[key]}
            for name, key in faults.items()
        ],
        title="faults",
    )
    typer.echo(f"spikes found where none was planted: {day.found['spikes_beside']:,}")
