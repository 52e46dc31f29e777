"""Transfer supply (转供电): the bands of the fee code's colours, the loss cap, the lawful ways to charge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from pipelines.codes import Confidence
from pipelines.errors import FactNotInForceError
from pipelines.facts.dated import Dated
from pipelines.facts.fact_schema import FactReader, Number, Text, between, keys_of, wrong

MARK_UP = "mark_up"
DISCOUNT_SHARE = "discount_share"


@dataclass(frozen=True)
class ColourBands:
    """How the colour follows from the month's mark-up over the lawful reference.

    rule                          ``mark_up`` (v2), or ``discount_share`` (v1, no published boundaries).
    red_min_ratio                 Red at or above this mark-up; None under v1. [1]
    green_max_ratio               Green up to and including this mark-up; None under v1. [1]
    green_max_alternatives_ratio  The readings of the printed boundary that an operator may choose from. [1]
    """

    rule: Text
    red_min_ratio: Number | None
    green_max_ratio: Number | None
    green_max_alternatives_ratio: tuple[Number, ...] = ()


@dataclass(frozen=True)
class TransferSupplyRules:
    """Everything in force on a day.

    red_min_ratio, green_max_ratio  Bands of the mark-up; None under the first version of the code. [1]
    loss_cap_ratio                  Loss that may be added to the purchase price. [1]
    lawful_modes                    Ways to charge that the price bureau's notice allows.
    verification_after_months       Consecutive red or yellow months that trigger verification; None before
                                    that was said. [months]
    colour_confidence               How sure the bands are.
    """

    colour_rule: str
    red_min_ratio: Decimal | None
    green_max_ratio: Decimal | None
    green_max_alternatives_ratio: tuple[Decimal, ...]
    loss_cap_ratio: Decimal
    lawful_modes: tuple[str, ...]
    verification_after_months: int | None
    colour_confidence: Confidence


@dataclass(frozen=True)
class TransferSupply:
    """The dated parts of the transfer-supply rules."""

    colours: Dated[ColourBands]
    loss_cap: Dated[Decimal]
    lawful_modes: Dated[tuple[str, ...]]
    verification: Dated[Decimal]
    loss_caps_elsewhere: Dated[dict[str, Decimal]]

    def on(self, day: date, known: date | None = None) -> TransferSupplyRules:
        """The rules in force on a day; raises FactNotInForceError before the code existed."""
        colours = self.colours.version_on(day, known)
        return TransferSupplyRules(
            colour_rule=colours.value.rule,
            red_min_ratio=colours.value.red_min_ratio,
            green_max_ratio=colours.value.green_max_ratio,
            green_max_alternatives_ratio=colours.value.green_max_alternatives_ratio,
            loss_cap_ratio=self.loss_cap.on(day, known),
            lawful_modes=self.lawful_modes.on(day, known),
            verification_after_months=self._verification_after(day, known),
            colour_confidence=colours.citation.confidence,
        )

    def _verification_after(self, day: date, known: date | None) -> int | None:
        try:
            return int(self.verification.on(day, known))
        except FactNotInForceError:
            return None


def _bands(bands: ColourBands) -> ColourBands:
    if bands.rule == DISCOUNT_SHARE:
        return ColourBands(bands.rule, None, None)
    if bands.rule != MARK_UP:
        known = f"Known: {DISCOUNT_SHARE}, {MARK_UP}."
        raise wrong(f"no colour rule named {bands.rule!r}", "rule", hint=known)
    red, green, readings = bands.red_min_ratio, bands.green_max_ratio, bands.green_max_alternatives_ratio
    if red is None or green is None:
        lacking = "red_min_ratio" if red is None else "green_max_ratio"
        raise wrong(f"the key {lacking!r} is missing", lacking)
    if not 0 <= green < red:
        raise wrong(f"green_max_ratio {green} must lie below red_min_ratio {red}", "green_max_ratio")
    if green not in readings:
        known = ", ".join(str(ratio) for ratio in readings) or "that green_max_alternatives_ratio should list"
        raise wrong(f"{green} is none of the readings {known}", "green_max_ratio")
    return bands


Ratio = Annotated[Decimal, between(0, 1)]

COLOUR_BANDS = FactReader[ColourBands](Annotated[ColourBands, keys_of(ColourBands), AfterValidator(_bands)])
"""The bands of one version of the code."""
TEXTS = FactReader[tuple[str, ...]](tuple[Annotated[str, BeforeValidator(str)], ...])
"""A list of texts."""
RATIOS_BY_NAME = FactReader[dict[str, Decimal]](dict[str, Ratio])
"""A mapping of names to ratios from 0 to 1. [1]"""
RATIO = FactReader[Decimal](Ratio)
"""A ratio from 0 to 1. [1]"""
