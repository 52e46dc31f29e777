"""The end of a run on the screen: what was received, issued, held back and unknown, where the pages are."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Mapping
from typing import Any

from zhixiang.cli.screen import say, warn

_ISSUED = {
    "efficiency-bill": "能效账单 bills",
    "credit-index": "信用评分 scores",
    "fee-code": "转供电费码 fee codes",
}


def show_summary(summary: Mapping[str, Any]) -> None:
    """Lines of counts, first examples and the commands that show them; what is amiss goes to stderr."""
    received = summary["received"]
    if received is not None:
        again = f", {received['known_again']:,} known again" if received["known_again"] else ""
        refused = f", {len(received['refused'])} refused" if received["refused"] else ""
        say(f"收到 received: {received['files']:,} files, {received['records']:,} records{again}{refused}")
    for name, by_month in summary["issued"].items():
        counts = ", ".join(f"{month}: {count:,}" for month, count in by_month.items())
        say(f"{_ISSUED.get(name, name)}: {counts}")
    unbilled = summary["unbilled"]
    if unbilled["customers"]:
        words = "没有可发出账单的客户 customers without a bill that could be issued"
        say(f"{words}: {unbilled['customers']:,}{_why(unbilled)}")
        _show_examples(unbilled, err=False)
    for key, words in (
        ("held_back", "held back 被扣下的记录"),
        ("unknown_meter_points", "of meter points that master data do not know 未知计量点的记录"),
    ):
        if summary[key]["records"]:
            warn(f"{summary[key]['records']:,} records {words}{_why(summary[key])}")
            _show_examples(summary[key], err=True)
    if summary["page"] is not None:
        say("页面在这里 the pages are here:")
        say(f"  {summary['page']}")
        say(f"  {open_command(summary['page'])}")


def show_halted(unbilled: Mapping[str, Any]) -> None:
    """Who has no bill of a month that was halted, and the command that tells each why; to stderr."""
    warn(f"{unbilled['customers']:,} customers have no bill 户没有账单{_why(unbilled)}")
    _show_examples(unbilled, err=True)


def open_command(page: str) -> str:
    """The command that opens a page in a browser, on this machine."""
    opener = "open" if sys.platform == "darwin" else "xdg-open"
    if shutil.which(opener) is None:
        return f"python3 -m webbrowser {shlex.quote('file://' + page)}"
    return f"{opener} {shlex.quote(page)}"


def _why(found: Mapping[str, Any]) -> str:
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in found["reasons"].items())
    return f" ({reasons})" if reasons else ""


def _show_examples(found: Mapping[str, Any], *, err: bool) -> None:
    for example in found["examples"]:
        say(f"  {example}", err=err)
    say(f"  -> {found['command']}", err=err)
