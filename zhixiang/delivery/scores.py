"""Credit scores: the portfolio, a page for each enterprise worth a look, and the bank's file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple, TypedDict, TypeVar

import pyarrow as pa

from pipelines.identity.keys import DELIVERY_KEY
from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.tables.base import rows_of_table
from products.credit_index.bank_file import (
    is_simulated,
    manifest_path,
    newest_revisions,
    reasons_by_customer,
    signature_path,
    write_bank_file,
)
from products.credit_index.indicator_table import GoldCustomerIndicators
from products.credit_index.pages.score_charts import distribution_chart
from products.credit_index.pages.score_pages import render_enterprise, render_portfolio
from products.credit_index.rows import CreditIndexV1Row, GoldCustomerIndicatorsRow
from products.credit_index.settings import CreditIndexSettings
from products.credit_index.tables import CreditIndexReasonsV1, CreditIndexV1
from products.credit_index.training import MODEL
from products.page_kit.file_names import file_names
from products.page_kit.site import write_bytes
from products.page_kit.words import Said
from zhixiang.delivery.context import Delivery, origin_of
from zhixiang.delivery.score_checks import ScoreChecks
from zhixiang.delivery.truth import labels_of
from zhixiang.reports.refused_names import SCORE, refused_name

PAGES_PER_END = 40
NO_MODEL = Said(
    "没有评分模型：收到的缴费记录不足以训练，因此不评分。",
    "No model: the payments received are too few to train one, so nobody is scored.",
)
NO_SCORES = Said("所问月份没有评分。", "There are no scores of the months asked for.")
NO_BANK_FILE = Said(
    "真实企业的评分不发银行文件：没有授权登记。",
    "No bank file of real enterprises: their authorisations are not on record.",
)


class CustomerColumn(TypedDict):
    """What every row by customer has."""

    customer_id: str


OfCustomer = TypeVar("OfCustomer", bound=CustomerColumn)


class _OfMonth(NamedTuple):
    """The newest scores of a month, and ``origin_of`` them."""

    rows: list[CreditIndexV1Row]
    origin: str


def deliver_scores(delivery: Delivery) -> dict[str, Any]:
    """Writes ``scores/`` for the last month and bank files for all months asked for. A score that contradicts
    itself stands in none of them, and ``refused`` names it.
    """
    store = delivery.store
    key = delivery.keys.signing_key(DELIVERY_KEY)
    model = next((model for model in delivery.registry.known() if model["name"] == MODEL), None)
    scores, reasons = store.arrow(CreditIndexV1), store.arrow(CreditIndexReasonsV1)
    newest = _newest(delivery, scores)
    refused = {} if model is None else _refused(delivery, newest)
    if refused:
        scores = _without(scores, refused)
        newest = _newest(delivery, scores)
    months = list(newest)
    told_refused = {refused_name(SCORE, name, month): why for (name, month), why in refused.items()}
    if model is None or not months:
        why = NO_MODEL if model is None else NO_SCORES
        return {
            "count": 0,
            "labels": [],
            "lacks": why,
            "refused": told_refused,
            "href": "index.html",
            "pictures": [],
        }
    context = {
        "key_id": key.key_id,
        "facts_digest": delivery.facts.digest,
        "table_versions": store.versions([CreditIndexV1, CreditIndexReasonsV1, GoldCustomerIndicators]),
        "model_digest": model["digest"],
        "run_id": delivery.run_id,
    }
    lacks = None
    origins: dict[str, str] = {}
    for month, (of_month, origin) in newest.items():
        if not all(is_simulated(row) for row in of_month):
            lacks = NO_BANK_FILE
            continue
        origins[_bank_file(month)] = origin
        if _bank_file_stands(delivery, month, origin):
            continue
        write_bank_file(scores, reasons, month, delivery.path("scores", "bank"), key.sign, context)
    settings, limits = (
        store.settings.section(CreditIndexSettings),
        store.settings.section(PublicationSettings),
    )
    rows = newest[months[-1]].rows
    told = reasons_by_customer(reasons, rows)
    shown = _worth_a_page(rows)
    names = [row["customer_id"] for row in shown]
    files = file_names(row["customer_id"] for row in rows)
    history = _by_customer(rows_of_table(scores, CreditIndexV1Row), names)
    counted = store.arrow(GoldCustomerIndicators, filters=[("customer_id", "in", names)])
    indicators = _by_customer(rows_of_table(counted, GoldCustomerIndicatorsRow), names)
    for row in shown:
        name = row["customer_id"]
        page = render_enterprise(
            row, told[name], history[name], settings, limits, indicators=indicators[name], back="index.html"
        )
        write_bytes(delivery.path("scores", f"{files[name]}.html"), page.encode())
    every = [reason for own in told.values() for reason in own]
    links = {name: f"{files[name]}.html" for name in names}
    write_bytes(
        delivery.path("scores", "index.html"),
        render_portfolio(
            rows, every, months[-1], settings, limits, links=links, metrics=model["metrics"]
        ).encode(),
    )
    chart = distribution_chart([int(row["score_points"]) for row in rows], settings, is_alone=True)
    write_bytes(delivery.path("scores", "distribution.svg"), chart.encode())
    picture = {
        "href": "scores/index.html",
        "src": "scores/distribution.svg",
        "title_zh": "电力信用指数：评分分布、预警与原因",
        "title_en": "credit index: distribution, warnings, reasons",
        "labels": labels_of(rows),
    }
    return {
        "count": len(rows),
        "labels": labels_of(rows),
        "lacks": lacks,
        "refused": told_refused,
        "href": "scores/index.html",
        "pictures": [picture],
        "origins": origins,
    }


def _bank_file(month: BillingMonth) -> str:
    """The name of a month's bank file without suffix, below ``out/``."""
    return f"scores/bank/credit_index_{month}"


