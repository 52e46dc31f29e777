"""``zhixiang doctor``: is this machine ready, and what to do where it is not."""

from __future__ import annotations

from typing import Annotated

import typer

from zhixiang.cli.screen import JsonOption, say, show_json


def doctor(
    home: Annotated[
        bool, typer.Option("--home", help="Instead of the machine: is the home whole, each table and part.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Checks Python, Java, jars, memory, disk, fonts, write access, versions and settings."""
    from zhixiang.doctor import examine, examine_parts

    findings = examine_parts() if home else examine()
    if json:
        show_json([vars(finding) for finding in findings])
    else:
        for finding in findings:
            mark, colour = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}[
                finding.state
            ]
            say(f"{mark} {finding.topic:<14} {finding.found}", colour=colour)
            if finding.remedy:
                say(f"     -> {finding.remedy}")
    if any(finding.state == "fail" for finding in findings):
        raise typer.Exit(2)
