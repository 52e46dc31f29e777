"""The product: scores of a month with their reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NotRequired

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.engine.step import Inputs
from pipelines.periods import BillingMonth
from pipelines.settings import SettingsFile
from pipelines.storage.scan import by_partition, row_count
from pipelines.tables.base import Table, rows_of_table
from pipelines.tables.revised import product_schema
from pipelines.tables.silver import SilverCustomers, SilverPayments
from pipelines.transforms.ground.in_force import frame_on
from products.credit_index.declaration import CREDIT_INDEX_DECLARED
from products.credit_index.indicator_table import GoldCustomerIndicators
from products.credit_index.reasons import NAMES
from products.credit_index.rows import (
    CreditIndexInputsV1Inside,
    CreditIndexReasonsV1Inside,
    CreditIndexV1Computed,
)
from products.credit_index.scoring import (
    Scorer,
    features_of,
    grade_of,
    reasons_of,
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

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from pipelines.facts import Facts

MOST_ON_DRIVER = 10_000
_OF_PAYMENTS = "payment_provenances"
RESULT_SCHEMA = product_schema(CreditIndexV1)
REASONS_SCHEMA = product_schema(CreditIndexReasonsV1)
INPUTS_SCHEMA = product_schema(CreditIndexInputsV1)
# One scored row travels with its reasons inside; they part on the driver's side of the frame.
_SCORED_SCHEMA = RESULT_SCHEMA.append(
    pa.field(
        "reasons",
        pa.list_(
            pa.struct([field for field in REASONS_SCHEMA if field.name not in ("customer_id", "score_month")])
        ),
    )
)


class IndicatorsToScore(CreditIndexInputsV1Inside):
    """The indicators of a customer and month with what a score shows of the customer."""

    customer_id: str
    customer_name: str
    industry_code: str | None
    provenance: str
    payment_provenances: NotRequired[list[str] | None]


class Scored(CreditIndexV1Computed):
    """A score with its reasons inside."""

    reasons: list[CreditIndexReasonsV1Inside]


class CreditIndex:
    """Electricity credit index, by the champion of ``credit_index``."""

    name = CREDIT_INDEX_DECLARED.name
    reads: tuple[type[Table], ...] = (GoldCustomerIndicators, SilverCustomers, SilverPayments)
    result: type[Table] = CREDIT_INDEX_DECLARED.result
    evidence: tuple[type[Table], ...] = CREDIT_INDEX_DECLARED.evidence
    models: tuple[str, ...] = (MODEL,)
    optional_models: tuple[str, ...] = ()
    accounts: tuple[type[Table], ...] = ()
    settings: tuple[type[SettingsFile], ...] = (CreditIndexSettings,)
    uses_facts = False

    def compute(
        self, inputs: Inputs, month: BillingMonth, facts: Facts
    ) -> Mapping[type[Table], DataFrame | pa.Table]:
        """Scores of every customer with enough history; workers hold one booster per task. A small month is
        brought to the driver, where it is issued in less time than Spark plans it.
        """
        from pyspark.sql import functions as F
        from pyspark.sql.pandas.types import from_arrow_schema

        bundle, settings = inputs.bundles[MODEL], inputs.settings.section(CreditIndexSettings)
        files, version = dict(bundle.files), bundle.version
        kept = [name for name in INPUTS_SCHEMA.names if name not in ("customer_id", "score_month")]
        of = [str(month), str(month.plus(-settings.compared_months))]
        rows = inputs.frame(GoldCustomerIndicators).where(F.col("indicator_month").isin(of))
        terms = frame_on(inputs.frame(SilverCustomers), month.last_day).select(
            "customer_id", "customer_name", "industry_code", "provenance"
        )
        is_scored = (F.col("indicator_month") == of[0]) & (
            F.col("history_months") >= settings.min_history_months
        )
        now = rows.where(is_scored).select("customer_id", *kept).join(terms, "customer_id")
        before = rows.where(F.col("indicator_month") == of[1]).select(
            "customer_id", F.struct(*NAMES, "history_months").alias("before")
        )
        paid = (
            inputs.frame(SilverPayments)
            .where(F.col("billing_month") <= of[0])
            .groupBy("customer_id")
            .agg(F.collect_set("provenance").alias(_OF_PAYMENTS))
        )
        joined = now.join(before, "customer_id", "left").join(paid, "customer_id", "left")

        def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            scorer = Scorer.from_files(files)
            for batch in batches:
                if batch.num_rows:
                    scored = score_rows(pa.Table.from_batches([batch]), scorer, settings, str(month), version)
                    yield from pa.Table.from_pylist(scored, _SCORED_SCHEMA).to_batches()

        scored = joined.mapInArrow(work, from_arrow_schema(_SCORED_SCHEMA)).persist()
        reasons = scored.select("customer_id", "score_month", F.explode("reasons").alias("reason")).select(
            "customer_id", "score_month", "reason.*"
        )
        used = now.select("customer_id", F.lit(str(month)).alias("score_month"), *kept)
        frames: dict[type[Table], DataFrame] = {
            CreditIndexV1: scored.drop("reasons"),
            CreditIndexReasonsV1: reasons,
            CreditIndexInputsV1: used,
        }
        held = by_partition(inputs.paths(GoldCustomerIndicators), GoldCustomerIndicators)
        if row_count(held.get(str(month), [])) <= MOST_ON_DRIVER:
            return {table: frame.toArrow() for table, frame in frames.items()}
        return frames


def score_rows(
    rows: pa.Table, scorer: Scorer, settings: CreditIndexSettings, month: str, version: str
) -> list[Scored]:
    """Results with their reasons inside.

    rows  Indicators of the month with ``before`` (those of ``compared_months`` earlier, or null),
          ``customer_name``,
          ``industry_code``, ``provenance`` and the ``payment_provenances`` up to the month.
    """
    features = features_of(rows, scorer.features)
    probabilities = scorer.probabilities(features)
    points = score_points(probabilities, settings)
    contributions = scorer.contributions(features)
    changes = _changes(rows, points, scorer, settings)
    found: list[Scored] = []
    for place, row in enumerate(rows_of_table(rows.drop_columns(["before"]), IndicatorsToScore)):
        veto = veto_of(row, settings)
        veto_zh, veto_en = (None, None) if veto is None else veto_words(veto, veto_value(row, veto))
        change = changes[place]
        found.append(
            {
                "customer_id": row["customer_id"],
                "score_month": month,
                "customer_name": row["customer_name"],
                "industry_code": row["industry_code"],
                "default_probability_ratio": float(probabilities[place]),
                "horizon_months": settings.horizon_months,
                "score_points": int(points[place]),
                "scale_label": settings.scale_label,
                "grade_code": grade_of(int(points[place]), veto, settings).value,
                "veto_code": None if veto is None else veto.id,
                "veto_zh": veto_zh,
                "veto_en": veto_en,
                "warning_code": warning_of(float(probabilities[place]), change, veto, settings).value,
                "score_change_points": change,
                "month_kwh": row["month_kwh"],
                "estimated_ratio": row["estimated_ratio"],
                "model_name": MODEL,
                "model_version": version,
                "provenance": with_provenances(row["provenance"], row.get("payment_provenances") or ()),
                "reasons": reasons_of(contributions[place], features[place], scorer.features, settings),
            }
        )
    return found


def _changes(
    rows: pa.Table, points: np.ndarray[Any, Any], scorer: Scorer, settings: CreditIndexSettings
) -> Sequence[int | None]:
    """Score against that of the same model ``compared_months`` earlier; None without enough history then."""
    before = rows["before"].combine_chunks()
    earlier = pa.table({name: pc.struct_field(before, name) for name in (*scorer.features, "history_months")})
    old = score_points(scorer.probabilities(features_of(earlier, scorer.features)), settings)
    long_enough = pc.fill_null(
        pc.greater_equal(earlier["history_months"], settings.min_history_months), False
    ).to_pylist()
    return [int(points[place] - old[place]) if known else None for place, known in enumerate(long_enough)]


CREDIT_INDEX = CreditIndex()
