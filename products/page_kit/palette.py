"""Colours by meaning, once: for style sheets (as custom properties), inline pictures, paper and plots.

Two themes hold the same meanings, so that one style sheet serves both: PAGE for pages to work with, DOCUMENT
for what a customer is handed, on the screen and on paper. Colours of data follow below them; they mean the
same on every page.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.codes import FeeCodeColour, TouPeriod


@dataclass(frozen=True)
class Theme:
    """The colours that a page is set in.

    ink          Words; soft: what stands behind them in rank.
    line         Hair lines; ground: what lies behind sheets and cards; sheet: they themselves.
    head         Behind the heads of tables.
    brand        What is ours, and what is in order; deep: its words and links; pale: behind them.
    warm         Words that ask for care; warm_ground: behind them.
    bad          What is wrong; bad_ink: words on bad_ground.
    """

    ink: str
    soft: str
    line: str
    ground: str
    brand: str
    deep: str
    pale: str
    warm: str
    warm_ground: str
    sheet: str = "#ffffff"
    head: str = "#eef4f2"
    bad: str = "#b3202a"
    bad_ink: str = "#98121b"
    bad_ground: str = "#fdecea"


PAGE = Theme(
    ink="#16302b",
    soft="#566b66",
    line="#dbe5e1",
    ground="#f3f7f5",
    brand="#00796b",
    deep="#00574d",
    pale="#e0f2ee",
    warm="#6b4100",
    warm_ground="#fff0d6",
)
DOCUMENT = Theme(
    ink="#263238",
    soft="#5b7480",
    line="#d5dee2",
    ground="#f3f6f6",
    brand="#00796b",
    deep="#004d40",
    pale="#eef5f4",
    warm="#a15c00",
    warm_ground="#fff6e5",
)
PRINTED = dataclasses.replace(DOCUMENT, soft="#607d8b", line="#cfd8dc")
"""DOCUMENT on paper: grey prints darker than it shows, so that small words and hair lines are lighter."""

WHITE = "#ffffff"
GOOD = "#0f7a4a"
NEUTRAL = "#999999"

GRADES: Mapping[str, str] = {
    "AAA": "#0b6b45",
    "AA": "#2f9468",
    "A": "#8abf6a",
    "B": "#e3b023",
    "C": "#dd7a26",
    "D": "#b3202a",
}
"""Grades of credit, best first."""

FEE_CODES: Mapping[FeeCodeColour, str] = {
    FeeCodeColour.GREEN: "#0f7a4a",
    FeeCodeColour.YELLOW: "#f2b705",
    FeeCodeColour.RED: "#b3202a",
    FeeCodeColour.GREY: "#8a949b",
}
FEE_CODE_GROUNDS: Mapping[FeeCodeColour, str] = {**FEE_CODES, FeeCodeColour.GREY: "#5a636b"}
"""Behind words: the grey is deep enough for white ones."""
FEE_CODE_MODULES: Mapping[FeeCodeColour, str] = {
    FeeCodeColour.GREEN: "#0b5d37",
    FeeCodeColour.YELLOW: "#7a4a00",
    FeeCodeColour.RED: "#98121b",
    FeeCodeColour.GREY: "#3d444b",
}
"""Dark modules of the QR picture, so dark that cameras still read them."""

PERIODS: Mapping[TouPeriod, str] = {
    TouPeriod.SHARP: "#b23c17",
    TouPeriod.PEAK: "#e09b2d",
    TouPeriod.FLAT: "#90a4ae",
    TouPeriod.VALLEY: "#26958a",
    TouPeriod.DEEP_VALLEY: "#0b4f6c",
}
"""Time-of-use periods as they are charged, words of white on them."""
HOURS: Mapping[TouPeriod, str] = {
    TouPeriod.SHARP: "#b3261e",
    TouPeriod.PEAK: "#ef8e3b",
    TouPeriod.FLAT: "#c9d6d2",
    TouPeriod.VALLEY: "#3f9b86",
    TouPeriod.DEEP_VALLEY: "#1f5d8c",
}
"""Time-of-use periods along a day's clock: flat hours, most of the day, stand back."""

# What became of an interval.
MEASURED, ESTIMATED, MISSING = "#00897b", "#f6a821", "#b3261e"
NO_DATA, GAP = "#eef2f0", "#c9d3d0"
FILLED, EXPECTED_ERROR = "#e07b00", "#f9d9a6"

# A bill's days against their baseline.
ABOVE, BASELINE, EXPECTED = "#e09b2d", "#cfe5e1", "#37474f"
BELOW, SPREAD = "#5c7fb0", "#8fc4bd"
AXIS, GRID = "#78909c", "#e3eaec"

# A price worked out from others' declarations, and how sure it is.
IMPLIED, IMPLIED_RANGE = "#3c5a99", "#c9d5ee"
OUTLIER, FITTED_RANGE, ZERO = "#b3261e", "#b2dfdb", "#90a4ae"

SEVERITIES: Mapping[str, str] = {
    "info": "#7b8f8a",
    "warn": "#f6a821",
    "invalid": "#b3261e",
    "quarantine": "#6a1b9a",
    "halt": "#4a0d08",
}
METHODS: Mapping[str, str] = {
    "chosen": "#16302b",
    "VEE-E01": "#9e9e9e",
    "VEE-E02": "#f6a821",
    "VEE-E03": "#00897b",
    "VEE-E04": "#5c6bc0",
    "VEE-E05": "#ad1457",
}
"""What estimation itself takes, and each estimator; others are soft."""
SHARE_STOPS = ((0.0, "#b3261e"), (0.7, "#f6a821"), (0.9, "#d6de78"), (1.0, "#66bb96"))
"""A share of what ought to be there, from nothing to all; between the stops colours are mixed."""


def custom_properties(theme: Theme) -> str:
    """The theme and the colours of codes as one CSS rule: ``--ink``, ``--bad-ground``, ``--grade-AAA``,
    ``--code-red``, ``--hour-peak`` and so on.
    """
    named = {name.replace("_", "-"): colour for name, colour in dataclasses.asdict(theme).items()}
    named |= {f"grade-{grade}": colour for grade, colour in GRADES.items()}
    named |= {f"code-{code.value}": colour for code, colour in FEE_CODE_GROUNDS.items()}
    named |= {f"hour-{period.value.replace('_', '-')}": colour for period, colour in HOURS.items()}
    named |= {"measured": MEASURED, "estimated": ESTIMATED, "missing": MISSING}
    return ":root{" + ";".join(f"--{name}:{colour}" for name, colour in named.items()) + "}"


def mixed(share: float, stops: tuple[tuple[float, str], ...] = SHARE_STOPS) -> str:
    """The colour of a share between two stops; beyond the last one the last.

    >>> mixed(0.0), mixed(0.8), mixed(1.2)
    ('#b3261e', '#e6c34d', '#66bb96')
    """
    low, below = stops[0]
    for high, above in stops[1:]:
        if share <= high:
            part = max(0.0, share - low) / (high - low)
            return "#" + "".join(
                f"{round(start + (end - start) * part):02x}"
                for start, end in zip(bytes.fromhex(below[1:]), bytes.fromhex(above[1:]), strict=True)
            )
        low, below = high, above
    return below
