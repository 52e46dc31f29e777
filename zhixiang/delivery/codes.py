"""Fee codes: signed, as QR pictures and pages for tenants, with an overview per supplier for the
regulator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipelines.identity.keys import CODE_KEY, PSEUDONYM, SigningKey
from pipelines.identity.known_keys import keys_as_json
from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings, is_publishable
from products.page_kit.file_names import file_names
from products.page_kit.site import write_bytes
from products.transfer_fee_code.code.qr import qr_png, qr_svg, qr_svg_file
from products.transfer_fee_code.code.signed_code import issue_day, payload_of, sign_code, tenant_pseudonym
from products.transfer_fee_code.code.superseded import SUPERSEDED, superseded_as_json
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


Pair = tuple[str, str]
"""Tenant and supplier: whose a code is."""


def code_names(pairs: Iterable[Pair]) -> dict[Pair, str]:
    """Pair -> name of its files without suffix, of all of a month: the tenant's, and its supplier's behind it
    where a tenant has several.

    >>> code_names([("T-1", "S-1"), ("T-2", "S-1"), ("T-2", "S-2")])
    {('T-1', 'S-1'): 'T-1', ('T-2', 'S-1'): 'T-2--S-1', ('T-2', 'S-2'): 'T-2--S-2'}
    """
    every = [*pairs]
    suppliers = Counter(tenant for tenant, _ in every)
    named = {pair: pair[0] if suppliers[pair[0]] == 1 else "--".join(pair) for pair in every}
    alike = Counter(named.values())
    # A tenant may be called as another one with its supplier.
    single = {pair: name if alike[name] == 1 else "\0".join(pair) for pair, name in named.items()}
    names = file_names(single.values())
    return {pair: names[name] for pair, name in single.items()}


def _pair(row: TransferFeeCodeV1Row) -> Pair:
    return row["tenant_id"], row["supplier_customer_id"]


class _Signing:
    """What codes are signed, and read again, with; asked for when the first one is written, and once."""

    def __init__(self, delivery: Delivery) -> None:
        self._keys = delivery.keys
        self.settings = delivery.store.settings.section(TransferFeeCodeSettings).code
        self.limits = delivery.store.settings.section(PublicationSettings)

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
        evidence: dict[Pair, TransferFeeCodeEvidenceV1Row] = {
            name: rows[0] for name, rows in found[TransferFeeCodeEvidenceV1.name].items() if rows
        }
        leaving: list[TransferFeeCodeV1Row] = [row for row in found["results"] if may_leave(row)]
        names = code_names(_pair(row) for row in found["results"])
        codes: list[TransferFeeCodeV1Row] = []
        for row in leaving:
            base = f"codes/{month}/{names[_pair(row)]}"
            if why := _handed_over(delivery, signing, row, evidence.get(_pair(row)), month, base, origins):
                name = refused_name(CODE, row["tenant_id"], month)
                refused[name] = "; ".join(filter(None, (refused.get(name), why)))
                continue
            codes.append(row)
            revisions[base] = row["revision"]
        count, withheld = count + len(codes), withheld + len(found["results"]) - len(leaving)
        suppliers += _write_suppliers(delivery, codes, evidence, str(month), names)
        delivered += codes
        red = next((row for row in codes if row["colour_code"] == "red"), None)
        if red is not None:
            picture, shown = red, f"codes/{month}/{names[_pair(red)]}"
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
    _write_superseded(delivery, signing, delivered)
    labels = labels_of(delivered)
    PAGES.write_page(
        delivery.path("codes", "index.html"),
        "codes.html.j2",
        suppliers=suppliers,
        all=all_colours(delivered, suppliers, signing.limits),
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
        if why := _write_code(delivery, signing, row, evidence, base):
            return why
    origins[base] = origin
    return None


def _write_code(
    delivery: Delivery,
    signing: _Signing,
    row: TransferFeeCodeV1Row,
    evidence: TransferFeeCodeEvidenceV1Row,
    base: str,
) -> str | None:
    """Returns why it was not written."""
    settings, key, secret = signing.settings, signing.key, signing.secret
    issued = issue_day(row)
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
    evidence: dict[Pair, TransferFeeCodeEvidenceV1Row],
    month: str,
    names: Mapping[Pair, str],
) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = []
    limits = delivery.store.settings.section(PublicationSettings)
    suppliers = file_names(row["supplier_customer_id"] for row in rows)
    for supplier in sorted(suppliers):
        mine = [row for row in rows if row["supplier_customer_id"] == supplier]
        links = {row["tenant_id"]: f"{names[_pair(row)]}.html" for row in mine}
        page = render_supplier_page(mine, [evidence[_pair(row)] for row in mine], links)
        name = f"supplier-{suppliers[supplier]}.html"
        write_bytes(delivery.path("codes", month, name), page.encode())
        counts = {colour: sum(row["colour_code"] == colour for row in mine) for colour in COLOURS}
        is_shown = is_publishable([row["energy_kwh"] for row in mine], limits)
        listed.append(
            {
                "month": month,
                "supplier": supplier,
                "name": mine[0]["supplier_name"] or supplier,
                "href": f"{month}/{name}",
                "tenants": len(mine),
                "counts": counts if is_shown else None,
            }
        )
    return listed


def all_colours(
    rows: Sequence[TransferFeeCodeV1Row], suppliers: Sequence[Mapping[str, Any]], limits: PublicationSettings
) -> dict[str, int] | None:
    """How many codes have each colour; None where all of them less those that are told apart would tell of
    too few shops.
    """
    shown = {(each["month"], each["supplier"]) for each in suppliers if each["counts"]}
    hidden = {_pair(row) for row in rows if (row["billing_month"], row["supplier_customer_id"]) not in shown}
    if hidden and not is_publishable([1] * len(hidden), limits):
        return None
    return {colour: sum(row["colour_code"] == colour for row in rows) for colour in COLOURS}


def _write_superseded(delivery: Delivery, signing: _Signing, rows: Sequence[TransferFeeCodeV1Row]) -> None:
    """Which codes an earlier one of the same tenant, supplier and month must not pass for any more."""
    anew = [row for row in rows if row["revision"] > 1]
    newest = {
        (
            tenant_pseudonym(row["tenant_id"], row["supplier_customer_id"], signing.secret),
            row["billing_month"],
        ): row["revision"]
        for row in anew
    }
    write_bytes(delivery.path("codes", SUPERSEDED), superseded_as_json(newest))


def _write_public_keys(delivery: Delivery) -> None:
    """What anyone needs to verify a code without asking; keys that were replaced stay, with their days."""
    delivery.keys.signing_key(SIGNING_KEY)
    write_bytes(
        delivery.path("codes", "public_keys.json"), keys_as_json(delivery.keys.public_keys(SIGNING_KEY))
    )
