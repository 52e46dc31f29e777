"""Signed codes: canonical bytes, forging attempts, one message for every refusal, QR pictures that cameras
read.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines.codes import FeeCodeColour
from pipelines.errors import TamperedError, UsageError
from pipelines.identity.keys import key_id
from products.page_kit.palette import FEE_CODE_MODULES
from products.transfer_fee_code.code import base45
from products.transfer_fee_code.code.qr import qr_png, qr_svg, qr_svg_file
from products.transfer_fee_code.code.signed_code import (
    PREFIX,
    TEXT_LENGTH,
    CodePayload,
    payload_of,
    sign_code,
    tenant_pseudonym,
    verify_code,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
KEYS = {key_id(KEY.public_key()): KEY.public_key()}
ISSUED = date(2026, 10, 10)
PAYLOAD = CodePayload(
    tenant_pseudonym="0123456789abcdef0123",
    billing_month="2026-09",
    colour=FeeCodeColour.RED,
    mark_up_pct=Decimal("57.7100"),
    revision=2,
    key_id=key_id(KEY.public_key()),
    issued=ISSUED,
    expiry=ISSUED + timedelta(days=180),
    marks=frozenset({"simulated", "illustrative"}),
)
TEXT = sign_code(PAYLOAD, KEY)


def refusal(text: str, on: date = ISSUED) -> str:
    with pytest.raises(TamperedError) as caught:
        verify_code(text, KEYS, on)
    return str(caught.value)


@pytest.mark.parametrize("colour", list(FeeCodeColour))
@pytest.mark.parametrize(
    "mark_up", [None, Decimal("0"), Decimal("-12.3400"), Decimal("29.9999"), Decimal("214000.0000")]
)
def test_a_code_says_what_was_signed(colour: FeeCodeColour, mark_up: Decimal | None) -> None:
    payload = replace(PAYLOAD, colour=colour, mark_up_pct=mark_up)
    assert verify_code(sign_code(payload, KEY), KEYS, ISSUED).payload == payload


def test_signing_is_deterministic_and_short() -> None:
    assert sign_code(PAYLOAD, KEY) == TEXT
    assert len(TEXT) == TEXT_LENGTH == 150
    assert set(TEXT) <= set(base45.ALPHABET)


def test_200_single_character_edits_are_all_refused() -> None:
    rng = random.Random(20261001)
    for _ in range(200):
        place = rng.randrange(len(TEXT))
        other = rng.choice([character for character in base45.ALPHABET + "abz\n" if character != TEXT[place]])
        refusal(TEXT[:place] + other + TEXT[place + 1 :])


def test_insertions_deletions_and_swaps_are_refused() -> None:
    rng = random.Random(7)
    for place in range(len(TEXT)):
        refusal(TEXT[:place] + TEXT[place + 1 :])
        refusal(TEXT[:place] + rng.choice(base45.ALPHABET) + TEXT[place:])
    swapped = [
        TEXT[:place] + TEXT[place + 1] + TEXT[place] + TEXT[place + 2 :] for place in range(len(TEXT) - 1)
    ]
    for text in swapped:
        if text != TEXT:
            refusal(text)


def test_every_refusal_reads_the_same() -> None:
    unknown = sign_code(replace(PAYLOAD, key_id=key_id(OTHER.public_key())), OTHER)
    forged = sign_code(PAYLOAD, OTHER)
    greener = PREFIX + base45.encode(
        replace(PAYLOAD, colour=FeeCodeColour.GREEN).to_bytes() + base45.decode(TEXT[4:])[33:]
    )
    future = sign_code(replace(PAYLOAD, code_version=2), KEY)
    said = {
        refusal(unknown),
        refusal(forged),
        refusal(greener),
        refusal(future),
        refusal(TEXT, PAYLOAD.expiry + timedelta(days=1)),
        refusal(TEXT, ISSUED - timedelta(days=1)),
        refusal(""),
        refusal("ZX1:"),
        refusal("hello"),
        refusal(TEXT.lower()),
        refusal("ZX2:" + TEXT[4:]),
        refusal("0" * 10_000),
        refusal(PREFIX + "红" * (TEXT_LENGTH - 4)),
        refusal(PREFIX + ":" * (TEXT_LENGTH - 4)),
    }
    assert len(said) == 1
    assert "cannot be confirmed" in said.pop()


def test_validity_in_pairs() -> None:
    assert verify_code(TEXT, KEYS, ISSUED)
    assert verify_code(TEXT, KEYS, PAYLOAD.expiry)
    refusal(TEXT, ISSUED - timedelta(days=1))
    refusal(TEXT, PAYLOAD.expiry + timedelta(days=1))


def test_a_signature_made_for_something_else_does_not_serve() -> None:
    content = PAYLOAD.to_bytes()
    refusal(PREFIX + base45.encode(content + KEY.sign(content)))


def test_what_a_code_cannot_hold_is_refused() -> None:
    for wrong in (
        replace(PAYLOAD, mark_up_pct=Decimal("1.00001")),
        replace(PAYLOAD, mark_up_pct=Decimal("1e9")),
        replace(PAYLOAD, revision=70_000),
        replace(PAYLOAD, tenant_pseudonym="00"),
        replace(PAYLOAD, key_id="xyz"),
        replace(PAYLOAD, marks=frozenset({"secret"})),
    ):
        with pytest.raises(UsageError):
            wrong.to_bytes()


def test_pseudonyms_hide_the_tenant_and_tell_tenants_apart() -> None:
    found = tenant_pseudonym("SIM-TENANT-A-001", "SIM-MALL-A", b"s" * 32)
    assert found == tenant_pseudonym("SIM-TENANT-A-001", "SIM-MALL-A", b"s" * 32)
    others = {
        tenant_pseudonym("SIM-TENANT-A-001", "SIM-MALL-A", b"t" * 32),
        tenant_pseudonym("SIM-TENANT-A-002", "SIM-MALL-A", b"s" * 32),
        tenant_pseudonym("SIM-TENANT-A-001S", "IM-MALL-A", b"s" * 32),
    }
    assert len(others | {found}) == 4


def test_a_row_becomes_a_payload_without_personal_data() -> None:
    row = {
        "tenant_id": "SIM-TENANT-A-001",
        "tenant_name": "模拟租户",
        "supplier_customer_id": "SIM-MALL-A",
        "billing_month": "2026-09",
        "colour_code": "yellow",
        "mark_up_pct": Decimal("7.8300"),
        "revision": 1,
        "provenance": "assumed+simulated",
        "is_illustrative": True,
    }
    payload = payload_of(row, b"s" * 32, PAYLOAD.key_id, ISSUED, 180)
    assert payload.marks == {"assumed", "simulated", "illustrative"}
    assert payload.expiry == PAYLOAD.expiry
    content = base45.decode(sign_code(payload, KEY)[4:])
    for private in ("SIM-TENANT-A-001", "SIM-MALL-A", "模拟租户"):
        assert private.encode() not in content


@pytest.mark.parametrize("colour", list(FeeCodeColour))
def test_a_camera_reads_the_coloured_picture(colour: FeeCodeColour) -> None:
    import cv2
    import numpy as np

    picture = cv2.imdecode(np.frombuffer(qr_png(TEXT, colour, 6), np.uint8), cv2.IMREAD_COLOR)
    assert cv2.QRCodeDetector().detectAndDecode(picture)[0] == TEXT
    # Held at an angle and a little out of focus.
    height, width = picture.shape[:2]
    turned = cv2.warpAffine(
        picture,
        cv2.getRotationMatrix2D((width / 2, height / 2), 8, 0.9),
        (width, height),
        borderValue=(255, 255, 255),
    )
    assert cv2.QRCodeDetector().detectAndDecode(cv2.GaussianBlur(turned, (3, 3), 0))[0] == TEXT
    blue, green, red = (int(FEE_CODE_MODULES[colour][place : place + 2], 16) for place in (5, 3, 1))
    assert (picture == [blue, green, red]).all(axis=2).any()


def test_the_svg_draws_the_same_modules_as_the_png() -> None:
    import re

    import cv2
    import numpy as np

    svg = qr_svg(TEXT, FeeCodeColour.RED)
    size = int(re.search(r'viewBox="0 0 (\d+) ', svg)[1])  # type: ignore[index]
    drawn = np.zeros((size, size), bool)
    column, line = 0, 0.0
    path = re.search(r'stroke="#98121b" d="([^"]+)"', svg)[1]  # type: ignore[index]
    for command, arguments in re.findall(r"([Mmh])([^Mmh]+)", path):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", arguments)]
        if command == "h":
            drawn[int(line), column : column + int(numbers[0])] = True
            column += int(numbers[0])
        elif command == "M":
            column, line = int(numbers[0]), numbers[1]
        else:
            column, line = column + int(numbers[0]), line + numbers[1]
    picture = cv2.imdecode(np.frombuffer(qr_png(TEXT, FeeCodeColour.RED, 2), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert (drawn == (picture[::2, ::2] < 128)).all()
    assert "<script" not in svg
    assert qr_svg_file(TEXT, FeeCodeColour.RED).startswith(b"<?xml")
    assert qr_png(TEXT, FeeCodeColour.RED, 6) == qr_png(TEXT, FeeCodeColour.RED, 6)
