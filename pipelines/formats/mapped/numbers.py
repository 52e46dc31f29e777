"""How a sender writes numbers: the sign before the fraction, thousands, and what stands for nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.codes import RejectReason

_PLAIN_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_GROUPED = re.compile(
    r"\s*[+-]?[1-9][0-9]{0,2}([,.'’ \u00a0\u202f])[0-9]{3}(?:\1[0-9]{3})*(?:[.,][0-9]*)?\s*"
)
_COMMA = re.compile(r"\s*[+-]?[0-9]*,[0-9]+\s*")
THOUSANDS = (",", ".", "'", "’", " ", "\u00a0", "\u202f")


@dataclass(frozen=True)
class NumberNotation:
    """How numbers are written.

    decimal    What stands before the fraction.
    thousands  What parts thousands; empty: nothing does.
    nothing    Texts that mean that nothing came, in small letters; they hold in any case.
    declared   Whether a mapping says so, whose keys a reason then names.
    """

    decimal: str = "."
    thousands: str = ""
    nothing: frozenset[str] = frozenset()
    declared: bool = False

    @property
    def _grouped(self) -> str:
        point, part = re.escape(self.decimal), re.escape(self.thousands)
        return rf"[+-]?[1-9][0-9]{{0,2}}({part}[0-9]{{3}})+({point}[0-9]*)?"

    def plain(self, text: str) -> str:
        """A number with a point and no thousands; empty where it is not of this notation."""
        if self.thousands and re.fullmatch(self._grouped, text.strip()):
            text = text.replace(self.thousands, "")
        if self.decimal == ".":
            return text
        return "" if "." in text else text.replace(self.decimal, ".")

    def numbers(self, texts: pa.ChunkedArray) -> pa.ChunkedArray | None:
        """A whole column of texts; None where any is no number."""
        texts = pc.utf8_trim_whitespace(texts)
        grouped = pc.match_substring_regex(texts, f"^{self._grouped}$")
        plain = pc.if_else(grouped, pc.replace_substring(texts, self.thousands, ""), texts)
        if self.decimal != ".":
            if pc.any(pc.match_substring(plain, ".")).as_py():
                return None
            plain = pc.replace_substring(plain, self.decimal, ".")
        if pc.all(pc.match_substring_regex(plain, f"^{_PLAIN_NUMBER}$")).as_py() is False:
            return None
        try:
            return plain.cast(pa.float64())
        except pa.ArrowInvalid:
            return None

    def told(self, text: str) -> tuple[RejectReason, str]:
        """The code and the words for a text that is no number of this notation."""
        expected = f"expected a decimal number such as 1234{self.decimal}5"
        if not self.declared:
            return RejectReason.BAD_NUMBER, expected
        grouped = _GROUPED.fullmatch(text)
        if grouped and grouped[1] not in (self.thousands, self.decimal):
            hint = f'declare `thousands: "{grouped[1]}"` in the mapping if that is what parts thousands'
            return RejectReason.THOUSANDS_SEPARATOR, f"{expected}; {hint}"
        if self.decimal == "." and _COMMA.fullmatch(text):
            return (
                RejectReason.BAD_NUMBER,
                f'{expected}; declare `decimal: ","` in the mapping for a decimal comma',
            )
        if self.decimal == "," and re.fullmatch(rf"\s*{_PLAIN_NUMBER}\s*", text):
            return RejectReason.BAD_NUMBER, f'{expected}; the mapping says `decimal: ","`'
        if text.strip() and not re.search(r"\d", text):
            return (
                RejectReason.BAD_NUMBER,
                f"{expected}; declare it under `nothing` if it means that nothing came",
            )
        return RejectReason.BAD_NUMBER, expected


PLAIN = NumberNotation()
