"""Plots for the model registry: one way to begin a figure and one to end it. matplotlib loads when asked
for.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 110


def new_figure(width: float, height: float) -> Figure:
    """An empty figure. [inch]"""
    from matplotlib.figure import Figure

    made: Figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    return made


def png(figure: Figure) -> bytes:
    """The figure as PNG, without the library's version inside, so that equal data give equal bytes."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
