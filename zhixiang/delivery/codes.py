"""Fee codes: signed, as QR pictures and pages for tenants, with an overview per supplier for the
regulator.
"""

from __future__ import annotations

import json
from typing import Any

from pipelines.periods import BillingMonth
from products.page_kit.site import write_bytes
from products.transfer_fee_code.code.qr import qr_png, qr_svg, qr_svg_file
from products.transfer_fee_code.code.signed_code import payload_of, sign_code
from products.transfer_fee_code.page.tenant_page import render_code_page, render_supplier_page
from products.transfer_fee_code.rows import TransferFeeCodeEvidenceV1Row, TransferFeeCodeV1Row
from products.transfer_fee_code.settings import TransferFeeCodeSettings
from products.transfer_fee_code.tables import TransferFeeCodeEvidenceV1, TransferFeeCodeV1
from zhixiang.delivery.context import Delivery, may_leave
from zhixiang.delivery.truth import labels_of
from zhixiang.pages.site import PAGES
from zhixiang.reports.issued import newest_with_evidence

SIGNING_KEY, PSEUDONYM_SECRET = "fee_code_signing", "tenant_pseudonym"
COLOURS = ("green", "yellow", "red", "grey")


def deliver_codes(delivery: Delivery) -> dict[str, Any]:
    """Writes ``codes/MONTH/``: per tenant a page, the code as SVG, PNG and text; per supplier an overview;
    and the public key.
    """
    suppliers: list[dict[str, Any]] = []
    count, withheld = 0, 0
    delivered: list[TransferFeeCodeV1Row] = []
    picture: TransferFeeCodeV1Row | None = None
    for month in delivery.months:
        found = newest_with_evidence(
            delivery.store, TransferFeeCodeV1, (TransferFeeCodeEvidenceV1,), str(month)
        )
        evidence: dict[str, TransferFeeCodeEvidenceV1Row] = {
            name: rows[0] for name, rows in found[TransferFeeCodeEvidenceV1.name].items()
        }
        codes: list[TransferFeeCodeV1Row] = [row for row in found["results"] if may_leave(row)]
        for row in codes:
            _write_code(delivery, row, evidence[row["tenant_id"]], month)
        count, withheld = count + len(codes), withheld + len(found["results"]) - len(codes)
        suppliers += _write_suppliers(delivery, codes, evidence, str(month))
        delivered += codes
        red = next((row for row in codes if row["colour_code"] == "red"), None)
        picture = red or picture
    if not count:
        return {"count": 0, "withheld": withheld, "labels": [], "href": "index.html", "pictures": []}
    _write_public_key(delivery)
    labels = labels_of(delivered)
    PAGES.write_page(
        delivery.out / "codes" / "index.html",
        "codes.html.j2",
        suppliers=suppliers,
        colours=COLOURS,
        labels=labels,
    )
    pictures = []
    if picture is not None:
        base = f"codes/{picture['billing_month']}/{picture['tenant_id']}"
        pictures = [
            {
                "href": f"{base}.html",
                "src": f"{base}.svg",
                "title_zh": "转供电费码：红码、加价与对比",
                "title_en": "fee code: colour, mark-up, comparison",
                "labels": labels_of([picture]),
            }
        ]
    return {
        "count": count,
        "withheld": withheld,
        "labels": labels,
        "href": "codes/index.html",
        "pictures": pictures,
    }


def _write_code(
    delivery: Delivery, row: TransferFeeCodeV1Row, evidence: TransferFeeCodeEvidenceV1Row, month: BillingMonth
) -> None:
    """The code is issued on the first day after its month, so that the same revision always gives the same
    code.
    """
    settings = delivery.store.settings.section(TransferFeeCodeSettings).code
    key = delivery.keys.signing_key(SIGNING_KEY)
    payload = payload_of(
        row,
        delivery.keys.secret(PSEUDONYM_SECRET),
        key.key_id,
        month.plus(1).first_day,
        settings.validity_days,
    )
    text = sign_code(payload, key.private)
    base = delivery.out / "codes" / str(month) / row["tenant_id"]
    write_bytes(
        base.with_suffix(".html"),
        render_code_page(row, evidence, qr_svg(text, payload.colour), expiry=payload.expiry).encode(),
    )
    write_bytes(base.with_suffix(".svg"), qr_svg_file(text, payload.colour))
    write_bytes(base.with_suffix(".png"), qr_png(text, payload.colour, settings.png_scale))
    write_bytes(base.with_suffix(".txt"), text.encode())


def _write_suppliers(
    delivery: Delivery,
    rows: list[TransferFeeCodeV1Row],
    evidence: dict[str, TransferFeeCodeEvidenceV1Row],
    month: str,
) -> list[dict[str, Any]]:
    listed = []
    for supplier in sorted({row["supplier_customer_id"] for row in rows}):
        mine = [row for row in rows if row["supplier_customer_id"] == supplier]
        links = {row["tenant_id"]: f"{row['tenant_id']}.html" for row in mine}
        page = render_supplier_page(mine, [evidence[row["tenant_id"]] for row in mine], links)
        write_bytes(delivery.out / "codes" / month / f"supplier-{supplier}.html", page.encode())
        counts = {colour: sum(row["colour_code"] == colour for row in mine) for colour in COLOURS}
        listed.append(
            {
                "month": month,
                "supplier": supplier,
                "name": mine[0]["supplier_name"] or supplier,
                "href": f"{month}/supplier-{supplier}.html",
                "counts": counts,
            }
        )
    return listed


def _write_public_key(delivery: Delivery) -> None:
    """What anyone needs to verify a code without asking."""
    from cryptography.hazmat.primitives import serialization

    key = delivery.keys.signing_key(SIGNING_KEY)
    raw = key.public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    write_bytes(
        delivery.out / "codes" / "public_keys.json", json.dumps({key.key_id: raw.hex()}, indent=1).encode()
    )
