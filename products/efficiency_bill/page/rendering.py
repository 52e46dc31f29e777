"""A bill or its correction sheet as HTML for the screen and as PDF for paper, from the same page.

What a row holds is text: Jinja2 escapes it, Typst gets it as JSON and sets it as it is. Neither can be made
to run or read anything.
"""

from __future__ import annotations

import dataclasses
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar

from pipelines.periods import LOCAL_OFFSET, BillingMonth
from products.efficiency_bill.page.basis import Basis
from products.efficiency_bill.page.bill import bill_page
from products.efficiency_bill.page.charts import DayPoint
from products.efficiency_bill.page.correction import correction_page
from products.efficiency_bill.rows import (
    EfficiencyBillAdviceV1Inside,
    EfficiencyBillCorrectionsV1Inside,
    EfficiencyBillLinesV1Inside,
    EfficiencyBillV1Row,
)
from products.page_kit.palette import DOCUMENT, PRINTED
from products.page_kit.site import Site

_STANDARDS = ["a-2a", "ua-1"]
_PICTURE_DPI = 110
_SITE = Site("products.efficiency_bill.page", DOCUMENT)
_COLOURS = json.dumps(dataclasses.asdict(PRINTED))
# Marks that turn the direction of text or hide; shown by their number so that no name can pose as another.
_HIDDEN = frozenset(
    "\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
# The paper font is known to hold these; anything else is looked up in the font itself.
_SURE = re.compile(
    "[ "
    "-~\u00a1-\u00ac\u00ae-\u00ff\u2013-\u2014\u2018-\u2019\u201c-\u201d\u2026\u2212\u3001-\u3003\u3008-"
    "\u3011\u4e00-\u9fa5\uff01-\uff5e]*"
)


def render_bill_html(
    bill: EfficiencyBillV1Row,
    lines: Sequence[EfficiencyBillLinesV1Inside],
    advice: Sequence[EfficiencyBillAdviceV1Inside],
    days: Sequence[DayPoint],
    basis: Basis | None = None,
) -> str:
    """The bill as one HTML page: no script, no outside address, a policy that forbids both.

    bill    A row of ``efficiency_bill_v1``.
    lines   Its rows of ``efficiency_bill_lines_v1``, in any order.
    advice  Its rows of ``efficiency_bill_advice_v1``, in any order.
    days    The days of the month with the baseline, in order of time.
    basis   What the facts behind the lines are cited by; none: their ids.
    """
    return _html("bill.html.j2", bill_page(bill, lines, advice, days, basis))


def render_correction_html(
    bill: EfficiencyBillV1Row,
    corrected: EfficiencyBillV1Row,
    rows: Sequence[EfficiencyBillCorrectionsV1Inside],
) -> str:
    """A correction sheet as one HTML page, closed as a bill's is.

    bill       A row of ``efficiency_bill_v1``, the revision that corrects; corrected: the revision that it
               corrects.
    rows       Its rows of ``efficiency_bill_corrections_v1``, in any order.
    """
    return _html("correction.html.j2", correction_page(bill, corrected, rows))


def _html(template: str, page: dict[str, Any]) -> str:
    return _SITE.page(template, bill=_walk(page, _visible))


class _Paper:
    """Sets pages as PDF (A-2a and UA-1) with one compiler, which is made at the first; it survives pickling
    without it.
    """

    template: ClassVar[str]

    def _pdf(self, page: dict[str, Any], billing_month: str) -> bytes:
        made = self._compiler.compile(
            format="pdf",
            sys_inputs=_inputs(page),
            pdf_standards=_STANDARDS,
            timestamp=_timestamp(billing_month),
        )
        return _one(made)

    def _picture(self, page: dict[str, Any], dpi: float) -> bytes:
        return _one(self._compiler.compile(format="png", sys_inputs=_inputs(page), ppi=dpi))

    @cached_property
    def _compiler(self) -> Any:
        import typst

        fonts = typst.Fonts(
            include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(_font_file().parent)]
        )
        folder = _SITE.templates
        return typst.Compiler(
            str(folder / self.template), root=str(folder), font_paths=fonts, ignore_system_fonts=True
        )

    def __getstate__(self) -> dict[str, Any]:
        return {}


