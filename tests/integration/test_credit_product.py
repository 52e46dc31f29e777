"""The scores of a month: scores and reasons under one key, as the tables declare them, by any number of
buckets.
"""

from __future__ import annotations

import json
from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from pipelines.engine.revisions import Bucket
from pipelines.models.model import ModelBundle
from pipelines.periods import BillingMonth
from pipelines.storage.store import Store
from pipelines.tables.silver import SilverCustomers, SilverPayments
from products.credit_index.indicator_table import GoldCustomerIndicators
from products.credit_index.month_rows import MonthRows
from products.credit_index.product import CREDIT_INDEX
from products.credit_index.reasons import NAMES
from products.credit_index.scored_rows import INPUTS_SCHEMA, REASONS_SCHEMA, RESULT_SCHEMA, scored_rows
from products.credit_index.scoring import Scorer, features_of, score_points
from products.credit_index.settings import CreditIndexSettings
from products.credit_index.tables import CreditIndexInputsV1, CreditIndexReasonsV1, CreditIndexV1
from products.credit_index.training import Sample, fit
from tests.issued_rows import waiting_rows
from tests.written_tables import written

if TYPE_CHECKING:
    from pipelines.settings import Settings
    from pipelines.tables.base import Table

SEPTEMBER = BillingMonth(2026, 9)


def indicator_rows():
    """Four customers over two months; SHORT lacks history, NEW lacks the earlier month, THIEF a clean
    record.
    """
    rng = np.random.default_rng(3)
    rows = []
    for customer in ("OLD", "NEW", "SHORT", "THIEF"):
        for month in ("2026-06", "2026-09"):
            if (customer, month) == ("NEW", "2026-06"):
                continue
            row = dict.fromkeys(GoldCustomerIndicators.columns())
            for field in GoldCustomerIndicators.fields():
                if pa.types.is_integer(field.dtype):
                    row[field.name] = int(rng.integers(0, 2)) if field.name in NAMES else 0
                elif pa.types.is_floating(field.dtype):
                    row[field.name] = float(rng.uniform(0, 1))
            rows.append(
                row
                | {
                    "customer_id": customer,
                    "indicator_month": month,
                    "history_months": 3 if customer == "SHORT" else 20,
                    "thefts_24m": int(customer == "THIEF"),
                }
            )
    return pa.Table.from_pylist(
        rows, pa.schema([field.with_nullable(True) for field in GoldCustomerIndicators.arrow_schema()])
    )


def customer_rows():
    rows = [
        {
            "customer_id": customer,
            "valid_from_date": since,
            "valid_to_date": until,
            "customer_name": name,
            "industry_code": "31",
            "provenance": "simulated",
        }
        for customer, since, until, name in (
            ("OLD", date(2024, 1, 1), date(2026, 9, 29), "former"),
            ("OLD", date(2026, 9, 30), date(2026, 10, 1), "in force"),
            ("OLD", date(2026, 10, 2), None, "later"),
            ("NEW", date(2024, 1, 1), None, "new"),
            ("SHORT", date(2024, 1, 1), None, "short"),
            ("THIEF", date(2024, 1, 1), None, "thief"),
        )
    ]
    schema = pa.schema([field.with_nullable(True) for field in SilverCustomers.arrow_schema()])
    return pa.Table.from_pylist([dict.fromkeys(schema.names) | row for row in rows], schema)


def payment_rows():
    """NEW's payments are real, OLD's only those after the month."""
    rows = [
        {"customer_id": customer, "billing_month": month, "provenance": provenance}
        for customer, month, provenance in (
            ("NEW", "2026-08", "real"),
            ("NEW", "2026-09", "real+dates_shifted"),
            ("OLD", "2026-09", "simulated"),
            ("OLD", "2026-10", "real"),
        )
    ]
    schema = pa.schema([field.with_nullable(True) for field in SilverPayments.arrow_schema()])
    return pa.Table.from_pylist([dict.fromkeys(schema.names) | row for row in rows], schema)


@pytest.fixture(scope="module")
def scorer():
    from pathlib import Path

    from pipelines.settings import Settings, packaged

    rng = np.random.default_rng(0)
    features = rng.uniform(0, 1, (600, len(NAMES)))
    parts = {
        name: Sample(features, (rng.random(600) < features[:, 0]).astype(float)) for name in ("train", "tune")
    }
    return fit(parts, Settings(packaged("conf"), Path("unused")).section(CreditIndexSettings))


