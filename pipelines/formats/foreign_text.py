"""Why a text file is no CSV as read here: another width of characters, another separator, another end of
lines.
"""

from __future__ import annotations

from pipelines.formats.contract import RefusalReason

_HEAD_BYTES = 1 << 16
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_SEPARATORS = {b";": "semicolons", b"\t": "tabs", b"|": "bars"}


def foreign_text(content: bytes) -> tuple[RefusalReason, str] | None:
    """The reason and what to do about it, from the first line; none where commas and lines are as they should
    be.
    """
    head = content[:_HEAD_BYTES]
    if head.startswith(_UTF16) or head[1:64:2].count(0) > len(head[1:64:2]) // 2:
        return (
            RefusalReason.BAD_ENCODING,
            "the file is UTF-16; save it as UTF-8 (or GBK, where its source is declared so)",
        )
    line = head.split(b"\n", 1)[0]
    if b"\n" not in head and b"\r" in line.rstrip(b"\r"):
        return RefusalReason.BAD_STRUCTURE, "lines end in CR alone; save the file with LF or CRLF"
    for separator, name in _SEPARATORS.items():
        if b"," not in line and line.count(separator) > 0:
            return (
                RefusalReason.BAD_STRUCTURE,
                f"the columns are separated by {name}; save the file with commas",
            )
    return None
