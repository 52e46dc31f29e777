"""``python -m zhixiang.cli.operations.prepare``: what set-up does after the packages are installed."""

from __future__ import annotations

import sys

import typer

from pipelines.errors import ZhixiangError
from zhixiang.cli.screen import complain


def main() -> int:
    """Fetches Delta's jars and makes the class-data archive; both only once per machine."""
    from pipelines.settings import load_settings
    from pipelines.storage.session.spark import prepare

    try:
        prepare(load_settings(), lambda text: typer.echo(f"zhixiang: {text} ...", err=True))
    except ZhixiangError as error:
        complain(error.message, error.hint)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
