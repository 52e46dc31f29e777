"""Static pages: one for a tenant, one of a mall's codes for the regulator. No scripts, nothing loaded from
anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from pipelines.codes import Confidence, FeeCodeColour, GreyReason, Provenance
from products.page_kit.site import Site
from products.page_kit.words import (
    CONFIDENCES,
    ILLUSTRATIVE_PRICE,
    NOTHING,
    PROVENANCES,
    Said,
    labels_in_words,
)
from products.provenance import joined_provenance, provenances
from products.transfer_fee_code.page.charts import comparison_chart, tenants_chart
from products.transfer_fee_code.page.words import (
    COLOURS,
    GREY_REASONS,
    IMPLIED_NOTES,
    MEANINGS,
    NOT_SHOWN,
    next_steps,
    over_in_words,
    signed_percent,
)
from products.transfer_fee_code.price.colour import colour_counts
from products.transfer_fee_code.rows import TransferFeeCodeEvidenceV1Row, TransferFeeCodeV1Row

_SITE = Site("products.transfer_fee_code.page", filters={"money": "{:,.2f}".format})


def render_code_page(
    row: TransferFeeCodeV1Row,
    evidence: TransferFeeCodeEvidenceV1Row,
    qr_svg: str,
    *,
    expiry: date | None = None,
) -> str:
    """The page of one code for its tenant.

    row       A row of transfer_fee_code_v1.
    evidence  The row of transfer_fee_code_evidence_v1 of the same key and revision.
    qr_svg    The inline picture of the signed code, as qr.qr_svg gives it.
    expiry    Last day on which the signed code holds.
    """
    colour = FeeCodeColour(row["colour_code"])
    # What all tenants together tell is no tenant's, unless the group may be published (15/15 rule).
    is_shown = evidence["is_group_publishable"] is True
    told, over = evidence if is_shown else _without_implied(evidence), row["over_reference_cny"]
    return _SITE.page(
        "tenant.html.j2",
        row=row,
        evidence=evidence,
        qr=Markup(qr_svg),  # noqa: S704  made by this project out of a signed code's fixed alphabet
        expiry=expiry.isoformat() if expiry else "",
        colour=COLOURS[colour],
        meaning=MEANINGS[colour],
        mark_up=None if row["mark_up_pct"] is None else signed_percent(row["mark_up_pct"]),
        grey_reason=_grey_reason(row),
        implied_note=IMPLIED_NOTES.get(evidence["implied_note"] or "") or (None if is_shown else NOT_SHOWN),
        differs=is_shown and evidence["is_inside_implied"] is False and not row["grey_reason_code"],
        is_alarm=_is_alarm(row, evidence),
        over_note=_over_note(row, evidence),
        steps=next_steps(colour, GreyReason(reason) if (reason := row["grey_reason_code"]) else None),
        # Of a slip that charges too little the reference makes no sense.
        has_amounts=row["over_reference_cny"] is not None and bool(over or not row["grey_reason_code"]),
        tags=_tags([row]),
        resting_on=_resting_on([row]),
        sure=[_sure(evidence[name]) for name in ("reference_confidence_code", "colour_confidence_code")],
        chart=comparison_chart(row, told),
        basis=_own_basis(told),
    )


def render_supplier_page(
    rows: Sequence[TransferFeeCodeV1Row],
    evidence: Sequence[TransferFeeCodeEvidenceV1Row],
    links: Mapping[str, str] | None = None,
) -> str:
    """All codes of one supplier and month for the regulator, the largest mark-up first.

    rows      Rows of transfer_fee_code_v1 of one supplier and month, at least one.
    evidence  Their evidence, in any order.
    links     Tenant -> address of its page; none: no links.
    """
    by_tenant = {row["tenant_id"]: row for row in evidence}
    ordered = sorted(
        rows,
        key=lambda row: (
            row["mark_up_ratio"] is None,
            -(row["mark_up_ratio"] or Decimal(0)),
            row["tenant_id"],
        ),
    )
    first = ordered[0]
    shared = by_tenant[first["tenant_id"]]
    counted = colour_counts(row["colour_code"] for row in rows)
    over, waiting = (_over_of(rows, is_grey=is_grey) for is_grey in (False, True))
    declared = sum((row["energy_kwh"] for row in rows), Decimal(0))
    summed = (
        (Said("高于参考价的金额合计", "All charged above the reference"), f"{_money(over)} 元"),
        *_if(waiting, "另有灰码待核对", "Of grey codes, if declared rightly", "{:,.2f} 元"),
        (Said("申报电量合计", "Energy declared by all"), f"{_energy(declared)} kWh"),
    )
    return _SITE.page(
        "supplier.html.j2",
        supplier_id=first["supplier_customer_id"],
        supplier_name=first["supplier_name"],
        month=first["billing_month"],
        counts=[(colour.value, COLOURS[colour], counted[colour]) for colour in by_urgency()],
        tags=_tags(ordered),
        basis=[*summed, *_supplier_basis(shared)],
        above_master=_is_above_master(shared),
        chart=tenants_chart(ordered, first["reference_price_cny_per_kwh"], _limits(shared)),
        lines=[
            _line(row, by_tenant[row["tenant_id"]], (links or {}).get(row["tenant_id"], ""))
            for row in ordered
        ],
        is_illustrative=any(row["is_illustrative"] for row in rows),
        resting_on=_resting_on(rows),
    )


def _over_of(rows: Sequence[TransferFeeCodeV1Row], *, is_grey: bool) -> Decimal:
    """All charged above the reference, by codes that have a colour or by those that wait for one. [CNY]"""
    asked = [row for row in rows if bool(row["grey_reason_code"]) is is_grey]
    return sum((row["over_reference_cny"] or Decimal(0) for row in asked), Decimal(0))


def by_urgency() -> tuple[FeeCodeColour, ...]:
    """The colours as a regulator reads them: the most urgent first, grey last."""
    return (FeeCodeColour.RED, FeeCodeColour.YELLOW, FeeCodeColour.GREEN, FeeCodeColour.GREY)


def _limits(evidence: TransferFeeCodeEvidenceV1Row) -> list[Decimal]:
    limits = (evidence["green_max_ratio"], evidence["red_min_ratio"])
    return [limit for limit in limits if limit is not None]


def _line(row: TransferFeeCodeV1Row, evidence: TransferFeeCodeEvidenceV1Row, link: str) -> dict[str, Any]:
    colour = FeeCodeColour(row["colour_code"])
    note = _grey_reason(row) or NOTHING
    if note is NOTHING and evidence["other_charge_cny"]:
        extra = _money(evidence["other_charge_cny"])
        note = Said(f"含其他收费 {extra} 元", f"{extra} CNY under other names included")
    elif note is NOTHING and evidence["is_inside_implied"] is False:
        note = Said("与其他租户价格不同", "differs from the other tenants' price")
    price = row["charged_price_cny_per_kwh"]
    return {
        "code": colour.value,
        "colour": COLOURS[colour],
        "name": row["tenant_name"],
        "tenant_id": row["tenant_id"],
        "link": link,
        "energy": _energy(row["energy_kwh"]),
        "charged": _money(evidence["charged_cny"]),
        "price": "—" if price is None else f"{price:.4f}",
        "mark_up": "—" if row["mark_up_pct"] is None else signed_percent(row["mark_up_pct"]),
        "over": "—" if row["over_reference_cny"] is None else _money(row["over_reference_cny"]),
        "note": note,
    }


def _without_implied(evidence: TransferFeeCodeEvidenceV1Row) -> TransferFeeCodeEvidenceV1Row:
    told = evidence.copy()
    told["implied_price_cny_per_kwh"] = None
    told["implied_low_cny_per_kwh"] = told["implied_high_cny_per_kwh"] = None
    return told


def _own_basis(evidence: TransferFeeCodeEvidenceV1Row) -> list[tuple[Said, str]]:
    """What a tenant is told: nothing of the supplier's account but the price that follows from it."""
    usual = evidence["usual_kwh"]
    return [
        _told("申报电量", "Energy declared", f"{evidence['energy_kwh']:,.2f} kWh"),
        _told("申报电费", "Fee declared", f"{_money(evidence['fee_cny'])} 元"),
        *_if(evidence["other_charge_cny"], "其他收费", "Charges under other names", "{:,.2f} 元"),
        *_if(usual, "以往各月电量（中位数）", "Energy of earlier months, median", "{:,.2f} kWh"),
        *_prices(evidence),
    ]


