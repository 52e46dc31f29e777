"""Colours by meaning: every one has a value, words can be read on what is behind them."""

from __future__ import annotations

import dataclasses
import re

import pytest

from pipelines.codes import FeeCodeColour, TouPeriod
from products.page_kit.palette import (
    DOCUMENT,
    FEE_CODE_GROUNDS,
    FEE_CODE_MODULES,
    GRADES,
    HOURS,
    PAGE,
    PERIODS,
    PRINTED,
    Theme,
    custom_properties,
    mixed,
)


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [part / 255 for part in bytes.fromhex(colour[1:])]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [PAGE, DOCUMENT])
def test_words_can_be_read_on_what_is_behind_them(theme: Theme) -> None:
    for words, behind in (
        (theme.ink, theme.ground),
        (theme.ink, theme.head),
        (theme.soft, theme.ground),
        (theme.soft, theme.sheet),
        (theme.brand, theme.sheet),
        (theme.deep, theme.pale),
        (theme.warm, theme.warm_ground),
        (theme.bad, theme.sheet),
        (theme.bad_ink, theme.bad_ground),
    ):
        assert contrast(words, behind) >= 4.5, (words, behind)


def test_every_code_has_its_colour() -> None:
    assert set(PERIODS) == set(HOURS) == set(TouPeriod)
    assert set(FEE_CODE_GROUNDS) == set(FEE_CODE_MODULES) == set(FeeCodeColour)
    assert all(contrast(colour, "#ffffff") >= 7 for colour in FEE_CODE_MODULES.values())


def test_a_style_sheet_knows_every_colour_by_name() -> None:
    rule = custom_properties(PAGE)
    named = dict(re.findall(r"--([A-Za-z-]+):(#[0-9a-f]{6})", rule))
    assert named["warm-ground"] == PAGE.warm_ground
    assert named["grade-AAA"] == GRADES["AAA"]
    assert named["hour-deep-valley"] == HOURS[TouPeriod.DEEP_VALLEY]
    assert named["code-grey"] == FEE_CODE_GROUNDS[FeeCodeColour.GREY]
    assert len(dataclasses.fields(Theme)) < len(named) == rule.count("--")


def test_paper_differs_from_the_screen_in_greys_alone() -> None:
    on_screen, on_paper = dataclasses.asdict(DOCUMENT), dataclasses.asdict(PRINTED)
    assert {name for name in on_screen if on_screen[name] != on_paper[name]} == {"soft", "line"}


def test_shares_are_mixed_between_their_stops() -> None:
    stops = ((0.0, "#000000"), (0.5, "#646464"), (1.0, "#ffffff"))
    assert [mixed(share, stops) for share in (-1, 0.25, 0.5, 2)] == [
        "#000000",
        "#323232",
        "#646464",
        "#ffffff",
    ]
