"""The last line of a text file: without a line end it may have been cut, inside a number too."""

from __future__ import annotations

from pipelines.formats.csv_records import Lines

CUT_REASON = "the last line has no line end and is shorter than every other: it was cut inside a value"


def last_line(lines: Lines, least_lines: int) -> tuple[int | None, str | None]:
    """The last line where it was surely cut, and what must be said of it; none where it has a line end.

    least_lines  With fewer others, their lengths say nothing.

    Many senders write no last line end, so the line stands unless it is shorter than every other.
    """
    if not len(lines) or lines.content.endswith((b"\n", b"\r")):
        return None, None
    number, lengths = int(lines.numbers[-1]), lines.ends - lines.starts
    if len(lines) > least_lines and int(lengths[-1]) < int(lengths[:-1].min()):
        return number, f"line {number}: {CUT_REASON}; it is held back"
    return None, f"line {number}: the last line has no line end: it may be cut"
