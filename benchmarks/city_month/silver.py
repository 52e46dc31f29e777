"""Silver of a part of the city: customers, meter points, payments, events, declarations, weather."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa

from benchmarks.city_month.city import BILLED, Block, customer_id, meter_point_id
from benchmarks.city_month.columns import (
    RUN_ID,
    SIMULATED,
    dates,
    day_number,
    decimals,
    table_of,
    texts,
)
from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, VoltageLevel
from pipelines.periods import BillingMonth
from pipelines.tables.base import ENERGY
from pipelines.tables.silver import (
    SilverCustomers,
    SilverEvents,
    SilverMeterPoints,
    SilverPayments,
    SilverTransferDeclarations,
    SilverWeather,
)
from zhixiang.simulation.city_health import INDUSTRIES
from zhixiang.simulation.city_records import MEDIUM_VOLTAGE_FROM_KVA, TRADES_FROM_DIVISION, event_rows

STATIONS = ("SIM-STATION-1", "SIM-STATION-2", "SIM-STATION-3", "SIM-STATION-4")
SUPPLIER_EACH, TENANTS = 200, 12
"""Every so manieth customer passes its electricity on to so many tenants."""
_SUBMETERED_RATIO = 0.82
_BASES = (DemandBasis.CAPACITY.value, DemandBasis.CONTRACT_DEMAND.value, DemandBasis.ACTUAL_DEMAND.value)


def customers_of(block: Block, rng: np.random.Generator) -> pa.Table:
    """Terms; of those that change a second row from the day of the change on."""
    count = len(block.numbers)
    rows = np.concatenate([np.arange(count), np.flatnonzero(block.changes)])
    is_second = np.arange(len(rows)) >= count
    order = np.argsort(rows, kind="stable")
    rows, is_second = rows[order], is_second[order]
    before = day_number(block.city.days[0]) - 1
    changed = day_number(BILLED.first_day) + block.cut
    industry = np.array(INDUSTRIES)[block.city.health.industry]
    is_industry = block.has_curve & (industry < TRADES_FROM_DIVISION)
    age = np.minimum(rng.gamma(2.2, 4.0, count), 30) * 365 + 200
    area = np.maximum(np.rint(block.city.metering.day_kwh.mean(axis=1) * rng.uniform(2.0, 6.0, count)), 20.0)
    basis = rng.integers(0, len(_BASES), count)
    demand = np.maximum(np.rint(block.capacity * rng.uniform(0.4, 0.8, count) / 10) * 10, 40.0)
    closed = np.append([day_number(month.first_day) for month in block.city.months], 0)[
        np.minimum(block.city.health.closed, len(block.city.months))
    ]
    two_part = block.has_curve[rows]
    return table_of(
        SilverCustomers,
        len(rows),
        {
            "customer_id": texts(customer_id(number) for number in block.numbers[rows]),
            "valid_from_date": dates(np.where(is_second, changed[rows], before)),
            "valid_to_date": dates(changed[rows] - 1, missing=is_second | ~block.changes[rows]),
            "customer_name": texts(f"模拟企业{number:07d}" for number in block.numbers[rows]),
            "city": "杭州",
            "industry_code": texts(industry[rows]),
            "peer_group": texts(f"Simulated industry {code}" for code in industry[rows]),
            "customer_class_code": texts(
                np.where(is_industry, CustomerClass.LARGE_INDUSTRY, CustomerClass.GENERAL_COMMERCIAL)[rows]
            ),
            "pricing_scheme_code": texts(
                np.where(two_part, PricingScheme.TWO_PART, PricingScheme.SINGLE_PART)
            ),
            "voltage_level_code": texts(
                np.where(
                    block.capacity >= MEDIUM_VOLTAGE_FROM_KVA, VoltageLevel.KV_1_TO_20, VoltageLevel.BELOW_1KV
                )[rows]
            ),
            "contract_capacity_kva": block.capacity[rows].astype(float),
            "running_capacity_kva": np.where(is_second, block.running[rows], block.capacity[rows]).astype(
                float
            ),
            "demand_basis_code": texts(np.array(_BASES)[basis[rows]], missing=~two_part),
            "contract_demand_kw": pa.array(
                demand[rows], mask=~(two_part & (basis[rows] == _BASES.index(DemandBasis.CONTRACT_DEMAND)))
            ),
            "power_factor_standard_ratio": pa.array(
                np.where(block.capacity[rows] >= 1000, 0.90, 0.85), mask=~two_part
            ),
            "is_time_of_use": two_part,
            "floor_area_m2": area[rows],
            "weather_station_id": texts(np.array(STATIONS)[block.numbers[rows] % len(STATIONS)]),
            "opened_date": dates((day_number(block.city.days[0]) - age)[rows].astype(np.int64)),
            "closed_date": dates(closed[rows], missing=closed[rows] == 0),
            "provenance": SIMULATED,
        },
    )


def meter_points_of(block: Block) -> pa.Table:
    """One meter point per customer."""
    count = len(block.numbers)
    return table_of(
        SilverMeterPoints,
        count,
        {
            "meter_point_id": texts(meter_point_id(number) for number in block.numbers),
            "valid_from_date": dates(np.full(count, day_number(block.city.days[0]) - 1)),
            "customer_id": texts(block.city.customer_ids),
            "meter_id": texts(f"SIM-MONTH-METER-{number:07d}" for number in block.numbers),
            "multiplier_ratio": block.step.astype(float),
            "register_digits": 6,
            "register_decimals": 2,
            "capacity_kva": block.capacity.astype(float),
            "provenance": SIMULATED,
        },
    )


def payments_of(block: Block) -> pa.Table:
    """Every bill of the settlement system as it stood when the data end."""
    months, payments = block.city.months, block.city.payments
    place, month = np.nonzero(np.arange(len(months))[None, :] < block.city.health.closed[:, None])
    due = np.array([day_number(day) for day in payments.due])[month]
    days = payments.paid_days_after_due[place, month]
    paid = due + np.nan_to_num(days).astype(np.int64)
    unpaid = np.isnan(days) | (paid > day_number(payments.known_until))
    billed = payments.billed_cny[place, month]
    return table_of(
        SilverPayments,
        len(place),
        {
            "customer_id": texts(block.city.customer_ids).take(pa.array(place)),
            "billing_month": texts(map(str, months)).take(pa.array(month)),
            "billed_cny": billed,
            "due_date": dates(due),
            "paid_date": dates(paid, missing=unpaid),
            "paid_cny": np.where(unpaid, 0.0, billed),
            "provenance": SIMULATED,
        },
    )


def events_of(block: Block, rng: np.random.Generator) -> pa.Table:
    """Violations, stoppages and changes as they happened; one in a hundred customer months has any."""
    _, rows = event_rows(block.city, rng)
    told = pa.Table.from_pylist(
        [{name: value for name, value in row.items() if name != "sent_at"} for row in rows]
        or [dict.fromkeys(SilverEvents.business_columns())]
    ).slice(0, len(rows))
    columns = {name: told[name] for name in told.column_names} | {
        "event_id": texts(f"SIM-MONTH-EVENT-{block.numbers[0]:07d}-{place}" for place in range(len(rows))),
        "provenance": SIMULATED,
        "computed_run_id": RUN_ID,
    }
    return table_of(SilverEvents, len(rows), columns)


def declarations_of(block: Block, month: BillingMonth, rng: np.random.Generator) -> pa.Table:
    """What the tenants behind some of the two-part customers declare for a month."""
    suppliers = np.flatnonzero((block.numbers % SUPPLIER_EACH == 0) & block.is_open(month))
    master = block.city.metering.day_kwh[suppliers, block.days_of(month)].sum(axis=1)
    shares = rng.dirichlet(np.full(TENANTS, 6.0), len(suppliers))
    price = rng.uniform(0.70, 1.30, (len(suppliers), 1)) * np.where(
        rng.random((len(suppliers), TENANTS)) < 0.1, 1.15, 1.0
    )
    energy = np.rint(master[:, None] * _SUBMETERED_RATIO * shares * 100).ravel().astype(np.int64)
    fee = np.rint(energy.reshape(price.shape) * price).ravel().astype(np.int64)
    count = len(energy)
    other = np.rint(rng.uniform(10, 500, count)).astype(np.int64)
    supplier = np.repeat(block.numbers[suppliers], TENANTS)
    tenant = np.tile(np.arange(1, TENANTS + 1), len(suppliers))
    names = [f"{number:07d}-{place:02d}" for number, place in zip(supplier, tenant, strict=True)]
    return table_of(
        SilverTransferDeclarations,
        count,
        {
            "tenant_id": texts(f"SIM-MONTH-TENANT-{name}" for name in names),
            "supplier_customer_id": texts(map(customer_id, supplier)),
            "billing_month": str(month),
            "declaration_id": texts(f"SIM-MONTH-DECL-{name}-{month}" for name in names),
            "tenant_name": texts(f"模拟租户{name}" for name in names),
            "energy_kwh": decimals(energy, ENERGY, 2),
            "fee_cny": decimals(fee, ENERGY, 2),
            "other_charge_cny": decimals(other, ENERGY, 0, missing=rng.random(count) > 0.1),
            "provenance": SIMULATED,
        },
    )


def weather_of(seed: int, months: tuple[BillingMonth, ...]) -> pa.Table:
    """Daily weather of every station: a year's course with noise."""
    rng = np.random.default_rng([seed, len(months), *b"weather"])
    days = np.arange(day_number(months[0].first_day), day_number(months[-1].last_day + timedelta(days=1)))
    course = 17.5 - 12.0 * np.cos((days % 365.25 - 15) / 365.25 * 2 * np.pi)
    mean = np.round(course[None, :] + rng.normal(0, 3.0, (len(STATIONS), len(days))), 1).ravel()
    return table_of(
        SilverWeather,
        mean.size,
        {
            "station_id": texts(np.repeat(STATIONS, len(days))),
            "weather_date": dates(np.tile(days, len(STATIONS))),
            "mean_celsius": mean,
            "min_celsius": mean - 4.0,
            "max_celsius": mean + 4.0,
            "observed_hours": 24,
            "provenance": SIMULATED,
        },
    )