class BillPdf(_Paper):
    """Sets bills."""

    template = "bill.typ"

    def render(
        self,
        bill: EfficiencyBillV1Row,
        lines: Sequence[EfficiencyBillLinesV1Inside],
        advice: Sequence[EfficiencyBillAdviceV1Inside],
        days: Sequence[DayPoint],
        basis: Basis | None = None,
    ) -> bytes:
        """The bill as PDF; the same rows give the same bytes. Arguments as render_bill_html."""
        return self._pdf(bill_page(bill, lines, advice, days, basis), str(bill["billing_month"]))

    def picture(
        self,
        bill: EfficiencyBillV1Row,
        lines: Sequence[EfficiencyBillLinesV1Inside],
        advice: Sequence[EfficiencyBillAdviceV1Inside],
        days: Sequence[DayPoint],
        basis: Basis | None = None,
        dpi: float = _PICTURE_DPI,
    ) -> bytes:
        """The first page as PNG. Arguments as render_bill_html; dpi in points per inch."""
        return self._picture(bill_page(bill, lines, advice, days, basis), dpi)


class CorrectionPdf(_Paper):
    """Sets correction sheets."""

    template = "correction.typ"

    def render(
        self,
        bill: EfficiencyBillV1Row,
        corrected: EfficiencyBillV1Row,
        rows: Sequence[EfficiencyBillCorrectionsV1Inside],
    ) -> bytes:
        """The sheet as PDF; the same rows give the same bytes. Arguments as render_correction_html."""
        return self._pdf(correction_page(bill, corrected, rows), str(bill["billing_month"]))

    def picture(
        self,
        bill: EfficiencyBillV1Row,
        corrected: EfficiencyBillV1Row,
        rows: Sequence[EfficiencyBillCorrectionsV1Inside],
        dpi: float = _PICTURE_DPI,
    ) -> bytes:
        """The first page as PNG. Arguments as render_correction_html; dpi in points per inch."""
        return self._picture(correction_page(bill, corrected, rows), dpi)


def _inputs(page: dict[str, Any]) -> dict[str, str]:
    return {"bill": json.dumps(_walk(page, printable), ensure_ascii=False), "colours": _COLOURS}


def printable(words: str) -> str:
    """The text with every character that the paper font lacks shown by its number, as in 〈U+1F600〉.

    >>> printable("钢铁 works")
    '钢铁 works'
    """
    if _SURE.fullmatch(words):
        return words
    held = font_characters()
    return "".join(
        char if char == "\n" or (ord(char) in held and not is_hidden(char)) else _numbered(char)
        for char in words
    )


def _visible(words: str) -> str:
    """The text with characters that hide, or turn the direction of what follows, shown by their number."""
    if _SURE.fullmatch(words):
        return words
    return "".join(_numbered(char) if is_hidden(char) else char for char in words)


def is_hidden(char: str) -> bool:
    """Whether a character has no shape of its own and would pass unseen: controls, marks of direction."""
    return char in _HIDDEN or (unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn") and char != "\n")


def _numbered(char: str) -> str:
    return f"〈U+{ord(char):04X}〉"


def _walk(part: Any, shown: Any) -> Any:
    """The page with every text passed through ``shown``; charts hold this project's own shapes alone and stay
    as they are.
    """
    if isinstance(part, str):
        return shown(part)
    if isinstance(part, dict):
        return {name: value if name == "svg" else _walk(value, shown) for name, value in part.items()}
    if isinstance(part, list):
        return [_walk(value, shown) for value in part]
    return part


def _one(compiled: bytes | list[bytes]) -> bytes:
    """A document of several pages comes as a list of pictures."""
    return compiled[0] if isinstance(compiled, list) else compiled


def _timestamp(billing_month: str) -> int:
    """A creation time that depends on the bill alone: the local midnight that ends its month. [s since
    1970]
    """
    end = BillingMonth.parse(billing_month).plus(1).first_day
    return (end.toordinal() - 719_163) * 86_400 - LOCAL_OFFSET // timedelta(seconds=1)


def _font_file() -> Path:
    from pylopdf_fonts_zh_cn import sans_path

    return Path(str(sans_path()))


@cache
def font_characters() -> frozenset[int]:
    """Code points that the paper font has a shape for."""
    from matplotlib.ft2font import FT2Font

    known: Iterable[int] = FT2Font(str(_font_file())).get_charmap()
    return frozenset(known)
