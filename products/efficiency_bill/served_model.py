"""The baseline model as files, as MLflow serves it, and as the product reads it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from products.efficiency_bill.comparison.baseline import Baseline

MODEL = "efficiency_bill_baseline"
COEFFICIENTS = "coefficients.json"
COVERAGE = "band_coverage.json"
"""How often the bands held in months really billed: month -> customers whose month lay inside, and all."""

Coverage = Mapping[str, tuple[int, int]]


def write_coefficients(baselines: Mapping[str, Baseline]) -> bytes:
    """Every customer's baseline, in order of the customer's number."""
    return json.dumps(
        {name: baselines[name].as_dict() for name in sorted(baselines)}, sort_keys=True, separators=(",", ":")
    ).encode()


def read_coefficients(files: Mapping[str, bytes]) -> dict[str, Baseline]:
    """The inverse of write_coefficients."""
    return {name: Baseline(**values) for name, values in json.loads(files[COEFFICIENTS]).items()}


def write_coverage(coverage: Coverage) -> bytes:
    """Every month's count, in order."""
    told = {month: list(coverage[month]) for month in sorted(coverage)}
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def coverage_of(coverage: Coverage, month: str, least_customers: int) -> float | None:
    """Share of customers whose billed month lay in its band: of the month itself, else of all months that
    were measured; None where that is fewer than so many. [1]

    >>> coverage_of({"2026-08": (30, 40)}, "2026-09", 30)
    0.75
    """
    own = [coverage[month]] if month in coverage else list(coverage.values())
    inside, of = (sum(each[place] for each in own) for place in (0, 1))
    return inside / of if of >= max(least_customers, 1) else None


class Baselines:
    """The baselines of a model, on their way to workers as they are kept: a worker reads them once, whatever
    number of buckets it is given.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._coefficients = files[COEFFICIENTS]
        self._digest = hashlib.sha256(self._coefficients).hexdigest()
        # A model of an earlier version tells none.
        told = json.loads(files[COVERAGE]) if COVERAGE in files else {}
        self.coverage: Coverage = {month: (inside, of) for month, (inside, of) in told.items()}

    def get(self, customer: str) -> Baseline | None:
        """A customer's baseline; None for one without."""
        if self._digest not in _READ:
            _READ.clear()
            _READ[self._digest] = json.loads(self._coefficients)
        found = _READ[self._digest].get(customer)
        return None if found is None else Baseline(**found)


_READ: dict[str, Mapping[str, dict[str, Any]]] = {}
"""Digest -> the coefficients that this process read last, by customer."""


class ServedModel:
    """Expected energy of a customer's day behind MLflow's ``predict``."""

    def __init__(self, baselines: Mapping[str, Baseline]) -> None:
        self.baselines = baselines

    def predict(self, frame: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Columns ``customer_id``, ``mean_celsius``, ``is_weekend`` to ``expected_kwh``; NaN for an unknown
        customer.
        """
        names, celsius, weekend = (
            frame["customer_id"].astype(str),
            frame["mean_celsius"].to_numpy(float),
            frame["is_weekend"].to_numpy(bool),
        )
        expected = np.full(len(frame), np.nan)
        for name, places in names.groupby(names, sort=False).indices.items():
            baseline = self.baselines.get(str(name))
            if baseline is not None:
                expected[places] = baseline.expected(celsius[places], weekend[places])
        return pd.DataFrame({"expected_kwh": expected}, index=frame.index)


def _load_pyfunc(path: str) -> ServedModel:
    return ServedModel(read_coefficients({COEFFICIENTS: (Path(path) / COEFFICIENTS).read_bytes()}))
