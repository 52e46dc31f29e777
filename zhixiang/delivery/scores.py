"""Credit scores: the portfolio, a page for each enterprise worth a look, and the bank's file."""

from __future__ import annotations

from typing import Any

from pipelines.tables.credit_index import CreditIndexReasonsV1, CreditIndexV1
from pipelines.tables.indicators import GoldCustomerIndicators
from products.credit_index.bank_file import write_bank_file
from products.credit_index.pages import render_enterprise, render_portfolio, score_chart
from products.credit_index.training import MODEL
from zhixiang.delivery.context import Delivery
from zhixiang.delivery.pages import write_bytes
from zhixiang.issued import newest_with_evidence

PAGES_PER_END = 60


def deliver_scores(delivery: Delivery) -> dict[str, Any]:
    """Writes ``scores/`` for the last month and bank files for all months asked for."""
    folder = delivery.out / "scores"
    key = delivery.keys.signing_key("delivery_signing")
    model = next((model for model in delivery.registry.known() if model["name"] == MODEL), None)
    found: dict[str, Any] = {}
    for month in delivery.months:
        found = newest_with_evidence(delivery.store, CreditIndexV1, (CreditIndexReasonsV1,), str(month))
        if found["results"] and model is not None:
            context = {
                "model": {"name": MODEL, "version": model["champion"], "digest": model["digest"]},
                "tables": delivery.store.versions([CreditIndexV1, CreditIndexReasonsV1, GoldCustomerIndicators]),
                "facts_digest": delivery.facts.digest,
                "key_id": key.key_id,
            }
            write_bank_file(found["results"], found[CreditIndexReasonsV1.name], str(month), folder / "bank", key.sign, context)
    scores, reasons = found.get("results", []), found.get(CreditIndexReasonsV1.name, {})
    if not scores or model is None:
        return {"count": 0, "href": "index.html", "pictures": []}
    shown = _worth_a_page(scores)
    energy = _energy(delivery, [row["customer_id"] for row in shown])
    for row in shown:
        page = render_enterprise(row, reasons.get(row["customer_id"], []), energy.get(row["customer_id"], []))
        write_bytes(folder / f"{row['customer_id']}.html", page.encode())
    links = {row["customer_id"]: f"{row['customer_id']}.html" for row in shown}
    write_bytes(folder / "index.html", render_portfolio(scores, str(delivery.last_month), model["metrics"], links).encode())
    write_bytes(folder / "distribution.svg", score_chart(scores).encode())
    picture = {
        "href": "scores/index.html",
        "src": "scores/distribution.svg",
        "title_zh": "电力信用指数：评分分布、预警与原因",
        "title_en": "credit index: distribution, warnings, reasons",
        "labels": ["simulated"],
    }
    return {"count": len(scores), "href": "scores/index.html", "pictures": [picture]}


def _worth_a_page(scores: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The riskiest, the best and the first by number; every other score is in the table and on the command line."""
    by_risk = sorted(scores, key=lambda row: (-row["default_probability_ratio"], row["customer_id"]))
    chosen = {row["customer_id"]: row for row in [*by_risk[:PAGES_PER_END], *by_risk[-PAGES_PER_END:], *scores[:10]]}
    return [chosen[name] for name in sorted(chosen)]


def _energy(delivery: Delivery, customers: list[str]) -> dict[str, list[tuple[str, float]]]:
    rows = delivery.store.arrow(GoldCustomerIndicators, ["customer_id", "indicator_month", "month_kwh"], filters=[("customer_id", "in", customers)])
    found: dict[str, list[tuple[str, float]]] = {}
    for row in rows.sort_by([("customer_id", "ascending"), ("indicator_month", "ascending")]).to_pylist():
        if row["month_kwh"] is not None:
            found.setdefault(row["customer_id"], []).append((row["indicator_month"], row["month_kwh"]))
    return found
