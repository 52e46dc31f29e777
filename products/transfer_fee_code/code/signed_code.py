"""The signed code: a few canonical bytes and an Ed25519 signature, as text for a QR picture. No personal data
is in it.

The text is ``ZX1:`` + Base45 of (33 bytes of payload + 64 bytes of signature). Whoever has the public key can
tell a genuine code
without asking anybody; only who has the pseudonym's secret can tell whose code it is.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from pipelines.codes import FeeCodeColour, Provenance
from pipelines.errors import TamperedError, UsageError, ZhixiangError
from pipelines.periods import BillingMonth, day_of_run
from products.transfer_fee_code.code import base45
from products.transfer_fee_code.rows import TransferFeeCodeV1Row

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

CODE_VERSION = 1
PREFIX = "ZX1:"
PSEUDONYM_BYTES = 10
_CONTEXT = b"zhixiang transfer fee code\x00"
_PSEUDONYM_CONTEXT = b"zhixiang tenant pseudonym\x00"
# version, pseudonym, month, colour, mark-up in 0.0001 %, revision, key id, issued, expiry, marks
_LAYOUT = struct.Struct(f">B{PSEUDONYM_BYTES}sHBiH8sHHB")
_SIGNATURE_BYTES = 64
_NO_MARK_UP = -(2**31)
_MARK_UP_STEP = Decimal("0.0001")
_MONTH_ZERO, _DAY_ZERO = BillingMonth(2000, 1), date(2000, 1, 1)
_COLOURS = (FeeCodeColour.GREEN, FeeCodeColour.YELLOW, FeeCodeColour.RED, FeeCodeColour.GREY)
ILLUSTRATIVE = "illustrative"
_MARKS = (ILLUSTRATIVE, *(mark.value for mark in Provenance))
_DUMMY_PUBLIC_KEY = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")


@dataclass(frozen=True)
class CodePayload:
    """What a code says.

    tenant_pseudonym  20 hex digits that stand for tenant and supplier, see tenant_pseudonym.
    mark_up_pct       As shown, in steps of 0.0001 %; None where grey. [%]
    key_id            First 16 hex digits of the SHA-256 of the public key that verifies it.
    expiry            Last local day on which the code holds.
    marks             ``illustrative`` and the marks of provenance that apply.
    """

    tenant_pseudonym: str
    billing_month: str
    colour: FeeCodeColour
    mark_up_pct: Decimal | None
    revision: int
    key_id: str
    issued: date
    expiry: date
    marks: frozenset[str]
    code_version: int = CODE_VERSION

    def to_bytes(self) -> bytes:
        """The canonical bytes; raises UsageError for what they cannot hold."""
        try:
            steps = (
                _NO_MARK_UP
                if self.mark_up_pct is None
                else int((self.mark_up_pct / _MARK_UP_STEP).to_integral_exact())
            )
            if self.mark_up_pct is not None and steps * _MARK_UP_STEP != self.mark_up_pct:
                raise UsageError(f"A mark-up of {self.mark_up_pct} % is not a multiple of {_MARK_UP_STEP} %.")
            month = BillingMonth.parse(self.billing_month)
            return _LAYOUT.pack(
                self.code_version,
                _exactly(bytes.fromhex(self.tenant_pseudonym), PSEUDONYM_BYTES),
                (month.year - _MONTH_ZERO.year) * 12 + month.month - _MONTH_ZERO.month,
                _COLOURS.index(self.colour),
                steps,
                self.revision,
                _exactly(bytes.fromhex(self.key_id), 8),
                (self.issued - _DAY_ZERO).days,
                (self.expiry - _DAY_ZERO).days,
                sum(1 << _MARKS.index(mark) for mark in self.marks),
            )
        except (struct.error, ValueError) as error:
            raise UsageError(f"A code cannot hold this: {error}.") from None

    @classmethod
    def from_bytes(cls, content: bytes) -> CodePayload:
        """The inverse of to_bytes; to be called on bytes whose signature holds."""
        version, pseudonym, month, colour, steps, revision, key, issued, expiry, marks = _LAYOUT.unpack(
            content
        )
        return cls(
            tenant_pseudonym=pseudonym.hex(),
            billing_month=str(_MONTH_ZERO.plus(month)),
            colour=_COLOURS[colour],
            mark_up_pct=None if steps == _NO_MARK_UP else steps * _MARK_UP_STEP,
            revision=revision,
            key_id=key.hex(),
            issued=_DAY_ZERO + timedelta(days=issued),
            expiry=_DAY_ZERO + timedelta(days=expiry),
            marks=frozenset(mark for position, mark in enumerate(_MARKS) if marks >> position & 1),
            code_version=version,
        )


@dataclass(frozen=True)
class VerifiedCode:
    """A code whose signature holds and that has not expired."""

    payload: CodePayload


def _exactly(content: bytes, length: int) -> bytes:
    if len(content) != length:
        raise ValueError(f"{length} bytes are needed, not {len(content)}")
    return content


def tenant_pseudonym(tenant_id: str, supplier_customer_id: str, secret: bytes) -> str:
    """What stands for a tenant of a supplier in its codes: without the secret nobody can tell, nor try, whose
    it is. 20 hex digits.
    """
    parts = [tenant_id.encode(), supplier_customer_id.encode()]
    message = _PSEUDONYM_CONTEXT + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hmac.new(secret, message, hashlib.sha256).digest()[:PSEUDONYM_BYTES].hex()


def issue_day(row: TransferFeeCodeV1Row) -> date:
    """Local day on which a revision was issued: that of its run, for declarations come days after the month;
    of a run that does not tell, the first day after the month. The same revision gives the same code.
    """
    after = BillingMonth.parse(row["billing_month"]).plus(1).first_day
    return max(day_of_run(row["computed_run_id"] or "") or after, after)


def payload_of(
    row: TransferFeeCodeV1Row, secret: bytes, key_id: str, issued: date, validity_days: int
) -> CodePayload:
    """The payload of a row of transfer_fee_code_v1.

    issued         Local day of the issue; the code holds for so many days after it.
    """
    marks = set(row["provenance"].split("+")) | ({ILLUSTRATIVE} if row["is_illustrative"] else set())
    return CodePayload(
        tenant_pseudonym=tenant_pseudonym(row["tenant_id"], row["supplier_customer_id"], secret),
        billing_month=row["billing_month"],
        colour=FeeCodeColour(row["colour_code"]),
        mark_up_pct=row["mark_up_pct"],
        revision=row["revision"],
        key_id=key_id,
        issued=issued,
        expiry=issued + timedelta(days=validity_days),
        marks=frozenset(marks),
    )


def sign_code(payload: CodePayload, private_key: Ed25519PrivateKey) -> str:
    """The text of a code, for a QR picture; the same payload and key always give the same text."""
    content = payload.to_bytes()
    return PREFIX + base45.encode(content + private_key.sign(_CONTEXT + content))


def verify_code(
    text: str,
    public_keys: Mapping[str, Ed25519PublicKey],
    on: date,
    newest: Mapping[tuple[str, str], int] | None = None,
    pseudonym: str | None = None,
) -> VerifiedCode:
    """The code in a text, on a local day.

    public_keys  Key id -> key.
    newest       Pseudonym and month -> the revision that stands, of codes that were issued anew.
    pseudonym    Whose code it has to be; None: anybody's.
    Raises TamperedError, in the same words whatever is wrong: altered, unknown key, not yet valid, expired,
    superseded, of another tenant or supplier, no code at all.
    """
    verified = _verified(text, public_keys, on)
    if verified is not None:
        code = verified.payload
        stands = (newest or {}).get((code.tenant_pseudonym, code.billing_month), code.revision)
        if code.revision < stands or pseudonym not in (None, code.tenant_pseudonym):
            verified = None
    if verified is None:
        raise TamperedError(
            "此码无法确认。 This code cannot be confirmed.",
            "请向签发单位重新获取。 Ask its issuer for a new one.",
        )
    return verified


def is_genuine(text: str, public_keys: Mapping[str, Ed25519PublicKey]) -> bool:
    """Whether one of some keys, by key id, has signed a code, whatever its days."""
    return _signed_payload(text, public_keys) is not None


def _verified(text: str, public_keys: Mapping[str, Ed25519PublicKey], on: date) -> VerifiedCode | None:
    payload = _signed_payload(text, public_keys)
    return VerifiedCode(payload) if payload is not None and payload.issued <= on <= payload.expiry else None


def _signed_payload(text: str, public_keys: Mapping[str, Ed25519PublicKey]) -> CodePayload | None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if not text.startswith(PREFIX) or len(text) != TEXT_LENGTH:
        return None
    try:
        raw = base45.decode(text[len(PREFIX) :])
        content, signature = raw[: _LAYOUT.size], raw[_LAYOUT.size :]
        version, key = content[0], _LAYOUT.unpack(content)[6].hex()
        # An unknown key costs the same work as a known one, so that time does not tell which keys exist.
        known = [
            public for name, public in public_keys.items() if hmac.compare_digest(name.encode(), key.encode())
        ]
        public = known[0] if known else Ed25519PublicKey.from_public_bytes(_DUMMY_PUBLIC_KEY)
        public.verify(signature, _CONTEXT + content)
        payload = CodePayload.from_bytes(content)
    except (InvalidSignature, ZhixiangError, IndexError, OverflowError, struct.error):
        return None
    return payload if known and version == CODE_VERSION else None


TEXT_LENGTH = len(PREFIX) + len(base45.encode(bytes(_LAYOUT.size + _SIGNATURE_BYTES)))
