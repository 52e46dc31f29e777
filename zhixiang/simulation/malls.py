"""Two simulated malls that resell electricity: master accounts, metering, tenants' declarations. Nothing in
them is real but the load shape.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from io import StringIO
from itertools import pairwise
from pathlib import Path

import numpy as np

from pipelines.errors import UsageError
from pipelines.file_modes import put_file
from pipelines.periods import BillingMonth
from pipelines.tables.base import Table
from pipelines.tables.bronze import BronzeCustomers, BronzeMeterPoints, BronzeTransferDeclarations, Received
from zhixiang.simulation.malls_metering import (
    CURVE_HEADER,
    DECIMALS,
    READ_HEADER,
    MasterMeter,
    MeteredDays,
    curve_rows,
    metered_days,
    read_rows,
    real_shape,
)
from zhixiang.simulation.malls_tenants import TENANTS, Quirk, Supplier, declarations

TRUTH_FILE = "malls.json"
_RECEIVED = {name for name in vars(Received) if not name.startswith("_")}

METERS = {
    "A": MasterMeter("MP-SIM-MALL-A", "METER-SIM-MALL-A", 2000, 560.0, 0.30, 38, 88, 0.93, 1520),
    "B": MasterMeter("MP-SIM-MALL-B", "METER-SIM-MALL-B", 300, 112.0, 0.22, 36, 86, 0.90, 873),
}

CONTRACTS: Mapping[str, Mapping[str, str]] = {
    "A": {
        "customer_name": "模拟商场A",
        "pricing_scheme_code": "two_part",
        "contract_capacity_kva": "1250",
        "running_capacity_kva": "1250",
        "demand_basis_code": "actual_demand",
        "is_time_of_use": "true",
    },
    "B": {
        "customer_name": "模拟商场B",
        "pricing_scheme_code": "single_part",
        "contract_capacity_kva": "250",
        "running_capacity_kva": "250",
        "is_time_of_use": "false",
    },
}

# A passes its own price on and overcharges two tenants mildly; B charges far above what it pays.
SUPPLIERS = {
    "A": Supplier(
        "A",
        "SIM-MALL-A",
        {0: Decimal("0.93"), 9: Decimal("0.935")},
        {
            2: Quirk(whole_yuan=True),
            4: Quirk(whole_kwh=True),
            5: Quirk(price_factor=Decimal("1.10")),
            7: Quirk(other_charge=Decimal("1800.00")),
            9: Quirk(price_factor=Decimal("1.18")),
            11: Quirk(energy_slip=10, month_number=9),
            12: Quirk(is_vacant=True, month_number=8),
        },
    ),
    "B": Supplier(
        "B",
        "SIM-MALL-B",
        {0: Decimal("1.20")},
        {
            1: Quirk(whole_yuan=True, whole_kwh=True),
            3: Quirk(price_factor=Decimal("0.80")),
            6: Quirk(price_factor=Decimal("0.635")),
            8: Quirk(whole_yuan=True),
            10: Quirk(other_charge=Decimal("450.00")),
            12: Quirk(fee_slip=10, month_number=8),
        },
    ),
}


def write_malls(
    inbox: Path, samples: Path, seed: int, months: Sequence[BillingMonth], *, truth: Path | None = None
) -> list[Path]:
    """Writes what a utility would deliver of two malls, and returns the files in the inbox.

    inbox    Folder for the received files; made if it is missing.
    samples  Folder with ``shapes/half_hour_load_shapes.parquet``.
    months   Consecutive months; the registers begin at the end of the day before the first.
    truth    Folder for ``malls.json``: each supplier's real price and every quirk; none: beside the inbox, in
             ``simulation_truth``.
    Same arguments, same bytes.
    """
    ordered = sorted(set(months))
    if not ordered or any(later != earlier.plus(1) for earlier, later in pairwise(ordered)):
        raise UsageError(
            "The months of a simulation must follow each other without a gap.",
            "Give for example 2026-07 2026-08 2026-09.",
        )
    inbox.mkdir(parents=True, exist_ok=True)
    shape = real_shape(samples)
    days = [day for month in ordered for day in month.days]
    metered = {
        letter: metered_days(meter, days, shape, _rng(seed, letter, "load"))
        for letter, meter in METERS.items()
    }
    written = [
        _write_declared(inbox / "simulated_malls_customers.csv", BronzeCustomers, _customers(ordered[0])),
        _write_declared(
            inbox / "simulated_malls_meter_points.csv", BronzeMeterPoints, _meter_points(ordered[0])
        ),
    ]
    for month in ordered:
        edges = (month.first_day, month.last_day)
        curves = [row for letter in METERS for row in curve_rows(metered[letter], *edges)]
        reads = [row for letter in METERS for row in read_rows(metered[letter], *edges)]
        declared = [row for letter in METERS for row in _declared(letter, metered[letter], month, seed)]
        written += [
            _write_csv(inbox / f"E_MP_POWER_CURVE_simulated_malls_{month}.csv", CURVE_HEADER, curves),
            _write_csv(inbox / f"E_MP_DAY_READ_simulated_malls_{month}.csv", READ_HEADER, reads),
            _write_declared(
                inbox / f"simulated_malls_transfer_declarations_{month}.csv",
                BronzeTransferDeclarations,
                declared,
            ),
        ]
    _write_truth(truth or inbox.parent / "simulation_truth", ordered, seed)
    return written


def _rng(seed: int, letter: str, purpose: str) -> np.random.Generator:
    return np.random.default_rng([seed, *f"{letter} {purpose}".encode()])


def _declared(letter: str, metered: MeteredDays, month: BillingMonth, seed: int) -> list[dict[str, str]]:
    shares = _rng(seed, letter, "shares").dirichlet(np.full(TENANTS, 6.0))
    energy = metered.energy_kwh(month.first_day, month.last_day)
    return declarations(SUPPLIERS[letter], energy, month, shares, _rng(seed, letter, f"declarations {month}"))


def _customers(first: BillingMonth) -> list[dict[str, str]]:
    return [
        {
            "customer_id": SUPPLIERS[letter].customer_id,
            "valid_from_date": first.first_day.isoformat(),
            "city": "杭州",
            "peer_group": "Simulated malls",
            "customer_class_code": "general_commercial",
            "voltage_level_code": "1_to_20kv",
            "power_factor_standard_ratio": "0.85",
            "provenance": "simulated",
            "sent_at": f"{first.first_day.isoformat()} 08:00:00",
            **terms,
        }
        for letter, terms in CONTRACTS.items()
    ]


def _meter_points(first: BillingMonth) -> list[dict[str, str]]:
    return [
        {
            "meter_point_id": meter.meter_point_id,
            "valid_from_date": first.previous().last_day.isoformat(),
            "customer_id": SUPPLIERS[letter].customer_id,
            "meter_id": meter.meter_id,
            "multiplier_ratio": str(meter.multiplier),
            "register_digits": "6",
            "register_decimals": str(DECIMALS),
            "start_register_unscaled": f"{meter.start_register}.{'0' * DECIMALS}",
            "capacity_kva": CONTRACTS[letter]["contract_capacity_kva"],
            "provenance": "simulated",
            "sent_at": f"{first.first_day.isoformat()} 08:00:00",
        }
        for letter, meter in METERS.items()
    ]


def _write_declared(path: Path, table: type[Table], rows: Sequence[Mapping[str, str]]) -> Path:
    """A file in the declared form: the columns that every file has, without those of the receipt, then
    ``sent_at``; what a row lacks stays empty.
    """
    header = (
        *(field.name for field in table.fields() if field.name not in _RECEIVED and not field.optional),
        "sent_at",
    )
    surplus = {name for row in rows for name in row} - set(header)
    if surplus:
        raise UsageError(f"{table.name} has no column {', '.join(sorted(surplus))}.")
    return _write_csv(path, header, ([row.get(name, "") for name in header] for row in rows))


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    path.write_text(buffer.getvalue(), encoding="utf-8")
    return path


def _write_truth(folder: Path, months: Sequence[BillingMonth], seed: int) -> None:
    content = {
        "note": "Simulated. What is true of the simulated malls; never an input of the platform.",
        "seed": seed,
        "prices": [
            {
                "supplier_customer_id": supplier.customer_id,
                "billing_month": str(month),
                "price_cny_per_kwh": str(supplier.price(month)),
            }
            for supplier in SUPPLIERS.values()
            for month in months
        ],
        "quirks": [
            {"tenant_id": f"SIM-TENANT-{letter}-{number:03d}"} | _quirk(quirk)
            for letter, supplier in SUPPLIERS.items()
            for number, quirk in supplier.quirks.items()
        ],
    }
    put_file(folder / TRUTH_FILE, (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())


def _quirk(quirk: Quirk) -> dict[str, str]:
    usual = vars(Quirk())
    return {name: str(value) for name, value in vars(quirk).items() if value != usual[name]}
