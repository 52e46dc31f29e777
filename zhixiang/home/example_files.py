"""One small example file of each received kind: the samples' real energy under neutral numbers, and what is
simulated beside it, which says so.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from pipelines.facts.monthly_prices import EXAMPLE_DOCUMENT
from pipelines.formats.contract import declared_columns
from pipelines.tables import bronze
from pipelines.tables.base import Table

Row = Mapping[str, str]

MONTHS = ("2026-08", "2026-09")
READ_MONTHS = tuple(f"2026-{month:02d}" for month in range(1, 10))
CURVE_MONTHS = MONTHS
# Customer of the samples -> its number and name in the example, and where its files are.
_WORKS, _OFFICE, _HALL = "STEEL-0001", "BDG-Office_Abbey", "BDG-Office_Aliyah"
_CUSTOMERS = {
    _WORKS: ("EX-1001", "示例工厂（真实用电，日期平移，编号与合同为假设）"),
    _OFFICE: ("EX-1002", "示例写字楼（真实用电，日期平移，编号与合同为假设）"),
    _HALL: ("EX-1003", "示例转供电主体（真实用电，日期平移，编号与合同为假设）"),
}
_POINTS = {f"MP-{theirs}": f"MP-{number}" for theirs, (number, _) in _CUSTOMERS.items()}
_STATION, STATION = "weather0+574w", "EX-STATION-1"
_SIMULATED = "simulated"
# Shares of the hall's energy and prices of its simulated tenants: one is charged well above the others.
_TENANTS = (
    ("0.15", "0.93"),
    ("0.12", "0.93"),
    ("0.10", "0.93"),
    ("0.20", "0.93"),
    ("0.08", "0.93"),
    ("0.11", "1.40"),
)
# Days after the due day on which the simulated payments came.
_PAID_AFTER = {"EX-1001": -3, "EX-1002": -8, "EX-1003": 12}
_FEN = Decimal("0.01")

_PRICE_PARTS = (("purchase", "0.4380"), ("line_loss", "0.0180"), ("system_operation", "0.0690"))


def example_prices() -> str:
    """A price file of the shape that ``facts load-prices`` takes; it says that its prices are illustrative,
    and a bill on them says so too.
    """
    return "month,component,price_cny_per_kwh,document,published_on,confidence\n" + "".join(
        f"{month},{part},{price},{EXAMPLE_DOCUMENT},"
        f"{date.fromisoformat(month + '-01') - timedelta(days=3)},illustrative\n"
        for month in MONTHS
        for part, price in _PRICE_PARTS
    )


def write_example_files(folder: Path, samples: Path) -> list[Path]:
    """Writes the example files and returns them; same samples, same bytes.

    folder   Exists; the files appear in it under their final names.
    samples  The samples that ship with the program.
    """
    reads = _metering(samples, "E_MP_DAY_READ", READ_MONTHS)
    files: dict[str, tuple[Sequence[str], Iterable[Sequence[str]]]] = {
        "example_customers.csv": _declared(bronze.BronzeCustomers, _terms(samples)),
        "example_meter_points.csv": _declared(bronze.BronzeMeterPoints, _meters(samples)),
        "example_E_MP_POWER_CURVE.csv": _metering(samples, "E_MP_POWER_CURVE", CURVE_MONTHS),
        "example_E_MP_DAY_READ.csv": reads,
        "example_weather.csv": _declared(bronze.BronzeWeather, _weather(samples)),
        "example_supply_shares.csv": _declared(bronze.BronzeSupplyShares, [_SHARE]),
        "example_simulated_payments.csv": _declared(bronze.BronzePayments, _payments()),
        "example_simulated_events.csv": _declared(bronze.BronzeEvents, [_EVENT]),
        "example_simulated_transfer_declarations.csv": _declared(
            bronze.BronzeTransferDeclarations, _declarations(*reads)
        ),
    }
    written = []
    for name, (header, rows) in files.items():
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([header, *rows])
        (folder / name).write_text(text.getvalue(), encoding="utf-8")
        written.append(folder / name)
    return written


def _declared(table: type[Table], rows: Iterable[Row]) -> tuple[Sequence[str], list[list[str]]]:
    optional = {field.name for field in table.fields() if field.optional}
    header = [*(name for name in declared_columns(table) if name not in optional), "sent_at"]
    return header, [[row.get(name, "") for name in header] for row in rows]


def _lines(path: Path) -> tuple[list[str], list[list[str]]]:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    return header, rows


def _rows(path: Path, wanted: Callable[[Row], bool]) -> list[dict[str, str]]:
    header, rows = _lines(path)
    named = (dict(zip(header, row, strict=True)) for row in rows)
    return [row for row in named if wanted(row)]


def _terms(samples: Path) -> list[dict[str, str]]:
    found = []
    for place in ("steel", "buildings"):
        for row in _rows(samples / place / "customers.csv", lambda row: row["customer_id"] in _CUSTOMERS):
            number, name = _CUSTOMERS[row["customer_id"]]
            station = STATION if row["weather_station_id"] == _STATION else ""
            found.append({**row, "customer_id": number, "customer_name": name, "weather_station_id": station})
    return found


def _meters(samples: Path) -> list[dict[str, str]]:
    found = []
    for place in ("steel", "buildings"):
        for row in _rows(samples / place / "meter_points.csv", lambda row: row["customer_id"] in _CUSTOMERS):
            number, _ = _CUSTOMERS[row["customer_id"]]
            point = _POINTS[row["meter_point_id"]]
            found.append(
                {**row, "meter_point_id": point, "customer_id": number, "meter_id": f"METER-{number}"}
            )
    return found


def _metering(samples: Path, kind: str, months: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """The lines of the example's meter points out of the samples' files of a kind, under its own numbers."""
    header: list[str] = []
    found: list[list[str]] = []
    for month in months:
        for path in sorted(samples.glob(f"*/{kind}_{month}.csv*")):
            header, rows = _lines(path)
            place = header.index("ID")
            for row in rows:
                if row[place] in _POINTS:
                    row[place] = _POINTS[row[place]]
                    found.append(row)
    return header, found


def _weather(samples: Path) -> list[dict[str, str]]:
    rows = _rows(samples / "buildings" / "weather.csv.gz", lambda row: row["station_id"] == _STATION)
    return [{**row, "station_id": STATION} for row in rows if row["weather_date"][:7] in READ_MONTHS]


_SHARE = {
    "share_id": "EX-SHARE-1",
    "valid_from_date": "2026-01-04",
    "main_meter_point_id": "MP-EX-1001",
    "section_name": "示例食堂（定量，假设）",
    "share_kwh": "1500",
    "customer_class_code": "general_commercial",
    "voltage_level_code": "1_to_20kv",
    "is_time_of_use": "false",
    "provenance": "assumed",
    "sent_at": "2026-01-04 08:00:00",
}
_EVENT = {
    "event_id": "EX-EVENT-1",
    "customer_id": "EX-1003",
    "event_code": "complaint",
    "started_date": "2026-07-06",
    "ended_date": "2026-07-08",
    "detail": "模拟事件 simulated event",
    "provenance": _SIMULATED,
    "sent_at": "2026-07-09 08:00:00",
}


def _payments() -> list[dict[str, str]]:
    found = []
    for number, late in _PAID_AFTER.items():
        for month in range(1, 9):
            due = date(2026, month + 1, 20)
            paid = due + timedelta(days=late)
            found.append(
                {
                    "customer_id": number,
                    "billing_month": f"2026-{month:02d}",
                    "billed_cny": f"{20000 + 500 * month:.2f}",
                    "due_date": due.isoformat(),
                    "paid_date": paid.isoformat(),
                    "paid_cny": f"{20000 + 500 * month:.2f}",
                    "provenance": _SIMULATED,
                    "sent_at": f"{paid + timedelta(days=1)} 08:00:00",
                }
            )
    return found


def _declarations(header: Sequence[str], reads: Iterable[Sequence[str]]) -> list[dict[str, str]]:
    """What simulated tenants declare of the hall's real energy."""
    point, day, register = (header.index(name) for name in ("ID", "DATA_DATE", "R"))
    hall = _POINTS[f"MP-{_HALL}"]
    registers = {row[day]: Decimal(row[register]) for row in reads if row[point] == hall}
    found = []
    for month in MONTHS:
        first = date.fromisoformat(f"{month}-01")
        after = (first + timedelta(days=31)).replace(day=1)
        energy = registers[str(after - timedelta(days=1))] - registers[str(first - timedelta(days=1))]
        for place, (share, price) in enumerate(_TENANTS, start=1):
            used = (energy * Decimal(share)).quantize(_FEN)
            found.append(
                {
                    "declaration_id": f"EX-DECL-{month}-{place}",
                    "tenant_id": f"EX-TENANT-{place}",
                    "tenant_name": f"模拟租户{place}",
                    "supplier_customer_id": _CUSTOMERS[_HALL][0],
                    "billing_month": month,
                    "energy_kwh": str(used),
                    "fee_cny": str((used * Decimal(price)).quantize(_FEN)),
                    "other_charge_cny": "0",
                    "provenance": _SIMULATED,
                    "sent_at": f"{after + timedelta(days=4)} 08:00:00",
                }
            )
    return found
