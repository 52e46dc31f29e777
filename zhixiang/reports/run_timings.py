"""Where the seconds of a run went: a row for each part, and their sum, which is the wall time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.timings import PHASES, Shares

TOTAL = "total"
PHASE_WORDS = {
    "fingerprint": ("指纹", "hash"),
    "read": ("读", "read"),
    "compute": ("算", "calc"),
    "gate": ("闸", "gate"),
    "write": ("写", "write"),
    "commit": ("提交", "commit"),
    "pages": ("页", "pages"),
    "other": ("其他", "other"),
}
"""Phase -> its heads, Chinese and English, in the order of the columns; ``other`` is starting and waiting."""


def timing_rows(shares: Shares) -> list[dict[str, Any]]:
    """Rows with ``part``, seconds by phase, and ``seconds``, their sum; the last is that of all parts, which
    is the wall time. Empty for a run of which nothing is known.
    """
    if not shares:
        return []
    total = {name: sum(phases.get(name, 0.0) for phases in shares.values()) for name in PHASES}
    return [_row(part, phases) for part, phases in [*shares.items(), (TOTAL, total)]]


def _row(part: str, phases: Mapping[str, float]) -> dict[str, Any]:
    seconds = {name: phases.get(name, 0.0) for name in PHASES}
    return {"part": part, **seconds, "seconds": sum(seconds.values())}
