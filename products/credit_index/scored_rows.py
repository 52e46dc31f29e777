"""Scores of some customers with their reasons, a column at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, FloatArray, IntArray
from pipelines.tables.base import Table
from pipelines.tables.revised import product_schema
from products.credit_index.reasons import BY_NAME, VETOES, Veto, worded
from products.credit_index.scoring import (
    Scorer,
    features_of,
    grade_of,
    score_points,
    veto_of,
    veto_value,
    veto_words,
    warning_of,
)
from products.credit_index.settings import CreditIndexSettings
from products.credit_index.tables import CreditIndexInputsV1, CreditIndexReasonsV1, CreditIndexV1
from products.credit_index.training import MODEL
from products.provenance import with_provenances

RESULT_SCHEMA = product_schema(CreditIndexV1)
REASONS_SCHEMA = product_schema(CreditIndexReasonsV1)
INPUTS_SCHEMA = product_schema(CreditIndexInputsV1)
USED = tuple(name for name in INPUTS_SCHEMA.names if name not in ("customer_id", "score_month"))
"""The indicators that are kept with a score."""
_VETO_COLUMNS = tuple(dict.fromkeys(veto.name for veto in VETOES))
Paid = Mapping[str, Sequence[str]]
"""Customer -> what their payments up to the month say of their provenance."""


def scored_rows(
    rows: pa.Table,
    before: pa.Table,
    paid: Paid,
    scorer: Scorer,
    settings: CreditIndexSettings,
    month: str,
    version: str,
) -> dict[type[Table], pa.Table]:
    """Results, reasons and what both were computed from, in the order of the rows.

    rows    Indicators of the month with ``customer_id``, ``customer_name``, ``industry_code`` and
            ``provenance``.
    before  Indicators of ``compared_months`` earlier, row by row; empty where there are none.
    """
    if not rows.num_rows:
        return {
            CreditIndexV1: RESULT_SCHEMA.empty_table(),
            CreditIndexReasonsV1: REASONS_SCHEMA.empty_table(),
            CreditIndexInputsV1: INPUTS_SCHEMA.empty_table(),
        }
    features = features_of(rows, scorer.features)
    probabilities = scorer.probabilities(features)
    points = score_points(probabilities, settings)
    changes = _changes(before, points, scorer, settings)
    vetoes = vetoes_of(rows, settings)
    told = [None if veto is None else veto_words(veto, value) for veto, value in vetoes]
    grades = cache(lambda score, veto: grade_of(score, veto, settings).value)
    warned = zip(probabilities.tolist(), changes, vetoes, strict=True)
    provenances = cache(with_provenances)
    names = rows["customer_id"].to_pylist()
    results = {
        "customer_id": rows["customer_id"],
        "score_month": month,
        "customer_name": rows["customer_name"],
        "industry_code": rows["industry_code"],
        "default_probability_ratio": pa.array(probabilities),
        "horizon_months": settings.horizon_months,
        "score_points": pa.array(points),
        "scale_label": settings.scale_label,
        "grade_code": [grades(score, veto) for score, (veto, _) in zip(points.tolist(), vetoes, strict=True)],
        "veto_code": [None if veto is None else veto.id for veto, _ in vetoes],
        "veto_zh": [None if words is None else words[0] for words in told],
        "veto_en": [None if words is None else words[1] for words in told],
        "warning_code": [
            warning_of(default, change, veto, settings).value for default, change, (veto, _) in warned
        ],
        "score_change_points": changes,
        "month_kwh": rows["month_kwh"],
        "estimated_ratio": rows["estimated_ratio"],
        "model_name": MODEL,
        "model_version": version,
        "provenance": [
            provenances(own, tuple(paid.get(name, ())))
            for name, own in zip(names, rows["provenance"].to_pylist(), strict=True)
        ],
    }
    reasons = reason_columns(scorer.contributions(features), features, scorer.features, settings)
    each = np.repeat(np.arange(rows.num_rows), len(reasons["reason_rank"]) // rows.num_rows)
    of_customers = {"customer_id": rows["customer_id"].take(pa.array(each)), "score_month": month}
    used = {name: rows[name] for name in USED}
    return {
        CreditIndexV1: _table(RESULT_SCHEMA, rows.num_rows, results),
        CreditIndexReasonsV1: _table(REASONS_SCHEMA, each.size, {**of_customers, **reasons}),
        CreditIndexInputsV1: _table(
            INPUTS_SCHEMA, rows.num_rows, {"customer_id": rows["customer_id"], "score_month": month, **used}
        ),
    }


def vetoes_of(rows: pa.Table, settings: CreditIndexSettings) -> list[tuple[Veto | None, float]]:
    """The strictest veto of each row with the value that raised it; nearly all rows have none."""
    found: list[tuple[Veto | None, float]] = [(None, 0.0)] * rows.num_rows
    held = np.zeros(rows.num_rows, dtype=np.bool_)
    for veto in VETOES:
        values = pc.fill_null(rows[veto.name].cast(pa.float64()), 0.0).to_numpy()
        held |= values > settings.veto_limits[veto.id]
    places = np.flatnonzero(held)
    of_places = rows.select(_VETO_COLUMNS).take(pa.array(places)).to_pylist()
    for place, row in zip(places.tolist(), of_places, strict=True):
        strictest = veto_of(row, settings)
        found[place] = (strictest, 0.0 if strictest is None else veto_value(row, strictest))
    return found


def reason_columns(
    contributions: FloatArray, values: FloatArray, names: Sequence[str], settings: CreditIndexSettings
) -> dict[str, pa.Array]:
    """The strongest contributions of each row as its reasons, row after row; points are against the average
    customer, positive is good.

    contributions  Of each indicator and, last, the bias. (rows x indicators + 1)
    values         What the indicators were. (rows x indicators)
    """
    points = -contributions[:, :-1] * settings.points_to_double_odds / np.log(2)
    strongest = np.argsort(-np.abs(points), axis=1, kind="stable")[:, : settings.reasons_per_score]
    ranks = np.tile(np.arange(1, strongest.shape[1] + 1), len(strongest))
    value = np.take_along_axis(values, strongest, axis=1).ravel()
    effect = np.take_along_axis(points, strongest, axis=1).ravel()
    place, known = strongest.ravel(), np.isfinite(value)
    texts_zh, texts_en, words = _worded(place, value, known, names)
    indicators = [BY_NAME[name] for name in names]
    return {
        "reason_rank": pa.array(ranks, pa.int32()),
        "reason_id": pa.array([indicator.id for indicator in indicators]).take(pa.array(place)),
        "indicator_name": pa.array([indicator.name for indicator in indicators]).take(pa.array(place)),
        "indicator_value": pa.array(value, mask=~known),
        "effect_points": pa.array([round(number, 1) for number in effect.tolist()], pa.float64()),
        "text_zh": pa.array(texts_zh, pa.string()).take(words),
        "text_en": pa.array(texts_en, pa.string()).take(words),
    }


def _worded(
    place: IntArray, value: FloatArray, known: BoolArray, names: Sequence[str]
) -> tuple[list[str], list[str], pa.Array]:
    """Each text once, in Chinese and English, and which of them each reason has: many customers have the
    same count of days or bills.
    """
    texts_zh: list[str] = []
    texts_en: list[str] = []
    words = np.empty(place.size, dtype=np.int64)
    for number in np.unique(place).tolist():
        indicator = BY_NAME[names[number]]
        missing, mine = np.flatnonzero((place == number) & ~known), np.flatnonzero((place == number) & known)
        # By their bits: a zero may have a sign, and it is shown.
        bits, inverse = np.unique(value[mine].view(np.int64), return_inverse=True)
        words[mine], words[missing] = len(texts_zh) + inverse, len(texts_zh) + bits.size
        for each in (*bits.view(np.float64).tolist(), None):
            zh, en = worded(indicator, each)
            texts_zh.append(zh)
            texts_en.append(en)
    return texts_zh, texts_en, pa.array(words)


def _changes(
    before: pa.Table, points: IntArray, scorer: Scorer, settings: CreditIndexSettings
) -> list[int | None]:
    """Score against that of the same model ``compared_months`` earlier; None without enough history then."""
    old = score_points(scorer.probabilities(features_of(before, scorer.features)), settings)
    long_enough = pc.fill_null(
        pc.greater_equal(before["history_months"], settings.min_history_months), False
    ).to_pylist()
    changed = (points - old).tolist()
    return [change if known else None for change, known in zip(changed, long_enough, strict=True)]


def _table(schema: pa.Schema, count: int, columns: Mapping[str, Any]) -> pa.Table:
    """Columns of a table; a text or number stands in every row."""
    arrays = []
    for field in schema:
        value = columns[field.name]
        if isinstance(value, str | int):
            value = pa.repeat(pa.scalar(value, field.type), count)
        elif isinstance(value, list):
            value = pa.array(value, field.type)
        arrays.append(value.cast(field.type))
    return pa.table(arrays, schema=schema)
