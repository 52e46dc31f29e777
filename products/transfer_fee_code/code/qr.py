"""The QR picture of a signed code, as SVG and PNG; dark modules in a deep shade of the code's colour, so that
cameras still read it.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import Any

from pipelines.codes import FeeCodeColour
from products.page_kit.palette import FEE_CODE_MODULES, WHITE

ERROR_LEVEL = "q"
QUIET_ZONE = 4


@lru_cache(maxsize=1)  # a code is drawn three times in a row: in its page, as SVG, as PNG
def _made(text: str) -> Any:
    import segno

    return segno.make_qr(text, error=ERROR_LEVEL, boost_error=False)


def qr_svg(text: str, colour: FeeCodeColour) -> str:
    """An inline SVG element that scales to its container."""
    picture: str = _made(text).svg_inline(
        border=QUIET_ZONE,
        dark=FEE_CODE_MODULES[colour],
        light=WHITE,
        omitsize=True,
        svgclass="qr",
        lineclass=None,
    )
    return picture.replace("<svg ", '<svg role="img" aria-label="QR" ', 1)


def qr_svg_file(text: str, colour: FeeCodeColour) -> bytes:
    """A standalone SVG file."""
    buffer = BytesIO()
    _made(text).save(
        buffer, kind="svg", border=QUIET_ZONE, dark=FEE_CODE_MODULES[colour], light=WHITE, scale=6, nl=False
    )
    return buffer.getvalue()


def qr_png(text: str, colour: FeeCodeColour, scale: int) -> bytes:
    """A PNG; ``scale`` pixels a module."""
    buffer = BytesIO()
    _made(text).save(
        buffer, kind="png", border=QUIET_ZONE, dark=FEE_CODE_MODULES[colour], light=WHITE, scale=scale
    )
    return buffer.getvalue()
