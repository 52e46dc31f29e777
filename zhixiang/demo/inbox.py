"""The demo's received files: the samples as they ship, and the files of a simulated city."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from pipelines.errors import UsageError
from pipelines.periods import BillingMonth
from pipelines.settings import packaged

MARKER = "demo.json"
SEED = 20261001
# Everything a demo makes in its home; nothing else is ever deleted.
_MADE = (
    "tables",
    "inbox",
    "simulation_truth",
    "checkpoints",
    "models",
    "mlartifacts",
    "mlflow.db",
    "ledger.sqlite",
    "out",
    "out.partial",
    "out.aside",
    "delivered",
    "reports",
    "keys",
    "public_keys.json",
    "rules",
    "held",
    "logs",
    "inbox.filling",
    "scratch",
    "warehouse",
    MARKER,
)
_RECEIVED = ("steel", "buildings", "nem12")
_NOT_RECEIVED = {".md", ".json", ".txt"}
_NOT_DELIVERED = ("shifts.csv", "refused_reasons.csv")


def wipe_demo(home: Path) -> None:
    """Empties a home that a demo made; refuses any other that holds data."""
    if not (home / MARKER).exists() and (home / "tables").exists():
        raise UsageError(
            f"{home} holds data that no demo made; --fresh would delete it.",
            "Choose another ZHIXIANG_HOME for the demo.",
        )
    for name in _MADE:
        path = home / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def fill_inbox(home: Path, inbox: Path, on_line: Callable[[str, str, float, str], None]) -> None:
    """Puts the files into the inbox, each complete before it appears there; a filled inbox is left alone."""
    marker = home / MARKER
    if marker.exists():
        return
    if (home / "tables").exists():
        raise UsageError(
            f"{home} holds data that no demo made.", "Choose another ZHIXIANG_HOME for the demo."
        )
    began = time.monotonic()
    home.mkdir(parents=True, exist_ok=True)
    staging = home / "inbox.filling"
    shutil.rmtree(staging, ignore_errors=True)
    samples = packaged("samples")
    for folder in _RECEIVED:
        for path in sorted((samples / folder).rglob("*")):
            if (
                path.is_file()
                and path.suffix not in _NOT_RECEIVED
                and "LICENSE" not in path.name
                and path.name not in _NOT_DELIVERED
                and path.parent.name != "refused"
            ):
                target = staging / path.relative_to(samples)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
    on_line("samples", "done", time.monotonic() - began, "real meter files, dates shifted")
    began = time.monotonic()
    # In a process of its own: this one is importing what the chain needs.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        pool.submit(simulate, staging, samples, home / "simulation_truth").result()
    on_line(
        "simulation",
        "done",
        time.monotonic() - began,
        "a simulated city of 3,000 enterprises and two simulated malls",
    )
    inbox.mkdir(parents=True, exist_ok=True)
    for path in sorted(staging.iterdir()):
        path.rename(inbox / path.name)
    staging.rmdir()
    marker.write_text(
        json.dumps(
            {
                "seed": SEED,
                "months": ["2026-08", "2026-09"],
                "simulated": ["simulated_city", "simulated_malls"],
            },
            indent=2,
        )
    )


def simulate(folder: Path, samples: Path, truth: Path) -> None:
    """The simulated city and malls; what is true of them goes to a folder outside the inbox."""
    from zhixiang.simulation.city import write_city
    from zhixiang.simulation.malls import write_malls

    write_city(folder / "simulated_city", samples, SEED, truth=truth)
    write_malls(
        folder / "simulated_malls",
        samples,
        SEED,
        [BillingMonth(2026, month) for month in (7, 8, 9)],
        truth=truth,
    )
