"""What an identifier is: the number or name under which a sender knows a customer, a meter point, a tenant, a
declaration. One rule for all of them, wherever they are received and in whatever form.

An identifier has 1 to 128 characters, all of which print, and no blank at its ends. Blanks inside, ``%``,
``/``, ``'``, Chinese and emoji are its sender's affair. Blanks at the ends are taken off in reading; nothing
else of an identifier is ever rewritten. What a spreadsheet has rounded is refused in reading: several true
numbers give the same text, and would become one meter.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

LIMIT = 128
EXPECTED = f"an identifier of 1 to {LIMIT} printable characters without blanks at its ends"

BLANKS = "\t \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""What is taken off at the ends: tabs and every kind of space, the wide one of Chinese text among them."""

# Controls with NUL and line ends; marks that print nothing or turn what follows around (the joiners and the
# tags of emoji are none of them); ends of lines and paragraphs.
_UNPRINTABLE = (
    (0x00, 0x1F),
    (0x7F, 0x9F),
    (0xAD, 0xAD),
    (0x61C, 0x61C),
    (0x180E, 0x180E),
    (0x200B, 0x200B),
    (0x200E, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB),
    (0xE0001, 0xE0001),
)
_HALVES_OF_PAIRS = (0xD800, 0xDFFF)
_IN_TEXT = re.compile(
    "[" + "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in (*_UNPRINTABLE, _HALVES_OF_PAIRS)) + "]"
)
# Arrow's texts are UTF-8, which has no halves of pairs.
_IN_COLUMN = "[" + "".join(f"\\x{{{first:x}}}-\\x{{{last:x}}}" for first, last in _UNPRINTABLE) + "]"


ROUNDED = "the number as its source has it: a spreadsheet rounded this one and its last digits are gone"
"""What is expected in the place of a number that a spreadsheet rounded."""

# 5.41449E+17, 1E+11, 5,41449E17; 541449000000000000.0, which has more digits than a spreadsheet or a 64-bit
# float keeps. 5E12 may be a name.
_ROUNDED = r"^(?:[0-9](?:[.,][0-9]+[eE]\+?|[eE]\+)[0-9]{2,3}|[0-9]{16,}[.,]0+)$"
_ROUNDED_TEXT = re.compile(_ROUNDED)


def is_rounded(text: str) -> bool:
    """Whether an identifier is a long number as a spreadsheet or a float shows it; others round to the same.

    >>> [is_rounded(text) for text in ("5.41449E+17", "541449000000000000.0", "541449000000000001", "5E12")]
    [True, True, False, False]
    """
    return _ROUNDED_TEXT.match(text) is not None


def rounded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The same of each row of a column; false where there is none."""
    words = _distinct(column)
    return _among(column, words.filter(pc.match_substring_regex(words, _ROUNDED)))


def trimmed(text: str) -> str:
    """A received identifier without the blanks at its ends.

    >>> trimmed(" C 1\\u3000")
    'C 1'
    """
    return text.strip(BLANKS)


def is_identifier(text: str, limit: int = LIMIT) -> bool:
    """Whether a text obeys the rule.

    limit  Characters allowed, less than LIMIT where the rest of the identifier stands elsewhere.

    >>> [is_identifier(text) for text in ("甲 1/2 100%", "", " A", "A\\0", "x" * 129)]
    [True, False, False, False, False]
    """
    return 1 <= len(text) <= limit and text == trimmed(text) and _IN_TEXT.search(text) is None


def fault_of(text: str, limit: int = LIMIT) -> str:
    """What a received identifier should have been; empty where it is one.

    >>> [fault_of(text).split()[0] for text in ("5.41449E+17", " A")]
    ['the', 'an']
    """
    if not is_identifier(text, limit):
        return EXPECTED
    return ROUNDED if is_rounded(text) else ""


def trimmed_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of received identifiers without the blanks at their ends; null where nothing but blanks came.

    A column that needs no change is returned as it is; one that does becomes plain text.
    """
    words = _distinct(column)
    if (
        pc.all(pc.and_(pc.equal(pc.utf8_trim(words, BLANKS), words), pc.not_equal(words, ""))).as_py()
        is not False
    ):
        return column
    plain = pc.utf8_trim(column.cast(pa.string()), BLANKS)
    return pc.if_else(pc.equal(plain, ""), pa.scalar(None, pa.string()), plain)


def breaks_rule(column: pa.ChunkedArray, limit: int = LIMIT) -> pa.ChunkedArray:
    """Of each row whether its text is no identifier; false where there is none."""
    words = _distinct(column)
    length = pc.utf8_length(words)
    too_long = pc.or_(pc.less(length, 1), pc.greater(length, limit))
    loose = pc.not_equal(pc.utf8_trim(words, BLANKS), words)
    wrong = words.filter(pc.or_(pc.or_(too_long, loose), pc.match_substring_regex(words, _IN_COLUMN)))
    return _among(column, wrong)


def breaking_rule(name: str) -> pc.Expression:
    """The same of a column named, for a scan."""
    text = pc.field(name)
    length = pc.utf8_length(text)
    loose = pc.utf8_trim(text, BLANKS) != text
    return (length < 1) | (length > LIMIT) | loose | pc.match_substring_regex(text, _IN_COLUMN)


def _among(column: pa.ChunkedArray, words: pa.Array) -> pa.ChunkedArray:
    if not len(words):
        return pa.chunked_array([pa.repeat(False, len(column))], pa.bool_())
    return pc.is_in(column.cast(pa.string()), value_set=words)


def _distinct(column: pa.ChunkedArray) -> pa.Array:
    """Each text once, without null: identifiers repeat, and looking at each is quicker than at each row."""
    return column.unify_dictionaries().unique().cast(pa.string()).drop_null()
