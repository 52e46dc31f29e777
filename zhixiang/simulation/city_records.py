"""Master data, payments and events of the simulated city in the project's own received form."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipelines.arrays import IntArray
from pipelines.codes import CustomerClass, DemandBasis, EventCode, PricingScheme, VoltageLevel
from pipelines.facts import load_facts
from pipelines.settings import packaged
from pipelines.tables.base import Table
from pipelines.tables.bronze import BronzeCustomers, BronzeEvents, BronzeMeterPoints, BronzePayments, Received
from zhixiang.simulation.city_health import INDUSTRIES
from zhixiang.simulation.city_load import REGISTER_DIGITS

if TYPE_CHECKING:
    from zhixiang.simulation.city_shape import City

PROVENANCE = "simulated"
TRADES_FROM_DIVISION = (
    "51"  # GB/T 4754-2017: up to division 50 come farming, mining, manufacturing, utilities and construction
)
MEDIUM_VOLTAGE_FROM_KVA = 100  # assumed
OLDEST_ACCOUNT_YEARS = 30  # the formats take no day before 1990
Rows = tuple[type[Table], list[dict[str, object]]]
_PROVIDED = {name for name in vars(Received) if not name.startswith("_")}


def write_declared(path: Path, content: Rows) -> Path:
    """Writes rows in the received form of a bronze table: its own columns, then ``sent_at``; empty for
    null.
    """
    table, rows = content
    columns = [field.name for field in table.fields() if field.name not in _PROVIDED and not field.optional]
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*columns, "sent_at"])
    writer.writerows([[_cell(row.get(name)) for name in (*columns, "sent_at")] for row in rows])
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else value


def _stamp(day: date) -> str:
    return f"{day.isoformat()} 08:00:00"


def simulate_capacity(city: City, rng: np.random.Generator) -> IntArray:
    """Capacity of each connection: above what the busiest day asks for, in steps of 50. [kVA]"""
    peak = city.metering.day_kwh.max(axis=1) / 24 * 2.2
    capacity: IntArray = np.maximum(50, np.ceil(peak * rng.uniform(1.0, 1.8, len(peak)) / 50) * 50).astype(
        np.int64
    )
    return capacity


def customer_rows(city: City, capacity: IntArray, rng: np.random.Generator) -> Rows:
    """One contract per enterprise, its scheme as the rule on capacity has it and time of use where its class
    must have it; a closed account is reported again when it closes.
    """
    facts = load_facts(packaged("conf") / "facts")
    rule = facts.pricing_scheme.on(city.days[-1])
    by_hours = facts.time_of_use.mandatory.on(city.days[-1])
    age = np.minimum(rng.gamma(2.2, 4.0, len(city.customer_ids)), OLDEST_ACCOUNT_YEARS)
    rows: list[dict[str, object]] = []
    for index, customer_id in enumerate(city.customer_ids):
        industry = INDUSTRIES[city.health.industry[index]]
        scheme = rule.allowed(Decimal(int(capacity[index])))[0]
        is_two_part = scheme is PricingScheme.TWO_PART
        is_trade = industry >= TRADES_FROM_DIVISION
        price_class = (
            CustomerClass.LARGE_INDUSTRY if is_two_part and not is_trade else CustomerClass.GENERAL_COMMERCIAL
        )
        closed = city.health.closed[index]
        closed_date = city.months[closed].first_day if closed < len(city.months) else None
        rows.append(
            {
                "customer_id": customer_id,
                "valid_from_date": city.days[0] - timedelta(days=1),
                "customer_name": f"模拟企业{index + 1:05d}",
                "city": "杭州",
                "industry_code": industry,
                "peer_group": f"Simulated industry {industry}",
                "customer_class_code": price_class.value,
                "pricing_scheme_code": scheme.value,
                "voltage_level_code": (
                    VoltageLevel.KV_1_TO_20
                    if capacity[index] >= MEDIUM_VOLTAGE_FROM_KVA
                    else VoltageLevel.BELOW_1KV
                ).value,
                "contract_capacity_kva": int(capacity[index]),
                "running_capacity_kva": int(capacity[index]),
                "demand_basis_code": DemandBasis.CAPACITY.value if is_two_part else None,
                "is_time_of_use": price_class in by_hours,
                "opened_date": city.days[0] - timedelta(days=int(200 + age[index] * 365)),
                "closed_date": closed_date,
                "provenance": PROVENANCE,
                "sent_at": _stamp(closed_date or city.days[0] - timedelta(days=1)),
            }
        )
    return BronzeCustomers, rows


def meter_point_rows(city: City, capacity: IntArray) -> Rows:
    """One meter point per enterprise; an exchange is a second row from its day on."""
    metering = city.metering
    rows: list[dict[str, object]] = []
    for index, customer_id in enumerate(city.customer_ids):
        row: dict[str, object] = {
            "meter_point_id": f"MP-{customer_id}",
            "valid_from_date": city.days[0] - timedelta(days=1),
            "customer_id": customer_id,
            "meter_id": f"SIM-M-{index + 1:05d}-1",
            "multiplier_ratio": int(metering.multiplier[index]),
            "register_digits": REGISTER_DIGITS,
            "register_decimals": 2,
            "capacity_kva": int(capacity[index]),
            "provenance": PROVENANCE,
            "sent_at": _stamp(city.days[0] - timedelta(days=1)),
        }
        rows.append(row)
        day = int(metering.exchange_day[index])
        if day >= 0:
            rows.append(
                row
                | {
                    "valid_from_date": city.days[day],
                    "meter_id": f"SIM-M-{index + 1:05d}-2",
                    "start_register_unscaled": "0.00",
                    "previous_end_register_unscaled": (
                        f"{metering.exchange_end[index] // 100}.{metering.exchange_end[index] % 100:02d}"
                    ),
                    "sent_at": _stamp(city.days[day]),
                }
            )
    return BronzeMeterPoints, rows


def payment_rows(city: City) -> Rows:
    """Every bill as it stood when the data end."""
    payments = city.payments
    rows: list[dict[str, object]] = []
    for index, customer_id in enumerate(city.customer_ids):
        for place, month in enumerate(city.months):
            if place >= city.health.closed[index]:
                continue
            days = payments.paid_days_after_due[index, place]
            paid = None if np.isnan(days) else payments.due[place] + timedelta(days=int(days))
            if paid is not None and paid > payments.known_until:
                paid = None
            billed = f"{payments.billed_cny[index, place]:.2f}"
            rows.append(
                {
                    "customer_id": customer_id,
                    "billing_month": str(month),
                    "billed_cny": billed,
                    "due_date": payments.due[place],
                    "paid_date": paid,
                    "paid_cny": billed if paid is not None else "0.00",
                    "provenance": PROVENANCE,
                    "sent_at": _stamp(payments.known_until + timedelta(days=1)),
                }
            )
    return BronzePayments, rows


def event_rows(city: City, rng: np.random.Generator) -> Rows:
    """Violations and stoppages come more often to the weak, growth to the strong; closures as they
    happened.
    """
    level, months = city.health.level, city.months
    rates = {
        EventCode.THEFT: 0.0002 * np.exp(-0.6 * level),
        EventCode.CONTRACT_VIOLATION: 0.0008 * np.exp(-0.5 * level),
        EventCode.OVER_CAPACITY: np.full(level.shape, 0.0020),
        EventCode.SAFETY_NOTICE_OPEN: 0.0010 * np.exp(-0.3 * level),
        EventCode.CAPACITY_INCREASE: 0.0020 * np.exp(0.5 * np.minimum(level, 2)),
        EventCode.CAPACITY_DECREASE: 0.0012 * np.exp(-0.6 * level),
        EventCode.SUSPENSION: 0.0015 * np.exp(-0.7 * level),
        EventCode.OWNERSHIP_CHANGE: np.full(level.shape, 0.0015),
        EventCode.COMPLAINT: np.full(level.shape, 0.0040),
    }
    found: list[tuple[int, date, EventCode, date | None]] = []
    for code, rate in rates.items():
        for index, place in np.argwhere(rng.random(level.shape) < np.minimum(rate, 0.2)):
            if place < city.health.closed[index]:
                started = months[place].first_day + timedelta(days=int(rng.integers(0, 28)))
                lasting = (
                    int(rng.integers(5, 60))
                    if code in (EventCode.SUSPENSION, EventCode.SAFETY_NOTICE_OPEN)
                    else 0
                )
                found.append((int(index), started, code, started + timedelta(days=lasting)))
    for index in np.flatnonzero(city.health.closed < len(months)):
        found.append((int(index), months[city.health.closed[index]].first_day, EventCode.CLOSURE, None))
    return BronzeEvents, _numbered(found, city.customer_ids, city.payments.known_until)


def _numbered(
    found: Iterable[tuple[int, date, EventCode, date | None]], customer_ids: Sequence[str], known_until: date
) -> list[dict[str, object]]:
    """Events in order of their beginning; one that lasts beyond the data has no end yet, and a row is sent
    the day after what it tells.
    """
    ordered = sorted(found, key=lambda event: (event[1], event[0], event[2].value))
    seen = [
        (index, started, code, ended if ended is not None and ended <= known_until else None)
        for index, started, code, ended in ordered
    ]
    return [
        {
            "event_id": f"SIM-EVENT-{number + 1:06d}",
            "customer_id": customer_ids[index],
            "event_code": code.value,
            "started_date": started,
            "ended_date": ended,
            "detail": "模拟 simulated",
            "provenance": PROVENANCE,
            "sent_at": _stamp((ended or started) + timedelta(days=1)),
        }
        for number, (index, started, code, ended) in enumerate(seen)
    ]
