"""Master data, payments and events of the simulated city in the project's own received form."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipelines.codes import EventCode
from pipelines.tables.base import Table
from pipelines.tables.bronze import BronzeCustomers, BronzeEvents, BronzeMeterPoints, BronzePayments, Received
from zhixiang.simulation.city_health import INDUSTRIES
from zhixiang.simulation.city_load import REGISTER_DIGITS

if TYPE_CHECKING:
    from zhixiang.simulation.city import City

PROVENANCE = "simulated"
Rows = tuple[type[Table], list[dict[str, object]]]
_PROVIDED = {name for name in vars(Received) if not name.startswith("_")}


def write_declared(path: Path, content: Rows) -> Path:
    """Writes rows in the received form of a bronze table: its own columns, then ``sent_at``; empty for null."""
    table, rows = content
    columns = [name for name in table.columns() if name not in _PROVIDED]
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


def customer_rows(city: City, rng: np.random.Generator) -> Rows:
    """One contract per enterprise; capacity fits its load."""
    count = len(city.customer_ids)
    peak = city.metering.day_kwh.max(axis=1) / 24 * 2.2
    capacity = np.maximum(50, np.ceil(peak * rng.uniform(1.0, 1.8, count) / 50) * 50)
    age = rng.gamma(2.2, 4.0, count)
    rows: list[dict[str, object]] = []
    for index, customer_id in enumerate(city.customer_ids):
        large = capacity[index] >= 315
        closed = city.health.closed[index]
        rows.append(
            {
                "customer_id": customer_id,
                "valid_from_date": city.days[0] - timedelta(days=1),
                "customer_name": f"模拟企业{index + 1:05d}",
                "city": "杭州",
                "industry_code": INDUSTRIES[city.health.industry[index]],
                "peer_group": f"Simulated industry {INDUSTRIES[city.health.industry[index]]}",
                "customer_class_code": "large_industry" if large else "general_commercial",
                "pricing_scheme_code": "two_part" if large else "single_part",
                "voltage_level_code": "1_to_20kv" if capacity[index] >= 100 else "below_1kv",
                "contract_capacity_kva": int(capacity[index]),
                "running_capacity_kva": int(capacity[index]),
                "demand_basis_code": "capacity" if large else None,
                "is_time_of_use": False,
                "opened_date": city.days[0] - timedelta(days=int(200 + age[index] * 365)),
                "closed_date": city.months[closed].first_day if closed < len(city.months) else None,
                "provenance": PROVENANCE,
                "sent_at": _stamp(city.days[0] - timedelta(days=1)),
            }
        )
    return BronzeCustomers, rows


def meter_point_rows(city: City) -> Rows:
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
                    "previous_end_register_unscaled": f"{metering.exchange_end[index] // 100}.{metering.exchange_end[index] % 100:02d}",
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
    """Violations and stoppages come more often to the weak, growth to the strong; closures as they happened."""
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
                lasting = int(rng.integers(5, 60)) if code in (EventCode.SUSPENSION, EventCode.SAFETY_NOTICE_OPEN) else 0
                found.append((int(index), started, code, started + timedelta(days=lasting)))
    for index in np.flatnonzero(city.health.closed < len(months)):
        found.append((int(index), months[city.health.closed[index]].first_day, EventCode.CLOSURE, None))
    return BronzeEvents, _numbered(found, city.customer_ids)


def _numbered(found: Iterable[tuple[int, date, EventCode, date | None]], customer_ids: Sequence[str]) -> list[dict[str, object]]:
    ordered = sorted(found, key=lambda event: (event[1], event[0], event[2].value))
    rows: list[Mapping[str, object]] = [
        {
            "event_id": f"SIM-EVENT-{number + 1:06d}",
            "customer_id": customer_ids[index],
            "event_code": code.value,
            "started_date": started,
            "ended_date": ended,
            "detail": "模拟 simulated",
            "provenance": PROVENANCE,
            "sent_at": _stamp(started + timedelta(days=1)),
        }
        for number, (index, started, code, ended) in enumerate(ordered)
    ]
    return [dict(row) for row in rows]
