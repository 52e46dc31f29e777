"""The figures of the Chinese rules, copied from the documents."""

from __future__ import annotations

from fractions import Fraction

F = Fraction


# 浙发改价格〔2026〕112号: sharp : peak : flat : valley : deep valley.
RATIOS = {"sharp": F("2.05"), "peak": F("1.85"), "flat": F(1), "valley": F("0.4"), "deep_valley": F("0.2")}


# 浙发改价格〔2024〕21号, until 2026-06-30: the ratio multiplies transmission and funds too; general commerce
# has no deep valley.
OLD_RATIOS = {
    "large_industry": {
        "sharp": F("1.98"),
        "peak": F("1.65"),
        "flat": F(1),
        "valley": F("0.38"),
        "deep_valley": F("0.20"),
    },
    "general_commercial": {"sharp": F("1.65"), "peak": F("1.50"), "flat": F(1), "valley": F("0.38")},
}


# The fourth regulatory period from 2026-08-01: energy, capacity, demand of two-part users; energy of
# single-part ones.
TWO_PART = {
    "1_to_20kv": ("0.1250", "29.5", "47.2"),
    "35kv": ("0.0895", "27.5", "44.0"),
    "110kv": ("0.0767", "25.5", "40.8"),
    "220kv_up": ("0.0663", "23.5", "37.6"),
}
SINGLE_PART = {"below_1kv": "0.2412", "1_to_20kv": "0.2114"}


# Own figure before time of use: purchase, loss and system operation together.
ENERGY_BASE = "0.5250"
FUNDS = "0.02923875"
LINE_LOSS = F("0.0307")


# Catalogue of 2018-04-01.
CATALOGUE = {
    "large_industry": {"1_to_20kv": "0.6644", "35kv": "0.6344", "110kv": "0.6124", "220kv_up": "0.6074"},
    "general_commercial": {
        "below_1kv": "0.8277",
        "1_to_20kv": "0.7897",
        "35kv": "0.7597",
        "110kv": "0.7597",
        "220kv_up": "0.7597",
    },
}
CATALOGUE_PERIODS = {"sharp": "1.0824", "peak": "0.9004", "valley": "0.4164"}


# Tiers of a dwelling: limit per year, flat, peak, valley.
TIERS = (
    (F(2760), "0.538", "0.568", "0.288"),
    (F(4800), "0.588", "0.618", "0.338"),
    (None, "0.838", "0.868", "0.588"),
)
COMBINED = {"below_1kv": "0.558", "1_to_20kv": "0.538"}


# 水电财字[1983]215号, percent from 1.00 down to 0.54, as printed.
COLUMN_90 = (
    "-0.75 " * 6
    + "-0.6 -0.45 -0.3 -0.15 0 "
    + " ".join(f"{0.5 * n:g}" for n in range(1, 21))
    + " 11 12 13 14 15 17 19 21 23 25 27 29 31 33 35 37"
)
COLUMN_85 = (
    "-1.1 " * 7
    + "-0.95 -0.8 -0.65 -0.5 -0.4 -0.3 -0.2 -0.1 0 "
    + " ".join(f"{0.5 * n:g}" for n in range(1, 21))
    + " 11 12 13 14 15 17 19 21 23 25 27"
)
COLUMN_80 = (
    "-1.3 " * 9
    + "-1.15 -1 -0.9 -0.8 -0.7 -0.6 -0.5 -0.4 -0.3 -0.2 -0.1 0 "
    + " ".join(f"{0.5 * n:g}" for n in range(1, 21))
    + " 11 12 13 14 15 17"
)
PRINTED = {"0.90": COLUMN_90.split(), "0.85": COLUMN_85.split(), "0.80": COLUMN_80.split()}