def _newest(delivery: Delivery, scores: pa.Table) -> dict[BillingMonth, _OfMonth]:
    """Of each month of the delivery that has scores."""
    found = ((month, newest_revisions(scores, month)) for month in delivery.months)
    return {month: _OfMonth(rows, origin_of(rows)) for month, rows in found if rows}


def _bank_file_stands(delivery: Delivery, month: BillingMonth, origin: str) -> bool:
    """Whether a bank file lies there as it was delivered, and made from these scores: a month that nobody
    asks for may have been scored anew.
    """
    csv = PurePosixPath(f"{_bank_file(month)}.csv")
    files = [str(csv), str(manifest_path(csv)), str(signature_path(csv))]
    return delivery.stands(month, files, (_bank_file(month), origin))


def _refused(delivery: Delivery, newest: Mapping[BillingMonth, _OfMonth]) -> dict[tuple[str, str], str]:
    """Customer and month of each score that contradicts itself -> why, of the months that are written."""
    checks, refused = ScoreChecks(delivery.store.settings), {}
    for month, (rows, origin) in newest.items():
        if month != delivery.last_month and _bank_file_stands(delivery, month, origin):
            continue
        for row in rows:
            if why := checks.why_not(row):
                refused[row["customer_id"], row["score_month"]] = why
    return refused


def _without(scores: pa.Table, refused: Collection[tuple[str, str]]) -> pa.Table:
    """Scores without any revision of those that are refused: an earlier one is not what holds now."""
    subjects = zip(
        scores.column("customer_id").to_pylist(), scores.column("score_month").to_pylist(), strict=True
    )
    return scores.filter(pa.array([subject not in refused for subject in subjects], pa.bool_()))


def _worth_a_page(rows: list[CreditIndexV1Row]) -> list[CreditIndexV1Row]:
    """The riskiest, the best and the first by number; every other score is in the bank file and on the
    command line.
    """
    by_risk = sorted(rows, key=lambda row: (-row["default_probability_ratio"], row["customer_id"]))
    chosen = {
        row["customer_id"]: row for row in [*by_risk[:PAGES_PER_END], *by_risk[-PAGES_PER_END:], *rows[:10]]
    }
    return [chosen[name] for name in sorted(chosen)]


def _by_customer(rows: list[OfCustomer], names: list[str]) -> dict[str, list[OfCustomer]]:
    found: dict[str, list[OfCustomer]] = {name: [] for name in names}
    for row in rows:
        if row["customer_id"] in found:
            found[row["customer_id"]].append(row)
    return found
