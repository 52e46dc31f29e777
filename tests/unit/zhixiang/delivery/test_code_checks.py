"""What a fee code has to stand before it is delivered: a comparison worked by hand, then a value altered."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.identity.keys import CODE_KEY, KeyRing
from products.transfer_fee_code.code.signed_code import payload_of, sign_code
from zhixiang.delivery.code_checks import why_not_code, why_not_text

ISSUED, VALID_DAYS, SECRET = date(2026, 10, 1), 31, b"s" * 32


def code(**values: object) -> Any:
    """900 and 100 CNY for 1,000 kWh, against 7,600 CNY for 10,000 kWh and 5 % of loss: 0.80 CNY/kWh, 25 %."""
    found = {
        "tenant_id": "T-1",
        "supplier_customer_id": "S-1",
        "billing_month": "2026-09",
        "colour_code": "yellow",
        "grey_reason_code": None,
        "mark_up_ratio": Decimal("0.2500000000"),
        "mark_up_pct": Decimal("25.0000"),
        "charged_price_cny_per_kwh": Decimal("1.0000000000"),
        "reference_price_cny_per_kwh": Decimal("0.8000000000"),
        "over_reference_cny": Decimal("200.00"),
        "energy_kwh": Decimal("1000.000000"),
        "is_illustrative": False,
        "provenance": "simulated",
        "revision": 1,
    }
    return {**found, **values}


def behind(**values: object) -> Any:
    found = {
        "energy_kwh": Decimal("1000.000000"),
        "fee_cny": Decimal("900.000000"),
        "other_charge_cny": Decimal("100.000000"),
        "charged_cny": Decimal("1000.000000"),
        "charged_price_cny_per_kwh": Decimal("1.0000000000"),
        "master_total_cny": Decimal("7600.00"),
        "master_energy_kwh": Decimal("10000.000000"),
        "loss_cap_ratio": Decimal("0.0500000000"),
        "reference_price_cny_per_kwh": Decimal("0.8000000000"),
        "over_reference_cny": Decimal("200.00"),
        "is_illustrative": False,
        "green_max_ratio": Decimal("0.0500000000"),
        "red_min_ratio": Decimal("0.3000000000"),
    }
    return {**found, **values}


def grey(**values: object) -> Any:
    found = {
        "colour_code": "grey",
        "grey_reason_code": "implausible_price",
        "mark_up_ratio": None,
        "mark_up_pct": None,
        "over_reference_cny": None,
    }
    return code(**{**found, **values})


def test_a_code_that_follows_from_its_comparison_goes_out() -> None:
    assert why_not_code(code(), behind()) is None
    assert why_not_code(grey(), behind(over_reference_cny=None)) is None, "of a version before 0.5"
    assert why_not_code(grey(over_reference_cny=Decimal("200.00")), behind()) is None


@pytest.mark.parametrize(
    ("row", "evidence", "named"),
    [
        (code(colour_code="green"), behind(), "colour_code: green / yellow"),
        (code(mark_up_pct=Decimal("24.9900")), behind(), "mark_up_pct"),
        (code(mark_up_ratio=Decimal("0.2499999999")), behind(), "mark_up_ratio"),
        (code(over_reference_cny=Decimal("200.01")), behind(), "over_reference_cny"),
        (
            code(over_reference_cny=Decimal("20.00")),
            behind(over_reference_cny=Decimal("20.00")),
            "over_reference_cny: 20.00 / 200.00",
        ),
        (code(is_illustrative=True), behind(), "is_illustrative"),
        (code(), behind(fee_cny=Decimal("901.000000")), "charged_cny"),
        (code(), behind(master_total_cny=Decimal("7599.99")), "reference_price_cny_per_kwh"),
        (code(), behind(red_min_ratio=Decimal("0.2500000000")), "colour_code: yellow / red"),
        (grey(colour_code="red"), behind(over_reference_cny=None), "colour_code: red / grey"),
        (grey(mark_up_pct=Decimal(1)), behind(over_reference_cny=None), "figures of a grey code"),
        (
            grey(over_reference_cny=Decimal("199.00")),
            behind(over_reference_cny=Decimal("199.00")),
            "over_reference_cny: 199.00 / 200.00",
        ),
        (
            grey(grey_reason_code="master_incomplete", over_reference_cny=Decimal("200.00")),
            behind(),
            "over_reference_cny: 200.00 / None",
        ),
        (code(), None, "无依据"),
    ],
)
def test_a_code_that_says_another_thing_stays(row: Any, evidence: Any, named: str) -> None:
    assert named in (why_not_code(row, evidence) or "")


def test_the_text_is_read_as_a_stranger_reads_it(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    key = ring.signing_key(CODE_KEY)
    published = {known.key_id: known.public_key for known in ring.public_keys(CODE_KEY)}

    def told(said: Any, row: Any, keys: Any = published) -> str | None:
        text = sign_code(payload_of(said, SECRET, key.key_id, ISSUED, VALID_DAYS), key.private)
        return why_not_text(text, row, SECRET, keys, ISSUED, VALID_DAYS)

    assert told(code(), code()) is None
    assert "colour" in (told(code(colour_code="red"), code()) or "")
    assert "mark_up_pct" in (told(code(mark_up_pct=Decimal("26.0000")), code()) or "")
    assert "tenant_pseudonym" in (told(code(tenant_id="T-2"), code()) or "")
    assert "签名不符" in (told(code(), code(), {}) or ""), "signed, and nobody can check it"
