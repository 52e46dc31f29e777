"""The buildings of the Building Data Genome: real daily energy as frozen registers, with customers and
weather.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from pathlib import Path

import pyarrow.parquet as pq

from pipelines.tables.bronze import BronzeCustomers, BronzeMeterPoints, BronzeWeather
from sample_sources.received import DAY_READ_COLUMNS, day_read_row, declared_header, declared_row
from sample_sources.writing import Origin, SampleFolder

FIRST_COVERED, LAST_COVERED = date(2026, 9, 1), date(2026, 9, 30)
SOURCE = "Building Data Genome 1, github.com/buds-lab/the-building-data-genome-project"
LICENCE = "MIT"
_READS = Origin(SOURCE, LICENCE, ("real", "dates_shifted", "derived"))
_TERMS = Origin(SOURCE, LICENCE, ("real", "dates_shifted", "derived", "assumed"))
_WEATHER = Origin(SOURCE, LICENCE, ("real", "dates_shifted"))
_STEP = Decimal("0.01")


@dataclass(frozen=True)
class Building:
    """One building of the source.

    energy       Energy of each day from ``first_day`` on, without gaps. [kWh]
    shift_weeks  By how many weeks its dates are moved.
    """

    uid: str
    use: str
    floor_area_m2: Decimal
    weather_file: str
    first_day: date
    energy: tuple[Decimal, ...]
    shift_weeks: int

    @property
    def shifted_first_day(self) -> date:
        """First day of energy after the move."""
        return self.first_day + timedelta(weeks=self.shift_weeks)

    @property
    def customer_id(self) -> str:
        """Customer number."""
        return f"BDG-{self.uid}"

    @property
    def meter_point_id(self) -> str:
        """Meter point."""
        return f"MP-BDG-{self.uid}"

    @property
    def station_id(self) -> str:
        """Weather station, whose dates are moved as the building's are."""
        return station_id(self.weather_file, self.shift_weeks)


def station_id(weather_file: str, shift_weeks: int) -> str:
    """A station under one shift; the same station under another is another one."""
    return f"{weather_file.removesuffix('.csv')}+{shift_weeks}w"


