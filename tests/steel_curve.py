"""The steel works quarter hour by quarter hour, read from the sample without the code that ingests it."""

from __future__ import annotations

import csv
from functools import cache

import numpy as np

from pipelines.arrays import FloatArray
from pipelines.settings import packaged

ACTIVE, LAGGING, LEADING = "1", "5", "9"
_MULTIPLIER, _HOURS = 1000, 0.25


@cache
def steel_curve(kind: str, month: str = "2026-09") -> FloatArray:
    """(days x 96) [kWh or kvarh]"""
    path = packaged("samples") / "steel" / f"E_MP_POWER_CURVE_{month}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = sorted(
            (row for row in csv.DictReader(file) if row["DATA_TYPE"] == kind),
            key=lambda row: row["DATA_DATE"],
        )
    powers = [[float(row[f"P{place}"]) for place in range(1, 97)] for row in rows]
    return np.array(powers) * _MULTIPLIER * _HOURS
