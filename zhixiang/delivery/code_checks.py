"""What a fee code has to stand before it is delivered: colour and figures follow from the comparison behind
it, and its signed text, read as a stranger reads it, says what the row says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from pipelines.codes import FeeCodeColour, GreyReason
from pipelines.errors import TamperedError
from products.transfer_fee_code.code.signed_code import CodePayload, payload_of, verify_code
from products.transfer_fee_code.price.colour import NO_REFERENCE, colour_of, quantised, shown_percent
from products.transfer_fee_code.rows import TransferFeeCodeEvidenceV1Row, TransferFeeCodeV1Row

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SHOWN = 3
_PRICE, _FEN = 10, 2
Figures = Mapping[str, tuple[object, object]]


def why_not_code(row: TransferFeeCodeV1Row, evidence: TransferFeeCodeEvidenceV1Row | None) -> str | None:
    """Why a code must not be delivered; none where row and evidence say one thing.

    evidence  Of the same revision; none where there is none.
    """
    if evidence is None:
        return "无依据 there is no evidence of it"
    return _told({**_both_say(row, evidence), **_follow(row, evidence)})


def why_not_text(
    text: str,
    row: TransferFeeCodeV1Row,
    secret: bytes,
    public_keys: Mapping[str, Ed25519PublicKey],
    issued: date,
    validity_days: int,
) -> str | None:
    """The same of a code's signed text, read with the public keys that are delivered beside it.

    secret         Of the tenants' pseudonyms.
    issued         Local day of the issue; the code holds for so many days after it.
    """
    try:
        read = verify_code(text, public_keys, issued).payload
    except TamperedError:
        return "签名不符 its signature does not hold with the public keys delivered beside it"
    meant = payload_of(row, secret, read.key_id, issued, validity_days)
    return _told({name: (getattr(read, name), getattr(meant, name)) for name in _fields()})


def _fields() -> Iterable[str]:
    return CodePayload.__dataclass_fields__


def _both_say(row: TransferFeeCodeV1Row, evidence: TransferFeeCodeEvidenceV1Row) -> Figures:
    """What stands in the row and in its evidence."""
    return {
        "energy_kwh": (row["energy_kwh"], evidence["energy_kwh"]),
        "charged_price_cny_per_kwh": (
            row["charged_price_cny_per_kwh"],
            evidence["charged_price_cny_per_kwh"],
        ),
        "reference_price_cny_per_kwh": (
            row["reference_price_cny_per_kwh"],
            evidence["reference_price_cny_per_kwh"],
        ),
        "over_reference_cny": (row["over_reference_cny"], evidence["over_reference_cny"]),
        "is_illustrative": (row["is_illustrative"], evidence["is_illustrative"]),
    }


def _follow(row: TransferFeeCodeV1Row, evidence: TransferFeeCodeEvidenceV1Row) -> Figures:
    """What stands in the row, and the same computed anew from the evidence in exact fractions."""
    charged = Fraction(evidence["fee_cny"]) + Fraction(evidence["other_charge_cny"])
    energy = Fraction(evidence["energy_kwh"])
    price = charged / energy if energy else None
    reference = _reference(evidence)
    found: dict[str, tuple[object, object]] = {
        "charged_cny": (evidence["charged_cny"], _rounded(charged, 6)),
        "charged_price_cny_per_kwh again": (row["charged_price_cny_per_kwh"], _rounded(price, _PRICE)),
        "reference_price_cny_per_kwh again": (
            row["reference_price_cny_per_kwh"],
            _rounded(reference, _PRICE),
        ),
    }
    green, red = evidence["green_max_ratio"], evidence["red_min_ratio"]
    is_grey = row["grey_reason_code"] is not None
    if is_grey or price is None or reference is None or green is None or red is None:
        nothing = (row["mark_up_ratio"], row["mark_up_pct"])
        found |= {
            "colour_code": (row["colour_code"], FeeCodeColour.GREY.value),
            "figures of a grey code": (nothing, (None, None)),
        }
        # Codes of versions before 0.5 told no yuan where they were grey.
        told, reason = row["over_reference_cny"], row["grey_reason_code"]
        if told is not None:
            holds = reference is not None and reason is not None and GreyReason(reason) not in NO_REFERENCE
            over = _over(charged, reference, energy) if holds and reference is not None else None
            found["over_reference_cny again"] = (told, _rounded(over, _FEN))
        return found
    mark_up = price / reference - 1
    over = _over(charged, reference, energy)
    return found | {
        "colour_code": (row["colour_code"], colour_of(mark_up, red, green).value),
        "mark_up_ratio": (row["mark_up_ratio"], _rounded(mark_up, _PRICE)),
        "mark_up_pct": (row["mark_up_pct"], shown_percent(mark_up, (green, red))),
        "over_reference_cny again": (row["over_reference_cny"], _rounded(over, _FEN)),
    }


def _over(charged: Fraction, reference: Fraction, energy: Fraction) -> Fraction:
    return max(Fraction(0), charged - reference * energy)


def _reference(evidence: TransferFeeCodeEvidenceV1Row) -> Fraction | None:
    total, energy, cap = (
        evidence["master_total_cny"],
        evidence["master_energy_kwh"],
        evidence["loss_cap_ratio"],
    )
    if total is None or not energy or cap is None:
        return None
    return Fraction(total) / Fraction(energy) / (1 - Fraction(cap))


def _rounded(value: Fraction | None, decimals: int) -> Decimal | None:
    return None if value is None else quantised(value, decimals)


def _told(figures: Figures) -> str | None:
    wrong = [
        f"{name.removesuffix(' again')}: {stands} / {again}"
        for name, (stands, again) in figures.items()
        if stands != again
    ]
    if not wrong:
        return None
    more = f" (+{len(wrong) - SHOWN})" if len(wrong) > SHOWN else ""
    return f"与依据不符 it is not what follows (stored / computed): {'; '.join(wrong[:SHOWN])}{more}"
