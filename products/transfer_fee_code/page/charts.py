"""Small inline SVG charts of prices; colours are presentation attributes, so that a strict content policy
allows them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from pipelines.codes import FeeCodeColour

FILL = {
    FeeCodeColour.GREEN: "#0f7a4a",
    FeeCodeColour.YELLOW: "#f2b705",
    FeeCodeColour.RED: "#b3202a",
    FeeCodeColour.GREY: "#8a949b",
}
_REFERENCE, _IMPLIED, _BAND, _INK, _SOFT = "#16302b", "#3c5a99", "#c9d5ee", "#16302b", "#566b66"
# Keeps a number readable where a dashed line runs through it.
_HALO = ' paint-order="stroke" stroke="#ffffff" stroke-width="4"'
_WIDTH, _LEFT, _RIGHT, _NAME_WIDTH = 700, 150, 84, 90


def comparison_chart(row: Mapping[str, Any], evidence: Mapping[str, Any]) -> Markup | None:
    """Charged price, lawful reference, and the supplier's implied price with its band; None where there is
    nothing to compare.
    """
    charged, reference = row["charged_price_cny_per_kwh"], row["reference_price_cny_per_kwh"]
    implied, low, high = (evidence[f"implied_{name}_cny_per_kwh"] for name in ("price", "low", "high"))
    bars = [
        ("实际收取", "charged", charged, FILL[FeeCodeColour(row["colour_code"])]),
        ("合法参考价", "lawful reference", reference, _REFERENCE),
    ]
    extra = evidence["other_charge_cny"] and evidence["fee_price_cny_per_kwh"]
    known = [float(value) for value in (charged, reference, high) if value is not None]
    if not known:
        return None
    scale = _Scale(0.0, max(known))
    parts, top = [], 6
    for zh, en, price, fill in bars:
        if price is not None:
            parts.append(_label(top, zh, en))
            parts.append(
                f'<rect x="{_LEFT}" y="{top}" width="{scale.length(float(price)):.1f}" height="30" rx="4" fill="{fill}"/>'
            )
            parts.append(_value(scale.at(float(price)) + 8, top, f"{price:.4f}"))
            if extra and price is charged:
                parts.append(_other_charges(top, scale.at(float(extra)), scale.at(float(price))))
            top += 46
    if implied is not None:
        parts.append(_label(top, "推算价及区间", "implied price, band"))
        width = max(scale.at(high) - scale.at(low), 3)
        parts.append(
            f'<rect x="{scale.at(low):.1f}" y="{top}" width="{width:.1f}" height="30" rx="3" fill="{_BAND}"/>'
        )
        parts.append(
            f'<rect x="{scale.at(implied) - 1.5:.1f}" y="{top}" width="3" height="30" fill="{_IMPLIED}"/>'
        )
        parts.append(_value(max(scale.at(high), scale.at(implied)) + 8, top, f"{implied:.4f}"))
        top += 46
    if reference is not None:
        at = scale.at(float(reference))
        parts.insert(
            0,
            f'<line x1="{at:.1f}" y1="0" x2="{at:.1f}" y2="{top - 8}" stroke="{_SOFT}" stroke-width="1" stroke-dasharray="4 4"/>',
        )
    return _svg(top, parts, "charged price, lawful reference and implied price")


def tenants_chart(
    rows: Sequence[Mapping[str, Any]], reference: Decimal | None, limits: Sequence[Decimal]
) -> Markup | None:
    """One bar per tenant in the code's colour, a line at the reference and one at each band's edge;
    implausible prices are left out.
    """
    shown = [
        row
        for row in rows
        if row["charged_price_cny_per_kwh"] is not None and row["colour_code"] != FeeCodeColour.GREY.value
    ]
    if not shown or reference is None:
        return None
    edges = [float(reference) * (1 + float(limit)) for limit in limits]
    scale = _Scale(0.0, max([*(float(row["charged_price_cny_per_kwh"]) for row in shown), *edges]))
    parts, top = [], 22
    for row in shown:
        price = float(row["charged_price_cny_per_kwh"])
        fill = FILL[FeeCodeColour(row["colour_code"])]
        parts.append(
            f'<text x="{_LEFT - 8}" y="{top + 13}" text-anchor="end" font-size="12" fill="{_INK}">{Markup.escape(row["tenant_id"])}</text>'
        )
        parts.append(
            f'<rect x="{_LEFT}" y="{top}" width="{scale.length(price):.1f}" height="17" rx="3" fill="{fill}"/>'
        )
        parts.append(
            f'<text x="{scale.at(price) + 6:.1f}" y="{top + 13}" font-size="12" fill="{_INK}"{_HALO}>{price:.4f}</text>'
        )
        top += 23
    marks = [
        ("参考价", float(reference), _INK),
        *((f"+{float(limit):.0%}", edge, _SOFT) for limit, edge in zip(limits, edges, strict=True)),
    ]
    for position, (label, price, stroke) in enumerate(marks):
        at = scale.at(price)
        anchor = "end" if position == 0 else "start"
        parts.insert(
            0,
            f'<line x1="{at:.1f}" y1="18" x2="{at:.1f}" y2="{top}" stroke="{stroke}" stroke-width="1.2" stroke-dasharray="4 3"/>',
        )
        parts.append(
            f'<text x="{at:.1f}" y="13" text-anchor="{anchor}" font-size="12" fill="{stroke}">{label}</text>'
        )
    return _svg(top, parts, "charged price of each tenant against the reference")


class _Scale:
    def __init__(self, low: float, high: float) -> None:
        self.low, self.factor = low, (_WIDTH - _LEFT - _RIGHT) / max(high - low, 1e-9)

    def length(self, value: float) -> float:
        return max(0.0, (value - self.low) * self.factor)

    def at(self, value: float) -> float:
        return _LEFT + self.length(value)


def _label(top: int, zh: str, en: str) -> str:
    return (
        f'<text x="{_LEFT - 10}" y="{top + 13}" text-anchor="end" font-size="14" fill="{_INK}">{zh}</text>'
        f'<text x="{_LEFT - 10}" y="{top + 28}" text-anchor="end" font-size="11" fill="{_SOFT}">{en}</text>'
    )


def _value(left: float, top: int, text: str) -> str:
    return f'<text x="{left:.1f}" y="{top + 21}" font-size="15" font-weight="600" fill="{_INK}">{text}</text>'


def _other_charges(top: int, left: float, right: float) -> str:
    """The part of the charged bar that is not the fee: lighter, and named where there is room."""
    veil = f'<rect x="{left:.1f}" y="{top}" width="{right - left:.1f}" height="30" fill="#ffffff" fill-opacity="0.45"/>'
    middle = (left + right) / 2
    named = f'<text x="{middle:.1f}" y="{top + 20}" text-anchor="middle" font-size="12" fill="{_INK}">其他收费 other</text>'
    return veil + (named if right - left > _NAME_WIDTH else "")


def _svg(height: int, parts: Sequence[str], title: str) -> Markup:
    # Every text put in is a number, a constant or escaped where it is made.
    content = "".join(parts)
    return Markup(  # noqa: S704
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{title}">{content}</svg>'
    )
