"""Fee codes: signed, as QR pictures and pages for tenants, with an overview per supplier for the
regulator.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipelines.identity.keys import CODE_KEY, PSEUDONYM, SigningKey
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
from zhixiang.delivery.code_checks import why_not_code, why_not_text
from zhixiang.delivery.context import Delivery, may_leave, origin_of
from zhixiang.delivery.truth import labels_of
from zhixiang.pages.site import PAGES
from zhixiang.reports.issued import newest_with_evidence
from zhixiang.reports.refused_names import CODE, refused_name

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SIGNING_KEY, PSEUDONYM_SECRET = CODE_KEY, PSEUDONYM
COLOURS = ("green", "yellow", "red", "grey")


class _Signing:
    """What codes are signed, and read again, with; asked for when the first one is written, and once."""

    def __init__(self, delivery: Delivery) -> None:
        self._keys = delivery.keys
        self.settings = delivery.store.settings.section(TransferFeeCodeSettings).code

    @cached_property
    def key(self) -> SigningKey:
        return self._keys.signing_key(SIGNING_KEY)

    @cached_property
    def secret(self) -> bytes:
        return self._keys.secret(PSEUDONYM_SECRET)

    @cached_property
    def published(self) -> dict[str, Ed25519PublicKey]:
        return {known.key_id: known.public_key for known in self._keys.public_keys(SIGNING_KEY)}


def deliver_codes(delivery: Delivery) -> dict[str, Any]:
    """Writes ``codes/MONTH/``: per tenant a page, the code as SVG, PNG and text; per supplier an overview;
    and the public keys. A code that does not follow from the comparison behind it, or whose text says
    another thing than its row, is not written, and ``refused`` names it.
    """
    suppliers: list[dict[str, Any]] = []
    revisions: dict[str, int] = {}
    origins: dict[str, str] = {}
    refused: dict[str, str] = {}
    signing = _Signing(delivery)
    count, withheld = 0, 0
    delivered: list[TransferFeeCodeV1Row] = []
    picture: TransferFeeCodeV1Row | None = None
    shown = ""
    for month in delivery.months:
        found = newest_with_evidence(
            delivery.store, TransferFeeCodeV1, (TransferFeeCodeEvidenceV1,), str(month)
        )
        evidence: dict[str, TransferFeeCodeEvidenceV1Row] = {
            name: rows[0] for name, rows in found[TransferFeeCodeEvidenceV1.name].items() if rows
        }
        leaving: list[TransferFeeCodeV1Row] = [row for row in found["results"] if may_leave(row)]
        names = file_names(row["tenant_id"] for row in found["results"])
        codes: list[TransferFeeCodeV1Row] = []
        for row in leaving:
            tenant = row["tenant_id"]
            base = f"codes/{month}/{names[tenant]}"
            if why := _handed_over(delivery, signing, row, evidence.get(tenant), month, base, origins):
                refused[refused_name(CODE, tenant, month)] = why
                continue
            codes.append(row)
            revisions[base] = row["revision"]
        count, withheld = count + len(codes), withheld + len(found["results"]) - len(leaving)
        suppliers += _write_suppliers(delivery, codes, evidence, str(month), names)
        delivered += codes
        red = next((row for row in codes if row["colour_code"] == "red"), None)
        if red is not None:
            picture, shown = red, f"codes/{month}/{names[red['tenant_id']]}"
    if not count:
        return {
            "count": 0,
            "withheld": withheld,
            "labels": [],
            "refused": refused,
            "href": "index.html",
            "pictures": [],
        }
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
        "refused": refused,
        "href": "codes/index.html",
        "pictures": pictures,
        "revisions": revisions,
        "origins": origins,
    }


def _handed_over(
    delivery: Delivery,
    signing: _Signing,
    row: TransferFeeCodeV1Row,
    evidence: TransferFeeCodeEvidenceV1Row | None,
    month: BillingMonth,
    base: str,
    origins: dict[str, str],
) -> str | None:
    """Writes a code where it does not stand already; returns why it does not leave the house.

    origins  Gains what its files are made from.
    """
    origin = origin_of(row, evidence)
    files = [base + suffix for suffix in (".html", ".svg", ".png", ".txt")]
    if evidence is None or not delivery.stands(month, files, (base, origin), row["revision"]):
        why = why_not_code(row, evidence)
        if why or evidence is None:
            return why
        if why := _write_code(delivery, signing, row, evidence, month, base):
            return why
    origins[base] = origin
    return None


def _write_code(
    delivery: Delivery,
    signing: _Signing,
    row: TransferFeeCodeV1Row,
    evidence: TransferFeeCodeEvidenceV1Row,
    month: BillingMonth,
    base: str,
) -> str | None:
    """The code is issued on the first day after its month, so that the same revision always gives the same
    code. Returns why it was not written.
    """
    settings, key, secret = signing.settings, signing.key, signing.secret
    issued = month.plus(1).first_day
    payload = payload_of(row, secret, key.key_id, issued, settings.validity_days)
    text = sign_code(payload, key.private)
    if why := why_not_text(text, row, secret, signing.published, issued, settings.validity_days):
        return why
    page = render_code_page(row, evidence, qr_svg(text, payload.colour), expiry=payload.expiry)
    for suffix, content in (
        ("html", page.encode()),
        ("svg", qr_svg_file(text, payload.colour)),
        ("png", qr_png(text, payload.colour, settings.png_scale)),
        ("txt", text.encode()),
    ):
        write_bytes(delivery.path(f"{base}.{suffix}"), content)
    return None


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
