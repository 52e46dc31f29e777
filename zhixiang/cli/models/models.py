"""``zhixiang model``: promoted models; the registry itself is browsed with MLflow."""

from __future__ import annotations

from typing import Annotated

import typer

from zhixiang.cli.help_texts import CommandGroup
from zhixiang.cli.screen import JsonOption, say, show_json, show_rows
from zhixiang.pasteable import browse_registry

app = typer.Typer(
    cls=CommandGroup,
    rich_markup_mode=None,
    help="Models: the promoted ones, and the way back.",
    no_args_is_help=True,
)


@app.command("list")
def list_models(json: JsonOption = False) -> None:
    """Every promoted model with its champion, versions and metrics, and how to open the registry."""
    from pipelines.models.registry import Registry
    from pipelines.settings import load_settings

    registry = Registry(load_settings())
    known = registry.known()
    if json:
        show_json(known)
        return
    show_rows(known, ["name", "champion", "versions"], title="模型 models")
    for model in known:
        show_rows(
            [{"metric": name, "value": value} for name, value in sorted(model["metrics"].items())],
            title=f"{model['name']} {model['champion']}",
        )
    say(f"browse: {browse_registry(registry.tracking_uri)}")


@app.command("rollback")
def roll_back(
    name: Annotated[str, typer.Argument(help="Registered name.")],
    version: Annotated[str, typer.Argument(help="Earlier version.")],
) -> None:
    """Makes an earlier promoted version the champion again."""
    from pipelines.models.registry import Registry
    from pipelines.settings import load_settings
    from pipelines.storage.home_lock import sole_writer

    settings = load_settings()
    with sole_writer(settings.home):
        bundle = Registry(settings).roll_back(name, version)
    say(f"{name}: champion is version {bundle.version} again; `zhixiang run` scores with it from now on")
