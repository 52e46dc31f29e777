"""Small inline charts of prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup

from pipelines.codes import FeeCodeColour
from products.page_kit.palette import FEE_CODES, IMPLIED, IMPLIED_RANGE, PAGE, WHITE
from products.page_kit.svg import bar, for_both, line, svg, text
from products.transfer_fee_code.rows import TransferFeeCodeEvidenceV1Inside, TransferFeeCodeV1Row

_NAME_WIDTH = 90


@dataclass(frozen=True)
class _Room:
    """Where bars begin and end.

    above  What names go above their bar; 0: they stand beside it.
    """

    width: int
    left: int
    right: int
    above: int = 0


_WIDE = _Room(700, 150, 84)
_NARROW_COMPARISON, _NARROW_TENANTS = _Room(370, 4, 84, 22), _Room(370, 128, 66)


def comparison_chart(row: TransferFeeCodeV1Row, evidence: TransferFeeCodeEvidenceV1Inside) -> Markup | None:
    """Charged price, lawful reference, and the supplier's implied price with its band; None where there is
    nothing to compare.
    """
    wide = _comparison(row, evidence, _WIDE)
    return wide and for_both(wide, _comparison(row, evidence, _NARROW_COMPARISON) or wide)


def _comparison(
    row: TransferFeeCodeV1Row, evidence: TransferFeeCodeEvidenceV1Inside, room: _Room
) -> Markup | None:
    charged, reference = row["charged_price_cny_per_kwh"], row["reference_price_cny_per_kwh"]
    implied = evidence["implied_price_cny_per_kwh"]
    low, high = evidence["implied_low_cny_per_kwh"], evidence["implied_high_cny_per_kwh"]
    bars = [
        ("实际收取", "charged", charged, FEE_CODES[FeeCodeColour(row["colour_code"])]),
        ("合法参考价", "lawful reference", reference, PAGE.ink),
    ]
    extra = evidence["other_charge_cny"] and evidence["fee_price_cny_per_kwh"]
    known = [float(value) for value in (charged, reference, high) if value is not None]
    if not known:
        return None
    scale = _Scale(0.0, max(known), room)
    parts: list[Markup] = []
    top = 6
    for zh, en, price, fill in bars:
        if price is not None:
            parts += _label(top, zh, en, room)
            top += room.above
            parts.append(bar(room.left, top, scale.length(float(price)), 30, fill, radius=4))
            parts.append(_value(scale.at(float(price)) + 8, top, f"{price:.4f}"))
            if extra and price is charged:
                parts += _other_charges(top, scale.at(float(extra)), scale.at(float(price)))
            top += 46
    if implied is not None and low is not None and high is not None:
        parts += _label(top, "推算价及区间", "implied price, band", room)
        top += room.above
        width = max(scale.at(high) - scale.at(low), 3)
        parts.append(bar(scale.at(low), top, width, 30, IMPLIED_RANGE, radius=3))
        parts.append(bar(scale.at(implied) - 1.5, top, 3, 30, IMPLIED))
        parts.append(_value(max(scale.at(high), scale.at(implied)) + 8, top, f"{implied:.4f}"))
        top += 46
    if reference is not None:
        at = scale.at(float(reference))
        parts.insert(0, line((at, 0), (at, top - 8), PAGE.soft, dashes="4 4"))
    return svg(room.width, top, parts, "charged price, lawful reference and implied price", kind="chart")


def tenants_chart(
    rows: Sequence[TransferFeeCodeV1Row], reference: Decimal | None, limits: Sequence[Decimal]
) -> Markup | None:
    """One bar per tenant in the code's colour, a line at the reference and one at each band's edge;
    implausible prices are left out.
    """
    wide = _tenants(rows, reference, limits, _WIDE)
    return wide and for_both(wide, _tenants(rows, reference, limits, _NARROW_TENANTS) or wide)


def _tenants(
    rows: Sequence[TransferFeeCodeV1Row], reference: Decimal | None, limits: Sequence[Decimal], room: _Room
) -> Markup | None:
    shown = [
        (row, float(row["charged_price_cny_per_kwh"]))
        for row in rows
        if row["charged_price_cny_per_kwh"] is not None and row["colour_code"] != FeeCodeColour.GREY.value
    ]
    if not shown or reference is None:
        return None
    edges = [float(reference) * (1 + float(limit)) for limit in limits]
    scale = _Scale(0.0, max([*(price for _, price in shown), *edges]), room)
    parts, top = [], 22
    for row, price in shown:
        fill = FEE_CODES[FeeCodeColour(row["colour_code"])]
        parts.append(text(room.left - 8, top + 13, row["tenant_id"], size=12, anchor="end"))
        parts.append(bar(room.left, top, scale.length(price), 17, fill, radius=3))
        parts.append(text(scale.at(price) + 6, top + 13, f"{price:.4f}", size=12, has_halo=True))
        top += 23
    marks = [
        ("参考价", float(reference), PAGE.ink),
        *((f"+{float(limit):.0%}", edge, PAGE.soft) for limit, edge in zip(limits, edges, strict=True)),
    ]
    for position, (label, price, colour) in enumerate(marks):
        at = scale.at(price)
        anchor = "end" if position == 0 else "start"
        parts.insert(0, line((at, 18), (at, top), colour, width=1.2, dashes="4 3"))
        parts.append(text(at, 13, label, size=12, fill=colour, anchor=anchor))
    return svg(room.width, top, parts, "charged price of each tenant against the reference", kind="chart")


class _Scale:
    def __init__(self, low: float, high: float, room: _Room) -> None:
        self.low, self.left = low, room.left
        self.factor = (room.width - room.left - room.right) / max(high - low, 1e-9)

    def length(self, value: float) -> float:
        return max(0.0, (value - self.low) * self.factor)

    def at(self, value: float) -> float:
        return self.left + self.length(value)


def _label(top: int, zh: str, en: str, room: _Room) -> list[Markup]:
    if room.above:
        return [text(room.left, top + 15, f"{zh} {en}", size=12, fill=PAGE.soft)]
    return [
        text(room.left - 10, top + 13, zh, size=14, anchor="end"),
        text(room.left - 10, top + 28, en, size=11, fill=PAGE.soft, anchor="end"),
    ]


def _value(left: float, top: int, words: str) -> Markup:
    return text(left, top + 21, words, size=15, is_bold=True)


def _other_charges(top: int, left: float, right: float) -> list[Markup]:
    """The part of the charged bar that is not the fee: lighter, and named where there is room."""
    parts = [bar(left, top, right - left, 30, WHITE, opacity=0.45)]
    if right - left > _NAME_WIDTH:
        parts.append(text((left + right) / 2, top + 20, "其他收费 other", size=12, anchor="middle"))
    return parts
