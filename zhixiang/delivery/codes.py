"""Fee codes: signed, as QR pictures and pages for tenants, with an overview per supplier for the
regulator.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.identity.keys import CODE_KEY, PSEUDONYM
from pipelines.identity.known_keys import keys_as_json
from pipelines.periods import BillingMonth
from products.page_kit.file_names import file_names
from products.page_kit.site import write_bytes
from products.transfer_fee_code.code.qr import qr_png, qr_svg, qr_svg_file
from products.transfer_fee_code.code.signed_code import payload_of, sign_code
from products.transfer_fee_code.page.tenant_page import render_code_page, render_supplier_page
from products.transfer_fee_code.rows import TransferFeeCodeEvidenceV1Row, TransferFeeCodeV1Row
from products.transfer_fee_code.settings import TransferFeeCodeSettings
from products.transfer_fee_code.tables import TransferFeeCodeEvidenceV1, TransferFeeCodeV1
from zhixiang.delivery.context import Delivery, may_leave, origin_of
from zhixiang.delivery.truth import labels_of
from zhixiang.pages.site import PAGES
from zhixiang.reports.issued import newest_with_evidence

SIGNING_KEY, PSEUDONYM_SECRET = CODE_KEY, PSEUDONYM
COLOURS = ("green", "yellow", "red", "grey")


def deliver_codes(delivery: Delivery) -> dict[str, Any]:
    """Writes ``codes/MONTH/``: per tenant a page, the code as SVG, PNG and text; per supplier an overview;
    and the public keys.
    """
    suppliers: list[dict[str, Any]] = []
    revisions: dict[str, int] = {}
    origins: dict[str, str] = {}
    count, withheld = 0, 0
    delivered: list[TransferFeeCodeV1Row] = []
    picture: TransferFeeCodeV1Row | None = None
    shown = ""
    for month in delivery.months:
        found = newest_with_evidence(
            delivery.store, TransferFeeCodeV1, (TransferFeeCodeEvidenceV1,), str(month)
        )
        evidence: dict[str, TransferFeeCodeEvidenceV1Row] = {
            name: rows[0] for name, rows in found[TransferFeeCodeEvidenceV1.name].items()
        }
        codes: list[TransferFeeCodeV1Row] = [row for row in found["results"] if may_leave(row)]
        names = file_names(row["tenant_id"] for row in found["results"])
        for row in codes:
            base = f"codes/{month}/{names[row['tenant_id']]}"
            revisions[base] = row["revision"]
            origins[base] = origin_of(row, evidence[row["tenant_id"]])
            files = [base + suffix for suffix in (".html", ".svg", ".png", ".txt")]
            if not delivery.stands(month, files, (base, origins[base]), row["revision"]):
                _write_code(delivery, row, evidence[row["tenant_id"]], month, names[row["tenant_id"]])
        count, withheld = count + len(codes), withheld + len(found["results"]) - len(codes)
        suppliers += _write_suppliers(delivery, codes, evidence, str(month), names)
        delivered += codes
        red = next((row for row in codes if row["colour_code"] == "red"), None)
        if red is not None:
            picture, shown = red, f"codes/{month}/{names[red['tenant_id']]}"
    if not count:
        return {"count": 0, "withheld": withheld, "labels": [], "href": "index.html", "pictures": []}
    _write_public_keys(delivery)
    labels = labels_of(delivered)
    PAGES.write_page(
        delivery.path("codes", "index.html"),
        "codes.html.j2",
        suppliers=suppliers,
        colours=COLOURS,
        labels=labels,
    )
    pictures = []
    if picture is not None:
        pictures = [
            {
                "href": f"{shown}.html",
                "src": f"{shown}.svg",
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
        "revisions": revisions,
        "origins": origins,
    }


def _write_code(
    delivery: Delivery,
    row: TransferFeeCodeV1Row,
    evidence: TransferFeeCodeEvidenceV1Row,
    month: BillingMonth,
    name: str,
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
    page = render_code_page(row, evidence, qr_svg(text, payload.colour), expiry=payload.expiry)
    for suffix, content in (
        ("html", page.encode()),
        ("svg", qr_svg_file(text, payload.colour)),
        ("png", qr_png(text, payload.colour, settings.png_scale)),
        ("txt", text.encode()),
    ):
        write_bytes(delivery.path("codes", str(month), f"{name}.{suffix}"), content)


def _write_suppliers(
    delivery: Delivery,
    rows: list[TransferFeeCodeV1Row],
    evidence: dict[str, TransferFeeCodeEvidenceV1Row],
    month: str,
    names: Mapping[str, str],
) -> list[dict[str, Any]]:
    listed = []
    suppliers = file_names(row["supplier_customer_id"] for row in rows)
    for supplier in sorted(suppliers):
        mine = [row for row in rows if row["supplier_customer_id"] == supplier]
        links = {row["tenant_id"]: f"{names[row['tenant_id']]}.html" for row in mine}
        page = render_supplier_page(mine, [evidence[row["tenant_id"]] for row in mine], links)
        name = f"supplier-{suppliers[supplier]}.html"
        write_bytes(delivery.path("codes", month, name), page.encode())
        counts = {colour: sum(row["colour_code"] == colour for row in mine) for colour in COLOURS}
        listed.append(
            {
                "month": month,
                "supplier": supplier,
                "name": mine[0]["supplier_name"] or supplier,
                "href": f"{month}/{name}",
                "counts": counts,
            }
        )
    return listed


def _write_public_keys(delivery: Delivery) -> None:
    """What anyone needs to verify a code without asking; keys that were replaced stay, with their days."""
    delivery.keys.signing_key(SIGNING_KEY)
    write_bytes(
        delivery.path("codes", "public_keys.json"), keys_as_json(delivery.keys.public_keys(SIGNING_KEY))
    )
