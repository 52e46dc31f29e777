"""The demo's received files: the samples as they ship, and the files of a simulated city."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path

from pipelines.errors import UsageError, ZhixiangError
from pipelines.file_modes import make_folder
from pipelines.periods import BillingMonth
from pipelines.settings import packaged
from pipelines.tables.bronze import BronzeFiles

MARKER = "demo.json"
FILLING = "inbox.filling"
SEED = 20261001
# Everything a demo makes in its home beside the files of the inbox; nothing else is ever deleted.
_MADE = (
    "tables",
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
    FILLING,
    "scratch",
    "warehouse",
    MARKER,
)
_RECEIVED = ("steel", "buildings", "nem12")
_SIMULATED = ("simulated_city", "simulated_malls")
_NOT_RECEIVED = {".md", ".json", ".txt"}
_NOT_DELIVERED = ("shifts.csv", "refused_reasons.csv")


def wipe_demo(home: Path) -> None:
    """Empties a home that a demo made; refuses any other that holds data. In the inbox it deletes what the
    demo wrote and nobody changed since; files of the user's own stay.
    """
    marker = home / MARKER
    if not marker.exists() and (home / "tables").exists():
        raise UsageError(
            f"{home} holds data that no demo made; --fresh would delete it.",
            "Choose another ZHIXIANG_HOME for the demo.",
        )
    if marker.exists():
        _clear_inbox(home / "inbox", _written(home))
    for name in _MADE:
        path = home / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _clear_inbox(inbox: Path, written: Mapping[str, Collection[str]]) -> None:
    """Deletes the files of the list whose content is still one of the list, and folders that are empty
    then.
    """
    root = inbox.resolve()
    for name, digests in written.items():
        path = inbox / name
        is_inside = path.resolve().is_relative_to(root)
        if is_inside and path.is_file() and not path.is_symlink() and _digest(path) in digests:
            path.unlink()
    folders = {parent for name in written for parent in Path(name).parents if parent.name}
    for folder in sorted(folders, key=lambda path: -len(path.parts)):
        with suppress(OSError):  # it holds files of the user's own, or is gone
            (inbox / folder).rmdir()


def _written(home: Path) -> dict[str, set[str]]:
    """The files that the demo wrote into the inbox, with their SHA-256.

    A demo before 0.3 kept no list. Of it these are the files that bear the names of its files, with the
    content of today's samples and the one that its first run read under the name, which nobody had changed
    yet.
    """
    try:
        listed = json.loads((home / MARKER).read_text(encoding="utf-8")).get("files")
    except (ValueError, AttributeError):
        listed = None
    if isinstance(listed, dict):
        return {str(name): {str(digest)} for name, digest in listed.items()}
    samples, read = packaged("samples"), _first_read(home)
    found = {path.relative_to(samples).as_posix(): {_digest(path)} for path in _sample_files(samples)}
    for folder in _SIMULATED:
        for path in (home / "inbox" / folder).glob(f"*{folder}*"):
            found[path.relative_to(home / "inbox").as_posix()] = set()
    return {name: digests | ({read[name]} if name in read else set()) for name, digests in found.items()}


def _first_read(home: Path) -> dict[str, str]:
    """Name of each file below the inbox -> SHA-256 under which the home's file ledger met it first; none
    where the ledger is gone or damaged.
    """
    from pipelines.settings import Settings
    from pipelines.storage.store import Store

    try:
        rows = Store(Settings(packaged("conf"), home)).arrow(
            BronzeFiles, ["source_file", "content_hash", "received_at_utc"]
        )
    except ZhixiangError:
        return {}
    first: dict[str, str] = {}
    for row in rows.sort_by("received_at_utc").to_pylist():
        first.setdefault(row["source_file"], row["content_hash"])
    return first


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _sample_files(samples: Path) -> list[Path]:
    """The samples that the demo receives."""
    return [
        path
        for folder in _RECEIVED
        for path in sorted((samples / folder).rglob("*"))
        if (
            path.is_file()
            and path.suffix not in _NOT_RECEIVED
            and "LICENSE" not in path.name
            and path.name not in _NOT_DELIVERED
            and path.parent.name != "refused"
        )
    ]


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
    make_folder(home)
    staging = home / FILLING
    shutil.rmtree(staging, ignore_errors=True)
    samples = packaged("samples")
    for path in _sample_files(samples):
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
    written = {
        path.relative_to(staging).as_posix(): _digest(path)
        for path in sorted(staging.rglob("*"))
        if path.is_file()
    }
    kept = _move_in(staging, inbox, written)
    if kept:
        on_line("inbox", "kept", 0.0, f"files of your own, not replaced: {', '.join(kept[:3])}")
    shutil.rmtree(staging)
    marker.write_text(
        json.dumps(
            {
                "seed": SEED,
                "months": ["2026-08", "2026-09"],
                "simulated": list(_SIMULATED),
                "files": {name: digest for name, digest in written.items() if name not in kept},
            },
            indent=2,
        )
    )


def _move_in(staging: Path, inbox: Path, written: Mapping[str, str]) -> list[str]:
    """Moves the files into the inbox and returns the names of those that lie there with other content: they
    are the user's own and stay.
    """
    kept = []
    for name, digest in written.items():
        target = inbox / name
        if target.exists() and not (target.is_file() and _digest(target) == digest):
            kept.append(name)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        (staging / name).replace(target)
    return kept


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
