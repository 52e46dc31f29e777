"""What becomes of files that are taken into the inbox, on the screen and as JSON, for every command that
takes some.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zhixiang.cli.screen import complain, say, warn

SHOWN_POINTS = 5

if TYPE_CHECKING:
    from zhixiang.home.take_in import TakenFile


def tell_taken(taken: Sequence[TakenFile]) -> None:
    """How each file is understood and what became of it, then the counts."""
    from zhixiang.home.take_in import counts

    for each in taken:
        _tell(each)
    say(", ".join(f"{count} {end.replace('_', ' ')}" for end, count in counts(taken).items() if count))


def taken_as_json(taken: Sequence[TakenFile], inbox: Path) -> dict[str, Any]:
    """The same for programs."""
    from pipelines.ingest.inbox import shown_path
    from zhixiang.home.take_in import counts

    return {
        "inbox": shown_path(str(inbox)),
        "counts": counts(taken),
        "files": [_as_json(each) for each in taken],
    }


def _tell(each: TakenFile) -> None:
    known = each.understanding
    if known is not None:
        span = f", {known.first} to {known.last}" if known.first else ""
        say(
            f"{each.file}: {known.title} ({known.format_id}) -> {known.table}: "
            f"{known.records:,} records{span}"
        )
        for note in known.notes:
            say(f"  {note}")
        if known.rejected:
            warn(f"{each.file}: {known.rejected} records would be held back 会被扣下; the first:")
            for reject in known.rejects:
                column = f" {reject['column_name']}" if reject["column_name"] else ""
                say(f"  line {reject['line_number']}{column}: {reject['reason']}", err=True)
    if each.unknown:
        first = ", ".join(list(each.unknown)[:SHOWN_POINTS])
        more = ", ..." if len(each.unknown) > SHOWN_POINTS else ""
        warn(
            f"{each.file}: 未知计量点 no master data know {len(each.unknown):,} of its meter points "
            f"({first}{more}); their {sum(each.unknown.values()):,} rows would be held back"
        )
        say("  -> Add their master data before the run; records that wait come with it.", err=True)
    if each.outcome == "refused":
        at = f" line {each.line}" if each.line else ""
        column = f" column {each.column}" if each.column else ""
        complain(f"refused {each.file}:{at}{column} {each.reason}", each.hint)
    elif each.outcome == "already_there":
        say(f"  already there: {each.reason}")
    else:
        say(f"  {'taken into' if each.outcome == 'taken' else 'would be taken into'} {each.target_shown}")
        if each.reason:
            say(f"  {each.reason}")


def _as_json(each: TakenFile) -> dict[str, Any]:
    known = each.understanding
    return {
        "file": each.file,
        "outcome": each.outcome,
        "target": each.target_shown,
        "understood": {name: value for name, value in vars(known).items() if name != "points"}
        if known
        else None,
        "unknown_meter_points": dict(each.unknown),
        "reason_code": each.reason_code or None,
        "reason": each.reason or None,
        "line": each.line,
        "column": each.column,
    }
