"""The steel works delivered as long files under a declared mapping: the same month comes out of the whole
chain.
"""

from __future__ import annotations

import csv
import json
import shutil
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.settings import Settings, packaged
from pipelines.storage.store import Store
from pipelines.tables.bronze import BronzeFiles, BronzeLoadCurves
from pipelines.tables.gold import GoldBillingDeterminants
from pipelines.tables.silver import SilverDayCurves
from tests.command_line import zhixiang

pytestmark = pytest.mark.slow

STEEL = packaged("samples") / "steel"
MONTHS = ("2026-08", "2026-09", "2026-10")
CHANNELS = {"1": "kwh", "5": "lag_kvarh", "9": "lead_kvarh"}
MAPPING = """id: steel_quarter_hours
files: ["works_*.csv", "works_*.parquet"]
interval_minutes: 15
meter_point: {column: meter, prefix: MP-}
stamp: {column: begins, place: interval_start, zone: +08:00}
values:
  - {column: kwh, unit: kWh, channel: active_forward}
  - {column: lag_kvarh, unit: kvarh, channel: reactive_lagging}
  - {column: lead_kvarh, unit: kvarh, channel: reactive_leading}
received_at: {column: sent, zone: +08:00}
"""


def quarter_hours(month: str) -> list[dict[str, Any]]:
    """A month of the samples as one row a quarter of an hour, by the begin of the interval: kWh and kvarh
    before the multiplier.
    """
    found: dict[datetime, dict[str, Any]] = {}
    with (STEEL / f"E_MP_POWER_CURVE_{month}.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            for point in range(96):
                begins = datetime.combine(
                    date.fromisoformat(row["DATA_DATE"]), datetime.min.time()
                ) + timedelta(minutes=15 * point)
                entry = found.setdefault(
                    begins, {"meter": "STEEL-0001", "begins": f"{begins}", "sent": row["INSERT_TIME"]}
                )
                mean_power = row[f"P{point + 1}"]
                entry[CHANNELS[row["DATA_TYPE"]]] = float(mean_power) * 0.25 if mean_power else None
    return [found[begins] for begins in sorted(found)]


def told(place: Path, *arguments: str) -> Any:
    answer = zhixiang(place / "home", *arguments, "--json", ZHIXIANG_CONF=str(place / "conf"))
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A home after ``run --month 2026-09 --to gold``: two months as CSV, one as Parquet, no file of the
    original format.
    """
    place = tmp_path_factory.mktemp("long")
    shutil.copytree(packaged("conf"), place / "conf")
    (place / "conf" / "mappings").mkdir()
    (place / "conf" / "mappings" / "steel.yaml").write_text(MAPPING, encoding="utf-8")
    inbox = place / "home" / "inbox"
    inbox.mkdir(parents=True)
    for path in [*STEEL.glob("E_MP_DAY_READ_*.csv"), STEEL / "customers.csv", STEEL / "meter_points.csv"]:
        shutil.copy(path, inbox)
    for month in MONTHS:
        rows = quarter_hours(month)
        if month == "2026-08":
            pq.write_table(pa.Table.from_pylist(rows), inbox / f"works_{month}.parquet")
            continue
        with (inbox / f"works_{month}.csv").open("w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, ["sent", "begins", "meter", *CHANNELS.values()])
            writer.writeheader()
            writer.writerows(rows)
    answer = told(place, "run", "--month", "2026-09", "--to", "gold")
    assert (answer["exit_code"], answer["ingest"]["refused"], answer["ingest"]["quarantined_rows"]) == (
        0,
        [],
        0,
    )
    return Store(Settings(place / "conf", place / "home"))


def test_the_ledger_names_the_mapping_and_bronze_keeps_the_unit(store: Store) -> None:
    formats = {
        row["source_file"]: row["format_id"]
        for row in store.arrow(BronzeFiles).to_pylist()
        if row["source_file"].startswith("works_")
    }
    assert formats == {
        f"works_{month}.{'parquet' if month == '2026-08' else 'csv'}": "long_steel_quarter_hours"
        for month in MONTHS
    }
    bronze = store.arrow(BronzeLoadCurves, ["measure_code", "interval_minutes", "meter_point_id"])
    assert {tuple(row.values()) for row in bronze.to_pylist()} == {("energy", 15, "MP-STEEL-0001")}


def test_silver_holds_what_was_sent_times_the_multiplier_at_the_begin_of_each_interval(store: Store) -> None:
    days = store.arrow(SilverDayCurves, ["channel_code", "curve_date", "measured_kwh_or_kvarh"]).to_pylist()
    found = {(row["channel_code"], row["curve_date"]): row["measured_kwh_or_kvarh"] for row in days}
    compared = 0
    for month in MONTHS[:2]:
        rows = quarter_hours(month)
        for column, channel in {
            "kwh": "active_forward",
            "lag_kvarh": "reactive_lagging",
            "lead_kvarh": "reactive_leading",
        }.items():
            for first in range(0, len(rows), 96):
                sent = [row[column] * 1000 for row in rows[first : first + 96]]
                assert rows[first]["begins"].endswith("00:00:00")
                np.testing.assert_allclose(
                    found[channel, date.fromisoformat(rows[first]["begins"][:10])], sent, rtol=1e-12
                )
                compared += 1
    assert compared == 3 * (31 + 30)


def test_september_is_settled_as_from_the_original_files(store: Store) -> None:
    (month,) = [
        row for row in store.arrow(GoldBillingDeterminants).to_pylist() if row["billing_month"] == "2026-09"
    ]
    energy = {name: Decimal(month[f"{name}_kwh"]) for name in ("peak", "flat", "valley")}
    assert (Decimal(month["energy_kwh"]), month["max_demand_kw"]) == (Decimal("60916.39"), 505.0)
    assert energy == {"peak": Decimal("19798.27"), "flat": Decimal("27504.26"), "valley": Decimal("13613.86")}
    assert (Decimal(month["lagging_kvarh"]), Decimal(month["leading_kvarh"])) == (
        Decimal("34985.37"),
        Decimal("8885.74"),
    )
    assert (month["metered_days"], month["estimated_ratio"], month["missing_inputs"]) == (30, 0.0, [])