def _supplier_basis(evidence: TransferFeeCodeEvidenceV1Row) -> list[tuple[Said, str]]:
    return [
        *_if(evidence["master_total_cny"], "总表当月电费合计", "Master account, total", "{:,.2f} 元"),
        *_if(evidence["master_energy_kwh"], "总表购电量", "Master account, energy", "{:,.2f} kWh"),
        *_prices(evidence),
    ]


def _prices(evidence: TransferFeeCodeEvidenceV1Row) -> list[tuple[Said, str]]:
    """The reference, the bands and, where it is told, the price that the tenants imply."""
    lines = [
        *_if(evidence["reference_price_cny_per_kwh"], "合法参考价", "Lawful reference", "{:.4f} 元/kWh"),
        *_if(evidence["loss_cap_ratio"], "允许计入的损耗上限", "Loss that may be added", "{:.0%}"),
    ]
    if evidence["green_max_ratio"] is not None and evidence["red_min_ratio"] is not None:
        bands = f"≤ {evidence['green_max_ratio']:.0%} 绿 green · ≥ {evidence['red_min_ratio']:.0%} 红 red"
        lines.append(_told("颜色界限（加价幅度）", "Bands of the mark-up", bands))
    if evidence["implied_price_cny_per_kwh"] is not None:
        low, high = evidence["implied_low_cny_per_kwh"], evidence["implied_high_cny_per_kwh"]
        price = f"{evidence['implied_price_cny_per_kwh']:.4f}（{low:.4f}–{high:.4f}）元/kWh"
        agreeing = f"{evidence['implied_tenants_inside']} / {evidence['implied_tenants']}"
        lines += [
            _told("由租户申报推算的主体单价", "Supplier's price implied by its tenants", price),
            _told("与推算价一致的租户", "Tenants that agree with it", agreeing),
        ]
    return lines