def nearest_shift_weeks(first_day: date, last_day: date) -> int:
    """The whole-week shift nearest a whole number of years by which [first_day, last_day] covers September
    2026.

    The smaller of two equally near ones. Whole weeks keep the weekday, whole years nearly keep the season.
    """
    least = -((first_day - LAST_COVERED).days // 7) - 10
    candidates = [
        weeks
        for weeks in range(max(least - 60, 0), least + 60)
        if first_day + timedelta(weeks=weeks) <= FIRST_COVERED
        and last_day + timedelta(weeks=weeks) >= LAST_COVERED
    ]
    if not candidates:
        raise ValueError(f"{first_day} to {last_day} cannot cover September 2026")
    return min(
        candidates,
        key=lambda weeks: (_days_off_whole_years(first_day, first_day + timedelta(weeks=weeks)), weeks),
    )


def _days_off_whole_years(origin: date, moved: date) -> int:
    return min(
        abs((moved - origin.replace(year=year)).days) for year in (moved.year - 1, moved.year, moved.year + 1)
    )


def read_source(folder: Path) -> list[Building]:
    """All buildings by uid."""
    table = pq.read_table(folder / "bdg1_daily.parquet").sort_by(
        [("uid", "ascending"), ("date", "ascending")]
    )
    energy: dict[str, list[Decimal]] = defaultdict(list)
    first_days: dict[str, date] = {}
    for uid, day, kwh in zip(
        table["uid"].to_pylist(), table["date"].to_pylist(), table["kwh"].to_pylist(), strict=True
    ):
        first = first_days.setdefault(uid, date.fromisoformat(day))
        if date.fromisoformat(day) != first + timedelta(days=len(energy[uid])):
            raise ValueError(f"{uid} has a gap before {day}")
        energy[uid].append(Decimal(repr(kwh)))
    with (folder / "bdg1_meta.csv").open(encoding="utf-8", newline="") as lines:
        meta = {row["uid"]: row for row in csv.DictReader(lines)}
    return [_building(meta[uid], first_days[uid], tuple(energy[uid])) for uid in sorted(energy)]


def _building(meta: Mapping[str, str], first_day: date, energy: tuple[Decimal, ...]) -> Building:
    last_day = first_day + timedelta(days=len(energy) - 1)
    area = Decimal(meta["sqm"]).quantize(_STEP, ROUND_HALF_UP)
    shift = nearest_shift_weeks(first_day, last_day)
    return Building(
        meta["uid"], meta["primaryspaceusage"], area, meta["newweatherfilename"], first_day, energy, shift
    )


def make(folder: Path, samples: SampleFolder) -> None:
    """Writes ``samples/buildings/``."""
    buildings = read_source(folder)
    rows = sorted(
        (row for building in buildings for row in _register_rows(building)), key=lambda row: (row[2], row[0])
    )
    for month, of_month in groupby(rows, key=lambda row: row[2][:7]):
        samples.csv(
            f"buildings/E_MP_DAY_READ_{month}.csv.gz", DAY_READ_COLUMNS, of_month, _READS, "e_mp_day_read_csv"
        )
    customers = [declared_row(BronzeCustomers, _customer(building)) for building in buildings]
    samples.csv(
        "buildings/customers.csv",
        declared_header(BronzeCustomers),
        customers,
        _TERMS,
        "declared_customers_csv",
    )
    meter_points = [declared_row(BronzeMeterPoints, _meter_point(building)) for building in buildings]
    samples.csv(
        "buildings/meter_points.csv",
        declared_header(BronzeMeterPoints),
        meter_points,
        _TERMS,
        "declared_meter_points_csv",
    )
    _make_weather(folder, {(building.weather_file, building.shift_weeks) for building in buildings}, samples)
    header = ("building", "shift_weeks", "source_first_day", "shifted_first_day")
    shifts = [
        [found.uid, str(found.shift_weeks), found.first_day.isoformat(), found.shifted_first_day.isoformat()]
        for found in buildings
    ]
    samples.csv("buildings/shifts.csv", header, shifts, _READS, None)


def _register_rows(building: Building) -> Iterator[list[str]]:
    """Registers cumulated exactly from zero and shown to 0.01, so no day is off by more than 0.01 kWh; cut
    after September 2026.
    """
    total = Decimal(0)
    yield day_read_row(
        building.meter_point_id, "1", building.shifted_first_day - timedelta(days=1), total.quantize(_STEP)
    )
    for number, kwh in enumerate(building.energy):
        day = building.shifted_first_day + timedelta(days=number)
        if day > LAST_COVERED:
            break
        total += kwh
        yield day_read_row(building.meter_point_id, "1", day, total.quantize(_STEP, ROUND_HALF_UP))


def _customer(building: Building) -> dict[str, str]:
    first = (building.shifted_first_day - timedelta(days=1)).isoformat()
    return {
        "customer_id": building.customer_id,
        "valid_from_date": first,
        "customer_name": f"示例建筑 {building.uid.replace('_', ' ')}（真实用电，日期平移）",
        "peer_group": building.use,
        "customer_class_code": "general_commercial",
        "pricing_scheme_code": "single_part",
        "voltage_level_code": "1_to_20kv",
        "is_time_of_use": "false",
        "floor_area_m2": str(building.floor_area_m2),
        "weather_station_id": building.station_id,
        "provenance": "+".join(_TERMS.provenance),
        "sent_at": f"{first} 08:00:00",
    }


def _meter_point(building: Building) -> dict[str, str]:
    first = (building.shifted_first_day - timedelta(days=1)).isoformat()
    return {
        "meter_point_id": building.meter_point_id,
        "valid_from_date": first,
        "customer_id": building.customer_id,
        "meter_id": f"METER-BDG-{building.uid}",
        "multiplier_ratio": "1",
        "register_digits": "8",
        "register_decimals": "2",
        "start_register_unscaled": "0.00",
        "provenance": "+".join(_TERMS.provenance),
        "sent_at": f"{first} 08:00:00",
    }


def _make_weather(folder: Path, used: set[tuple[str, int]], samples: SampleFolder) -> None:
    """The days of each station under each shift it is used with, cut as the buildings are."""
    table = pq.read_table(folder / "bdg1_weather_daily.parquet").sort_by(
        [("weatherfile", "ascending"), ("date", "ascending")]
    )
    days = defaultdict(list)
    for row in table.to_pylist():
        days[row["weatherfile"]].append(row)
    rows = []
    for weather_file, shift_weeks in sorted(used):
        for source in days[weather_file]:
            day = date.fromisoformat(source["date"]) + timedelta(weeks=shift_weeks)
            if day > LAST_COVERED:
                continue
            values = {
                "station_id": station_id(weather_file, shift_weeks),
                "weather_date": day.isoformat(),
                "mean_celsius": _celsius(source["tmean_c"]),
                "min_celsius": _celsius(source["tmin_c"]),
                "max_celsius": _celsius(source["tmax_c"]),
                "observed_hours": str(source["hours"]),
                "provenance": "+".join(_WEATHER.provenance),
                "sent_at": f"{(day + timedelta(days=1)).isoformat()} 06:00:00",
            }
            rows.append(declared_row(BronzeWeather, values))
    samples.csv(
        "buildings/weather.csv.gz", declared_header(BronzeWeather), rows, _WEATHER, "declared_weather_csv"
    )


def _celsius(value: float) -> str:
    """A temperature to 0.01 degrees: the source's means of whole hours have no more to say."""
    return str(Decimal(repr(value)).quantize(_STEP, ROUND_HALF_UP))
