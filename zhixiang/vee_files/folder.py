"""The folder that ``zhixiang vee`` writes into: nothing of the user's is taken away or overwritten, and an
earlier answer stays until a new one is whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError
from zhixiang.vee_files.held_folder import PARTIAL, HeldFolder, remove_left

OUTPUTS = (
    "intervals.parquet",
    "intervals.csv",
    "flags.csv",
    "meters.csv",
    "register_energy.csv",
    "estimation_errors.csv",
    "rejected.csv",
    "report.html",
    "summary.json",
)
SUMMARY = "summary.json"
_PROOF = "sha256_of_outputs"
_READY = ".vee-ready-"


def refuse_missing(paths: Sequence[Path]) -> None:
    """Raises UsageError where a file or folder that is named does not exist."""
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        named = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        told = "does not exist" if len(missing) == 1 else "do not exist"
        raise UsageError(f"{named} {told}.", "Name files or folders that are there; nothing was read.")


def prepare_folder(out: Path, inputs: Sequence[Path] = ()) -> None:
    """Makes the folder and makes sure that nothing is lost by writing into it; what stands there is left as
    it is.

    inputs  Files that are read, the mapping among them.

    Raises UsageError where an input would be overwritten, where a file of a name that is written stands there
    and no ``summary.json`` of an earlier run
    proves it ours by its content, and where the folder cannot be written to.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        for ready in sorted(out.glob(f"{_READY}*")):
            _take_over(ready, out)
        remove_left(out)
        standing = {name: out / name for name in OUTPUTS if os.path.lexists(out / name)}
        taken = {(found.st_dev, found.st_ino) for path in inputs if path.is_file() for found in [path.stat()]}
        read = [
            name
            for name, path in standing.items()
            if path.exists() and (path.stat().st_dev, path.stat().st_ino) in taken
        ]
        if read:
            raise UsageError(
                f"{out / read[0]} is read and would be overwritten.", "Name another folder with --out."
            )
        strange = sorted(set(standing) - set(_ours(out)))
        if strange:
            told = "is" if len(strange) == 1 else "are"
            reason = (
                f"{out} holds {', '.join(strange)}, which {told} not as an earlier run of vee wrote "
                f"{'it' if told == 'is' else 'them'}."
            )
            raise UsageError(
                reason,
                (
                    "Name another folder with --out, or move what you want to keep out of this one and "
                    "delete the rest."
                ),
            )
        # A folder that can be made but not written to is told before hours are spent on reading.
        HeldFolder(out).close()
    except OSError as error:
        raise UsageError(
            f"{out} cannot be written to: {error.strerror}.",
            "Name a folder with --out; it is made where it does not exist.",
        ) from None


@contextmanager
def written_whole(out: Path) -> Iterator[Path]:
    """A folder beside the outputs to write into. When all is written it is renamed in one step, and what is
    in it takes the place of what an earlier run wrote; a run that is killed meanwhile is ended by the next.
    """
    partial = HeldFolder(out)
    try:
        yield partial.path
        ready = out / partial.path.name.replace(PARTIAL, _READY)
        partial.path.rename(ready)
        _take_over(ready, out)
    finally:
        partial.close()


def _take_over(ready: Path, out: Path) -> None:
    """Outputs that are whole take the place of those before, the summary last: it vouches for the others."""
    fresh = {path.name for path in ready.iterdir()}
    if SUMMARY in fresh:
        for name in _ours(out):
            if name not in fresh:
                (out / name).unlink(missing_ok=True)
        for name in (name for name in OUTPUTS if name in fresh):
            (ready / name).replace(out / name)
    shutil.rmtree(ready, ignore_errors=True)


def write_summary(figures: dict[str, Any], folder: Path) -> None:
    """The figures, and the digests by which a later run knows its own files."""
    proof = {
        name: _digest(folder / name) for name in OUTPUTS if name != SUMMARY and (folder / name).is_file()
    }
    text = json.dumps(figures | {_PROOF: proof}, ensure_ascii=False, indent=2, default=str)
    (folder / SUMMARY).write_text(text + "\n", encoding="utf-8")


def _ours(out: Path) -> list[str]:
    """Names of the outputs that an earlier run wrote and that nobody has changed since."""
    try:
        told = json.loads((out / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    proof = told.get(_PROOF) if isinstance(told, dict) else None
    if not isinstance(proof, dict):
        return []
    files = [
        name for name in OUTPUTS if name in proof and (out / name).is_file() and not (out / name).is_symlink()
    ]
    return [*(name for name in files if _digest(out / name) == proof[name]), SUMMARY]


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
