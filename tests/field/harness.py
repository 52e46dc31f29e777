"""The command that a user types, run in this process, and what came of it."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zhixiang.cli import main

INPUTS = Path(__file__).parent / "inputs"
NOW = datetime(2026, 11, 30, 4, tzinfo=UTC)
"""The day on which every case is run: later days are held back, so that no case may hang on the clock."""


@dataclass(frozen=True)
class Got:
    """What a command did.

    screen      What a user sees, standard output first, blanks folded; a file that was given is <file>.
    intervals   intervals.parquet of ``vee``; None where no curve came out.
    registers   register_energy.csv of ``vee``.
    checks      Rows of flags.csv, by check.
    days        Local days that carry a check: meter point, channel, day, check.
    rejects     Rows of rejected.csv, by reason code; lines that gave way to others are among them.
    reasons     What those rows say, each sentence once.
    answer      JSON of the other commands.
    """

    exit_code: int
    screen: str
    intervals: pa.Table | None = None
    registers: tuple[dict[str, str], ...] = ()
    checks: Counter[str] = field(default_factory=Counter)
    days: tuple[tuple[str, str, str, str], ...] = ()
    rejects: Counter[str] = field(default_factory=Counter)
    reasons: str = ""
    answer: Any = None


def command(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of ``zhixiang`` in this process, on a fixed day."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["zhixiang", *map(str, arguments)]),
        mock.patch("pipelines.periods.utc_now", return_value=NOW),
        mock.patch("zhixiang.cli.main.configure_events"),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = main.run_app()
    return code, out.getvalue(), err.getvalue()


def vee(files: list[Path], mapping: Path | None, out: Path, options: tuple[str, ...] = ()) -> Got:
    """``zhixiang vee`` of files.

    out  Folder that the command makes.
    """
    declared = ["--mapping", str(mapping)] if mapping else []
    code, said, complained = command("vee", *files, *declared, *options, "--out", out)
    complained = complained.replace(str(out), "<out>")
    said = said.replace(str(out), "<out>")
    flags = _rows(out / "flags.csv")
    told, held = out / "intervals.parquet", _rows(out / "rejected.csv")
    shown = _shown(said, complained, [*files, *([mapping] if mapping else [])])
    return Got(
        code,
        shown,
        pq.read_table(told) if told.exists() else None,
        tuple(_rows(out / "register_energy.csv")),
        Counter(row["check_id"] for row in flags),
        tuple(
            (row["meter_point_id"], row["channel_code"], row["curve_date"], row["check_id"]) for row in flags
        ),
        Counter(row["reason_code"] for row in held),
        " ".join(dict.fromkeys(row["reason"] for row in held)),
    )


def asked(*arguments: str | Path) -> Got:
    """Any other command with ``--json``."""
    code, said, complained = command(*arguments, "--json")
    try:
        answer = json.loads(said)
    except ValueError:
        answer = None
    paths = [argument for argument in arguments if isinstance(argument, Path)]
    return Got(code, _shown(said, complained, paths), answer=answer)


def energy_by_channel(got: Got, column: str = "final_kwh_or_kvarh") -> dict[str, float]:
    """Sum of intervals over all meter points. [kWh or kvarh]"""
    if got.intervals is None:
        return {}
    sums = got.intervals.group_by("channel_code").aggregate([(column, "sum")]).to_pylist()
    return {row["channel_code"]: row[f"{column}_sum"] or 0.0 for row in sums}


def statuses(got: Got) -> Counter[str]:
    """Intervals by status; the estimates of all methods are one."""
    if got.intervals is None:
        return Counter()
    words = pc.replace_substring_regex(got.intervals["status"], "^estimated.*", "estimated")
    return Counter({row["values"]: row["counts"] for row in pc.value_counts(words).to_pylist()})


def values_at(got: Got, moments: list[str], channel: str) -> list[tuple[str, float | None]]:
    """Status and final energy at local begins of intervals, of the one meter point of a case."""
    if got.intervals is None:
        return [("missing", None)] * len(moments)
    mine = got.intervals.filter(pc.equal(got.intervals["channel_code"], channel))
    found = {
        str(row["interval_start_local"])[:16]: (row["status"], row["final_kwh_or_kvarh"])
        for row in mine.to_pylist()
    }
    return [found.get(moment, ("missing", None)) for moment in moments]


def days_energy(got: Got, channel: str) -> dict[str, float]:
    """Energy by local day over all meter points. [kWh]"""
    if got.intervals is None:
        return {}
    mine = got.intervals.filter(pc.equal(got.intervals["channel_code"], channel))
    days = mine["interval_start_local"].to_numpy().astype("datetime64[D]")
    values = np.nan_to_num(mine["final_kwh_or_kvarh"].to_numpy().astype(float))
    names, place = np.unique(days, return_inverse=True)
    return dict(zip(names.astype(str).tolist(), np.bincount(place, values).tolist(), strict=True))


def _shown(said: str, complained: str, paths: list[Path]) -> str:
    """Blanks folded; a path that was given is ``<file>``, so that no pattern finds its words in a name."""
    text = re.sub(r"\s+", " ", f"{said} {complained}").strip()
    for path in paths:
        text = text.replace(str(path), "<folder>" if path.is_dir() else "<file>")
    return text


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))
