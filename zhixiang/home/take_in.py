"""Files taken into the inbox: each told as it would be understood, then copied in whole. Names are told as
``shown_path`` writes them: they are bytes, and not every screen takes those.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipelines.errors import InputRefusedError, MachineError
from pipelines.file_modes import give_name
from pipelines.formats import FormatSettings, load_mappings
from pipelines.ingest.inbox import is_received, modified_at, shown_path
from pipelines.ingest.read_files import MAPPINGS_FOLDER
from pipelines.ingest.understanding import Rules, Understanding, refuse_too_large, understand
from pipelines.settings import Settings, packaged
from zhixiang.home.inbox_folder import near_names
from zhixiang.home.known_before import KnownBefore

TAKEN, WOULD_TAKE, ALREADY_THERE, REFUSED = "taken", "would_take", "already_there", "refused"


@dataclass(frozen=True)
class TakenFile:
    """What became of one file.

    outcome        taken, would_take (a dry run), already_there, refused.
    target         Where it lies, or would lie; None where it is refused.
    understanding  How it is read; None where it cannot be.
    reason         Why it was refused, where the same content lies, or why it is read again; hint what to do
                   next.
    unknown        Meter points of its readings that neither the home's master data nor files of the command
                   know -> rows of each.
    """

    file: str
    outcome: str
    target: Path | None = None
    understanding: Understanding | None = None
    reason_code: str = ""
    reason: str = ""
    line: int | None = None
    column: str | None = None
    hint: str = ""
    unknown: Mapping[str, int] = field(default_factory=dict)

    @property
    def target_shown(self) -> str | None:
        """Where it lies, or would lie, as text that any screen takes."""
        return None if self.target is None else shown_path(str(self.target))


@dataclass
class _Known:
    """Content that was taken before: SHA-256 -> where it is, said in words; the names that this command
    gives; and what the home knows.
    """

    before: KnownBefore
    by_hash: dict[str, str] = field(default_factory=dict)
    given: set[Path] = field(default_factory=set)


def rules_of(settings: Settings) -> Rules:
    """What reading goes by in a home."""
    return Rules(
        settings.platform.ingest,
        settings.section(FormatSettings),
        load_mappings(settings.conf_dir / MAPPINGS_FOLDER),
    )


def take_files(
    files: Iterable[Path],
    inbox: Path,
    rules: Rules,
    before: KnownBefore,
    *,
    dry_run: bool = False,
) -> list[TakenFile]:
    """Copies files into the inbox under their own names; what cannot be read is refused, the others go on.

    before   What the home knows already.
    dry_run  Only tell; nothing is written.
    A file appears under its final name complete, and never replaces one with other content. One that lies
    there and was refused, and that is understood now because a setting was mended, is read by the next run:
    its time is set anew.
    """
    known = _Known(before, {digest: f"{name}, read already" for digest, name in before.by_hash.items()})
    taken = [_taken(path, inbox, rules, known, dry_run) for path in files]
    return _with_unknown_points(taken, inbox, rules, before)


def _with_unknown_points(
    taken: Sequence[TakenFile], inbox: Path, rules: Rules, before: KnownBefore
) -> list[TakenFile]:
    """The same, with the meter points that nobody knows; those of all the command's files count as known,
    in whatever order it names them.
    """
    together: set[str] = set()
    asked = Counter[str]()
    for each in taken:
        if each.understanding is None or each.outcome == REFUSED:
            continue
        if each.understanding.is_master_data:
            together |= set(each.understanding.points)
        else:
            asked.update(each.understanding.points)
    unknown = before.unknown_of(asked.keys() - together, inbox, rules)
    return [
        each
        if each.understanding is None or each.understanding.is_master_data
        else replace(
            each,
            unknown={
                name: count for name, count in sorted(each.understanding.points.items()) if name in unknown
            },
        )
        for each in taken
    ]


def _taken(path: Path, inbox: Path, rules: Rules, known: _Known, dry_run: bool) -> TakenFile:
    name, told = shown_path(path.name), shown_path(str(path))
    target = inbox / path.name
    try:
        raw = _content(path, rules)
        digest = hashlib.sha256(raw).hexdigest()
        understanding = understand(name, raw, rules)
        twin = _twin(target, raw)
        if twin is not None and digest not in known.by_hash and (why := _refused_before(target, known)):
            return _again(TakenFile(told, WOULD_TAKE, target, understanding), why, dry_run=dry_run)
        if twin is not None or digest in known.by_hash:
            where = twin or known.by_hash[digest]
            return TakenFile(told, ALREADY_THERE, target if twin else None, understanding, "", where)
        if target.exists() or target.is_symlink():
            reason = f"{shown_path(str(target))} is there with other content; nothing was overwritten"
            return _name_taken(
                told, understanding, reason, "Give the file another name, then zhixiang inbox add it."
            )
        # A dry run must refuse what taking would.
        if target in known.given:
            reason = f"another file of this command is called {name} too"
            return _name_taken(told, understanding, reason, "Give one of them another name.")
    except InputRefusedError as refusal:
        return TakenFile(
            told,
            REFUSED,
            reason_code=str(refusal.reason_code),
            reason=refusal.reason,
            line=refusal.line,
            column=refusal.column,
            hint=_hint(path),
        )
    except OSError as error:
        return TakenFile(told, REFUSED, reason_code="unreadable", reason=f"{error.strerror or error}")
    taken = TakenFile(told, WOULD_TAKE, target, understanding)
    if not dry_run:
        try:
            _copy(raw, target)
        except FileExistsError:
            reason = f"{taken.target_shown} appeared meanwhile"
            return replace(taken, outcome=REFUSED, target=None, reason=reason)
        taken = replace(taken, outcome=TAKEN)
    known.by_hash[digest] = f"{name}, of this command"
    known.given.add(target)
    return taken


def _name_taken(told: str, understanding: Understanding, reason: str, hint: str) -> TakenFile:
    return TakenFile(told, REFUSED, None, understanding, "name_taken", reason, hint=hint)


def _content(path: Path, rules: Rules) -> bytes:
    if path.is_dir():
        raise InputRefusedError(path.name, "folder", "it is a folder")
    if not path.exists():
        raise InputRefusedError(path.name, "missing", "the file does not exist")
    if not path.is_file():
        raise InputRefusedError(path.name, "no_file", "it is no file")
    if not is_received(path.name):
        raise InputRefusedError(
            path.name,
            "unfinished_name",
            "hidden files and .tmp, .part and ~ are not read: they wait for a name",
        )
    refuse_too_large(path.name, path.stat().st_size, rules.limits)
    return path.read_bytes()


def _hint(path: Path) -> str:
    if path.is_dir():
        return f"Name its files: zhixiang inbox add {shown_path(str(path))}/*"
    if not path.exists():
        near = [shown_path(name) for name in near_names(path)]
        return f"Did you mean {' or '.join(near)}?" if near else ""
    return f"Mend the file and add it again; {packaged('docs') / 'formats'} tells what each format holds."


def _twin(target: Path, raw: bytes) -> str | None:
    """Where the same content lies already: under the same name in the inbox."""
    is_equal = target.is_file() and target.stat().st_size == len(raw) and target.read_bytes() == raw
    return f"{shown_path(str(target))}, the same content" if is_equal else None


def _refused_before(target: Path, known: _Known) -> str | None:
    """Why the file ledger refused the file as it lies there; None where it did not."""
    stat = target.lstat()
    state = (shown_path(target.name), stat.st_size, modified_at(stat.st_mtime_ns))
    return known.before.refused.get(state)


def _again(file: TakenFile, why: str, *, dry_run: bool) -> TakenFile:
    """A file that lies there and that reading passes over, since its state is known: given another time."""
    reason = f"refused before ({why}), and understood now"
    if dry_run or file.target is None:
        return replace(file, reason=f"{reason}; it would be read again")
    try:
        os.utime(file.target)
    except OSError as error:
        return replace(
            file,
            outcome=REFUSED,
            target=None,
            reason_code="unreadable",
            reason=f"{reason}, but its time cannot be set: {error.strerror or error}",
            hint="Give the file another name, then zhixiang inbox add it.",
        )
    return replace(file, outcome=TAKEN, reason=f"{reason}; the next run reads it again")


def _copy(raw: bytes, target: Path) -> None:
    """Whole under a name that nobody reads, then under its own; raises FileExistsError, never overwrites."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.parent / f".{target.name[:100]}.{os.getpid()}.tmp"
    try:
        with partial.open("wb") as out:
            out.write(raw)
            out.flush()
            os.fsync(out.fileno())
        give_name(partial, target)
    except FileExistsError:
        raise
    except OSError as error:
        raise MachineError(
            f"{shown_path(str(target))} could not be written: {error.strerror or error}. Nothing of it was "
            "taken.",
            "Make room or set ZHIXIANG_HOME to a folder that you may write to, then add the files again; "
            "those taken before are said to be there already.",
        ) from None
    finally:
        partial.unlink(missing_ok=True)


def counts(taken: Sequence[TakenFile]) -> dict[str, int]:
    """How many files met each end."""
    return {
        end: sum(each.outcome == end for each in taken) for end in (TAKEN, WOULD_TAKE, ALREADY_THERE, REFUSED)
    }
