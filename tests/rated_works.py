"""September 2026 of the steel works as if its meter had registers of the rates: the real curve, cumulated by
the hours of the schedule.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path

from pipelines.settings import packaged

STEEL = packaged("samples") / "steel"
MONTH = "2026-09"
ACTIVE = "1"
MULTIPLIER = 1000
STEP_KWH = 0.01
# 浙发改价格〔2026〕112号, spring and autumn, by hand: 峰 16-23, 平 7-11 14-16 23-24, 谷 0-7 11-14; no 尖.
RATE_OF_HOUR = [3] * 7 + [2] * 4 + [3] * 3 + [2] * 2 + [1] * 7 + [2]


def rows_of(kind: str, month: str = MONTH) -> list[dict[str, str]]:
    with (STEEL / f"E_MP_{kind}_{month}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def as_csv(rows: list[dict[str, str]]) -> str:
    return "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)]) + "\n"


def true_kwh(day: date) -> list[float]:
    """Energy of each quarter hour as the samples have it. [kWh]"""
    row = next(
        row for row in rows_of("POWER_CURVE") if row["DATA_TYPE"] == ACTIVE and row["DATA_DATE"] == str(day)
    )
    return [float(Decimal(row[f"P{point}"]) * MULTIPLIER / 4) for point in range(1, 97)]


def by_rate(energy: list[float]) -> list[float]:
    """Energy of a day's quarter hours by rate. [kWh]"""
    return [
        sum(value for slot, value in enumerate(energy) if RATE_OF_HOUR[slot // 4] == rate)
        for rate in range(4)
    ]


def with_rates(rows: list[dict[str, str]], first: date) -> Iterator[dict[str, str]]:
    """Day reads with R1 to R4 from a day on, cut off at the register's five decimals; each rate starts
    somewhere.
    """
    energy = {
        row["DATA_DATE"]: [Decimal(row[f"P{point}"] or 0) / 4 for point in range(1, 97)]
        for row in rows_of("POWER_CURVE")
        if row["DATA_TYPE"] == ACTIVE
    }
    total = {row["DATA_DATE"]: Decimal(row["R"]) for row in rows if row["READ_TYPE"] == ACTIVE}
    counted = [Decimal("0.000003"), Decimal("120.000007"), Decimal("80.000001")]
    for row in rows:
        if row["READ_TYPE"] == ACTIVE and row["DATA_DATE"] >= str(first):
            if row["DATA_DATE"] > str(first):
                parts = energy[row["DATA_DATE"]]
                counted = [
                    was + sum(part for slot, part in enumerate(parts) if RATE_OF_HOUR[slot // 4] == rate)
                    for rate, was in enumerate(counted)
                ]
            shown = [value.quantize(Decimal("0.00001"), ROUND_FLOOR) for value in counted]
            yield row | {
                "R1": f"{shown[0]}",
                "R2": f"{shown[1]}",
                "R3": f"{shown[2]}",
                "R4": f"{total[row['DATA_DATE']] - sum(shown)}",
            }
        else:
            yield row


def with_gap(row: dict[str, str], day: date, points: range) -> dict[str, str]:
    """The active curve of a day without some points."""
    if row["DATA_TYPE"] != ACTIVE or row["DATA_DATE"] != str(day):
        return row
    flags = "".join("0" if point in points else "1" for point in range(1, 97))
    return row | {f"P{point}": "" for point in points} | {"DATA_WHOLE_FLAG": flags}


def write_month(folder: Path, day: date, points: range, first: date) -> list[Path]:
    """August as it is, September with rates and a gap, customer and meter point."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "reads.csv").write_text(as_csv(list(with_rates(rows_of("DAY_READ"), first))), encoding="utf-8")
    (folder / "curves.csv").write_text(
        as_csv([with_gap(row, day, points) for row in rows_of("POWER_CURVE")]), encoding="utf-8"
    )
    others = (
        "customers.csv",
        "meter_points.csv",
        "E_MP_DAY_READ_2026-08.csv",
        "E_MP_POWER_CURVE_2026-08.csv",
    )
    return [folder / "reads.csv", folder / "curves.csv", *(STEEL / name for name in others)]