@pytest.fixture
def inputs(settings: Settings, scorer: Scorer):
    """What the step is given of a home that holds these tables."""
    files = {
        "model.ubj": bytes(scorer.booster.save_raw("ubj")),
        "calibration.json": json.dumps(
            {"slope": scorer.slope, "intercept": scorer.intercept, "features": list(NAMES)}
        ).encode(),
    }
    store = Store(settings)
    held = {
        GoldCustomerIndicators: indicator_rows(),
        SilverCustomers: customer_rows(),
        SilverPayments: payment_rows(),
    }
    return SimpleNamespace(
        settings=settings,
        bundles={"credit_index": ModelBundle("credit_index", "7", "champion", files, "digest")},
        paths=written(store, held),
        location=store.path,
        standing=lambda _table: [],
        run_id="run",
        rules_digest="",
    )


def test_scores_and_reasons_of_a_month(inputs, settings: Settings, scorer: Scorer):
    rows = indicator_rows()
    issued = waiting_rows(Store(settings).path, CREDIT_INDEX.compute(inputs, SEPTEMBER, None))
    found = {
        table: issued[table].select(schema.names).cast(schema)
        for table, schema in (
            (CreditIndexV1, RESULT_SCHEMA),
            (CreditIndexReasonsV1, REASONS_SCHEMA),
            (CreditIndexInputsV1, INPUTS_SCHEMA),
        )
    }
    scores = {row["customer_id"]: row for row in found[CreditIndexV1].to_pylist()}
    reasons, used = found[CreditIndexReasonsV1].to_pylist(), found[CreditIndexInputsV1]

    chosen = settings.section(CreditIndexSettings)
    assert set(scores) == {"OLD", "NEW", "THIEF"}
    assert (scores["OLD"]["customer_name"], scores["OLD"]["model_version"], scores["OLD"]["score_month"]) == (
        "in force",
        "7",
        "2026-09",
    )
    assert {name: row["provenance"] for name, row in scores.items()} == {
        "OLD": "simulated",
        "NEW": "real+dates_shifted+simulated",
        "THIEF": "simulated",
    }
    assert sorted((row["customer_id"], row["reason_rank"]) for row in reasons) == [
        (name, rank) for name in sorted(scores) for rank in range(1, chosen.reasons_per_score + 1)
    ]

    keys = list(zip(rows["customer_id"].to_pylist(), rows["indicator_month"].to_pylist(), strict=True))
    points = dict(
        zip(keys, score_points(scorer.probabilities(features_of(rows)), chosen).tolist(), strict=True)
    )
    assert scores["OLD"]["score_points"] == points["OLD", "2026-09"]
    assert scores["OLD"]["score_change_points"] == points["OLD", "2026-09"] - points["OLD", "2026-06"]
    assert scores["NEW"]["score_change_points"] is None
    assert (scores["THIEF"]["veto_code"], scores["THIEF"]["veto_zh"]) == ("CI-V01", "近24个月窃电 1 次")

    # The evidence alone gives the probability again, bit by bit.
    again = dict(
        zip(used["customer_id"].to_pylist(), scorer.probabilities(features_of(used)).tolist(), strict=True)
    )
    assert again == {name: row["default_probability_ratio"] for name, row in scores.items()}
    assert set(used["score_month"].to_pylist()) == {"2026-09"}
    assert [row["thefts_24m"] for row in used.to_pylist() if row["customer_id"] == "THIEF"] == [1]


@pytest.mark.parametrize("count", [2, 5, 64])
def test_buckets_give_the_rows_of_the_whole(inputs, settings: Settings, scorer: Scorer, count: int):
    rows, chosen = MonthRows.of(inputs, SEPTEMBER), settings.section(CreditIndexSettings)

    def of_bucket(number: int, count: int) -> dict[type[Table], list[dict[str, object]]]:
        held = rows.of_bucket(Bucket("customer_id", number, count))
        made = scored_rows(held.rows, held.before, held.paid, scorer, chosen, str(SEPTEMBER), "7")
        return {table: each.to_pylist() for table, each in made.items()}

    whole, parts = of_bucket(0, 1), [of_bucket(number, count) for number in range(count)]
    for table, expected in whole.items():
        found = [row for part in parts for row in part[table]]
        assert sorted(found, key=str) == sorted(expected, key=str)
    assert sum(bool(part[CreditIndexV1]) for part in parts) > 1
