"""Identifiers that nobody sends who means well, and some that people do send: what must be held back, and
what must go through and stay inside the delivery.
"""

from __future__ import annotations

from pipelines.tables.bronze import (
    BronzeCustomers,
    BronzeEvents,
    BronzeMeterPoints,
    BronzePayments,
    BronzeSupplyShares,
    BronzeTransferDeclarations,
    BronzeWeather,
)

DECLARED = (
    BronzeCustomers,
    BronzeMeterPoints,
    BronzeSupplyShares,
    BronzePayments,
    BronzeEvents,
    BronzeTransferDeclarations,
    BronzeWeather,
)
"""The received tables whose files have the columns of their declaration."""

REFUSED = (
    "C\0",
    "C\n1",
    "C\r1",
    "C\t1",
    "C\x1b[31m",
    "C\x7f",
    "C\x85",
    "C\u2028",
    "C\u2029",
    "C\u202e1",
    "C\u2066",
    "C\u200b",
    "C\ufeff",
    "C\xad1",
    "C\u061c1",
    "C\u180e1",
    "C\ufff91",
    "C\ufffb1",
    "C\U000e00011",
    "x" * 300,
    "x" * 129,
    "甲" * 129,
)
"""Each breaks the rule, blanks at its ends or not."""

LEGAL = (
    "C-x/../../x",
    "../../../x",
    "/tmp/absolute",
    "..",
    ".",
    "...",
    "A.1",
    "A.2",
    "A 1",
    "A%2F1",
    "A'1",
    'A"1',
    "A\\1",
    "con",
    "NUL",
    "index",
    "supplier-A",
    "A-correction-1",
    "-rf",
    "~",
    "甲公司一号",
    "甲" * 128,
    "😀",
    "👩‍👩‍👧",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "😀" * 128,
    "x" * 128,
    "shop",
    "SHOP",
    "Shop.",
    "e\u0301",
    "\u00e9",
    "$(touch x)",
    "<script>alert(1)</script>",
)
"""Each obeys the rule, and no two may share a file."""