def _told(zh: str, en: str, value: str) -> tuple[Said, str]:
    return Said(zh, en), value


def _if(value: Decimal | None, zh: str, en: str, text: str) -> list[tuple[Said, str]]:
    return [] if value is None or (not value and "元" in text) else [_told(zh, en, text.format(value))]


def _is_alarm(row: TransferFeeCodeV1Row, evidence: TransferFeeCodeEvidenceV1Row) -> bool:
    """Whether the yuan above the reference are more than the day of the reading may explain: it explains no
    charge under another name.
    """
    over, explained = row["over_reference_cny"], evidence["reading_day_cny"]
    if not over:
        return False
    return explained is None or over > explained or evidence["other_charge_cny"] > 0


def _over_note(row: TransferFeeCodeV1Row, evidence: TransferFeeCodeEvidenceV1Row) -> Said | None:
    """What is to be said of the yuan above the reference; None where nothing is."""
    over = row["over_reference_cny"]
    if not over:
        return None
    is_explained = not _is_alarm(row, evidence)
    is_grey, other = row["grey_reason_code"] is not None, evidence["other_charge_cny"]
    return over_in_words(is_grey=is_grey, is_explained=is_explained, other_charge_cny=other)


def _is_above_master(evidence: TransferFeeCodeEvidenceV1Row) -> bool:
    """Whether the tenants declared more energy together than the supplier bought."""
    declared, bought = evidence["tenants_energy_kwh"], evidence["master_energy_kwh"]
    return declared is not None and bought is not None and declared > bought


def _grey_reason(row: TransferFeeCodeV1Row) -> Said | None:
    code = row["grey_reason_code"]
    return GREY_REASONS[GreyReason(code)] if code else None


def _sure(code: str | None) -> Said:
    """How sure a figure is, in words."""
    return CONFIDENCES[Confidence(code)] if code else NOTHING


def _kinds(rows: Sequence[TransferFeeCodeV1Row]) -> tuple[Provenance, ...]:
    return provenances(joined_provenance(row["provenance"] for row in rows))


def _resting_on(rows: Sequence[TransferFeeCodeV1Row]) -> Said:
    return labels_in_words(kind.value for kind in _kinds(rows))


def _tags(rows: Sequence[TransferFeeCodeV1Row]) -> list[Said]:
    """Of codes of one supplier, whose master account they share."""
    row = rows[0]
    tags = [PROVENANCES[kind] for kind in _kinds(rows)]
    if any(each["is_illustrative"] for each in rows):
        tags.append(ILLUSTRATIVE_PRICE)
    if row["estimated_ratio"]:
        tags.append(Said(f"总表估算 {row['estimated_ratio']:.1%}", "of the master's data estimated"))
    return tags


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f}"


def _energy(energy: Decimal) -> str:
    return f"{energy:,.2f}"
