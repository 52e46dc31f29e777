"""The steel works' summer as received files, and settings under which its baseline learns from July alone."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pipelines.ingest.read_files import ingest
from pipelines.settings import packaged
from pipelines.storage.store import Store


def receive_steel(store: Store, inbox: Path, months: Sequence[str], now: datetime) -> None:
    """Puts two months of the works into an inbox and reads them."""
    inbox.mkdir()
    steel = packaged("samples") / "steel"
    names = [f"E_MP_{kind}_{month}.csv" for kind in ("DAY_READ", "POWER_CURVE") for month in months]
    for path in [steel / name for name in ("customers.csv", "meter_points.csv", *names)]:
        shutil.copyfile(path, inbox / path.name)
    shutil.copyfile(packaged("samples") / "buildings" / "weather.csv.gz", inbox / "weather.csv.gz")
    assert ingest(store, inbox, "first", now).accepted == 7


def conf_of_a_month(folder: Path) -> Path:
    """The packaged settings below a folder, by which a month of reference is enough."""
    conf = Path(shutil.copytree(packaged("conf"), folder))
    bill = (conf / "efficiency_bill.yaml").read_text(encoding="utf-8")
    bill = bill.replace("least_reference_days: 60", "least_reference_days: 30")
    (conf / "efficiency_bill.yaml").write_text(bill, encoding="utf-8")
    return conf
