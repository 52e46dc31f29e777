"""Transfer supply (转供电): the bands of the fee code's colours, the loss cap, the lawful ways to charge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pipelines.codes import Confidence
from pipelines.errors import FactNotInForceError
from pipelines.facts.dated import Dated
from pipelines.facts.marked_yaml import MarkedMap

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

    rule: str
    red_min_ratio: Decimal | None
    green_max_ratio: Decimal | None
    green_max_alternatives_ratio: tuple[Decimal, ...]


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


def parse_colours(written: MarkedMap, options: MarkedMap) -> ColourBands:
    """The bands of one version of the code."""
    del options
    value = written.mapping("value")
    value.allow_only(("rule", "red_min_ratio", "green_max_ratio", "green_max_alternatives_ratio"))
    rule = value.text("rule")
    if rule == DISCOUNT_SHARE:
        return ColourBands(rule, None, None, ())
    if rule != MARK_UP:
        raise value.error("rule", f"no colour rule named {rule!r}", f"Known: {DISCOUNT_SHARE}, {MARK_UP}.")
    red, green = value.decimal("red_min_ratio"), value.decimal("green_max_ratio")
    alternatives = tuple(value.listing("green_max_alternatives_ratio"))
    if not 0 <= green < red:
        raise value.error("green_max_ratio", f"green_max_ratio {green} must lie below red_min_ratio {red}")
    if green not in alternatives:
        raise value.error(
            "green_max_ratio",
            f"{green} is none of the readings {', '.join(str(ratio) for ratio in alternatives)}",
        )
    return ColourBands(rule, red, green, alternatives)


def parse_texts(written: MarkedMap, options: MarkedMap) -> tuple[str, ...]:
    """A list of texts."""
    del options
    return tuple(str(text) for text in written.listing("value"))


def parse_numbers(written: MarkedMap, options: MarkedMap) -> dict[str, Decimal]:
    """A mapping of names to ratios from 0 to 1. [1]"""
    del options
    value = written.mapping("value")
    return {key: value.bounded(key, 0, 1) for key in value}


def parse_ratio(written: MarkedMap, options: MarkedMap) -> Decimal:
    """A ratio from 0 to 1. [1]"""
    del options
    ratio = written.decimal("value")
    if not 0 <= ratio <= 1:
        raise written.error("value", f"a ratio must lie between 0 and 1, not {ratio}")
    return ratio
