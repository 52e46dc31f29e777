"""Labels in the cells of a list, so that a narrow screen can show each row as a card of its own.

A template marks such a table ``class="rows"``; what its heads say is put into each cell below them once the
page is made, and the kit's sheet shows it there where the heads have no room.
"""

from __future__ import annotations

import html
import re

_TABLE = re.compile(r'(<table\b[^>]*? class="(?:[^"]* )?rows(?: [^"]*)?"[^>]*>)(.*?)(</table>)', re.DOTALL)
_HEAD = re.compile(r"<th\b[^>]*>(.*?)</th>", re.DOTALL)
_ROW = re.compile(r"<tr\b.*?(?:</tr>|(?=<tr\b)|\Z)", re.DOTALL)
_CELL = re.compile(r"<td\b([^>]*)>")
_SPAN = re.compile(r'colspan="(\d+)"')
_TAG = re.compile(r"<[^>]+>")


def with_labels(page: str) -> str:
    """A page in whose lists every cell carries the words of its head as ``data-label``.

    >>> with_labels('<table class="rows"><tr><th>kWh</th></tr><tr><td class="n">1</td></tr></table>')
    '<table class="rows"><tr><th>kWh</th></tr><tr><td class="n" data-label="kWh">1</td></tr></table>'
    """
    return _TABLE.sub(lambda found: found[1] + _labelled(found[2]) + found[3], page)


def _labelled(table: str) -> str:
    first = _ROW.search(table)
    heads = [_words(head) for head in _HEAD.findall(first[0])] if first else []
    return _ROW.sub(lambda row: _labelled_row(row[0], heads), table)


def _labelled_row(row: str, heads: list[str]) -> str:
    place = 0

    def with_label(cell: re.Match[str]) -> str:
        nonlocal place
        label = heads[place] if place < len(heads) else ""
        span = _SPAN.search(cell[1])
        place += int(span[1]) if span else 1
        return f'<td{cell[1]} data-label="{label}">' if label else cell[0]

    return _CELL.sub(with_label, row)


def _words(head: str) -> str:
    """The text of a head as an attribute."""
    text = html.unescape(_TAG.sub(" ", head))
    return html.escape(" ".join(text.split()))
