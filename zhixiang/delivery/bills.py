"""Efficiency bills as pages and PDF files, and a list of them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.codes import Channel
from pipelines.periods import BillingMonth
from pipelines.tables.efficiency_bill import EfficiencyBillAdviceV1, EfficiencyBillLinesV1, EfficiencyBillV1
from pipelines.tables.gold import GoldDayEnergy
from pipelines.tables.silver import SilverCustomers, SilverWeather
from products.efficiency_bill.charts import DayPoint
from products.efficiency_bill.rendering import BillPdf, render_bill_html
from products.efficiency_bill.served_model import MODEL, read_coefficients
from products.efficiency_bill.settings import EfficiencyBillSettings
from products.efficiency_bill.training import Days, arrange_days
from zhixiang.delivery.context import Delivery
from zhixiang.delivery.pages import write_bytes, write_page
from zhixiang.issued import newest_with_evidence

WORKERS = 2
EVIDENCE = (EfficiencyBillLinesV1, EfficiencyBillAdviceV1)
Job = tuple[str, dict[str, Any], list[dict[str, Any]], list[dict[str, Any]], list[DayPoint], bool]


def deliver_bills(delivery: Delivery) -> dict[str, Any]:
    """Writes ``bills/MONTH/CUSTOMER.html`` and ``.pdf`` for every bill, and pictures of two of them."""
    folder = delivery.out / "bills"
    jobs: list[Job] = []
    listed: list[dict[str, Any]] = []
    for month in delivery.months:
        found = newest_with_evidence(delivery.store, EfficiencyBillV1, EVIDENCE, str(month))
        bills = found["results"]
        if not bills:
            continue
        days = day_points(delivery, [bill["customer_id"] for bill in bills], month)
        pictured = _pictured(bills) if month == delivery.last_month else set()
        for bill in bills:
            name = bill["customer_id"]
            lines, advice = (found[table.name].get(name, []) for table in EVIDENCE)
            jobs.append((str(folder / str(month) / name), bill, lines, advice, days.get(name, []), name in pictured))
            listed.append(
                {
                    **{key: bill[key] for key in ("customer_id", "customer_name", "billing_month", "energy_kwh", "total_cny", "provenance")},
                    "saving": sum(row["saving_cny"] for row in advice),
                    "href": f"{month}/{name}",
                }
            )
    _write_all(jobs)
    write_page(
        folder / "index.html",
        "bills.html.j2",
        bills=sorted(listed, key=lambda row: (not row["customer_id"].startswith("STEEL"), row["customer_id"], row["billing_month"])),
    )
    pictures = [
        {
            "href": f"bills/{delivery.last_month}/{bill['customer_id']}.html",
            "src": f"bills/{delivery.last_month}/{bill['customer_id']}.png",
            "title_zh": f"能效账单：{bill['customer_name']}",
            "title_en": "efficiency bill",
            "labels": [*str(bill["provenance"]).split("+"), *(["illustrative"] if bill["is_illustrative"] else [])],
        }
        for path, bill, _, _, _, is_pictured in jobs
        if is_pictured
    ]
    return {"count": len(jobs), "href": "bills/index.html" if jobs else "index.html", "pictures": pictures}


def _pictured(bills: Sequence[dict[str, Any]]) -> set[str]:
    """One bill of each kind for the overview: two-part with a curve, single-part without."""
    found: dict[str, str] = {}
    for bill in bills:
        found.setdefault(bill["pricing_scheme_code"], bill["customer_id"])
    return set(found.values())


def _write_all(jobs: Sequence[Job]) -> None:
    """Two processes, because setting type is work for a core; started fresh, since the parent holds threads."""
    if len(jobs) < 20:
        for job in jobs:
            write_one(job)
        return
    with ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(write_one, jobs, chunksize=max(1, len(jobs) // (WORKERS * 4))))


@lru_cache(maxsize=1)
def _typesetter() -> BillPdf:
    return BillPdf()


def write_one(job: Job) -> None:
    """One bill as HTML, PDF and, where asked for, a picture."""
    path, bill, lines, advice, days, is_pictured = job
    write_bytes(Path(path + ".html"), render_bill_html(bill, lines, advice, days).encode())
    write_bytes(Path(path + ".pdf"), _typesetter().render(bill, lines, advice, days))
    if is_pictured:
        write_bytes(Path(path + ".png"), _typesetter().picture(bill, lines, advice, days))


def day_points(delivery: Delivery, customers: Sequence[str], month: BillingMonth) -> dict[str, list[DayPoint]]:
    """The month's days of each customer with its baseline and the day's band."""
    store = delivery.store
    energy = store.arrow(
        GoldDayEnergy,
        ["customer_id", "energy_date", "energy_kwh_or_kvarh"],
        filters=[("energy_month", "=", str(month)), ("channel_code", "=", Channel.ACTIVE_FORWARD.value), ("customer_id", "in", list(customers))],
    )
    stations = store.arrow(SilverCustomers, ["customer_id", "weather_station_id"], filters=[("customer_id", "in", list(customers))])
    weather = store.arrow(SilverWeather, ["station_id", "weather_date", "mean_celsius"])
    days = arrange_days(energy, stations, weather)
    settings = store.settings.section(EfficiencyBillSettings)
    bundle = delivery.registry.champion_or_none(MODEL)
    baselines = read_coefficients(bundle.files) if bundle is not None else {}
    return {name: _points(days, row, baselines.get(name), settings.band_level) for row, name in enumerate(days.customers)}


def _points(days: Days, row: int, baseline: Any, level: float) -> list[DayPoint]:
    expected = baseline.expected(days.temperature[row], days.weekend) if baseline is not None else np.full(len(days.days), np.nan)
    half = baseline.day_band(level) if baseline is not None else np.nan
    points = []
    for place, day in enumerate(days.days):
        value = float(days.energy[row, place])
        middle = float(expected[place])
        known = np.isfinite(middle)
        points.append(
            DayPoint(day, value if np.isfinite(value) else None, *((middle, max(middle - half, 0.0), middle + half) if known else (None, None, None)))
        )
    return points
