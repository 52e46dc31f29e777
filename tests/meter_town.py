"""A small town of 24 meter points whose deliveries tests compose: received files as text, made of formulae
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from math import pi, sin

from pipelines.codes import CustomerClass

POINTS = tuple(f"MP-{number:02}" for number in range(1, 25))
NEW = "MP-16"
EMPTY = ("MP-15", date(2026, 9, 2))
"""The only day that this meter point sends, and not one value came: nothing but the profile of its class can
fill it.
"""
INSTALLED = date(2026, 7, 1)
FIRST, LAST = date(2026, 8, 24), date(2026, 9, 9)
LATE = ("MP-01", date(2026, 9, 5))

CURVE_COLUMNS = [
    "ID",
    "DATA_DATE",
    "DATA_TYPE",
    "DATA_POINT_FLAG",
    "DATA_WHOLE_FLAG",
    *(f"P{place}" for place in range(1, 97)),
    "INSERT_TIME",
]
READ_COLUMNS = "ID,READ_TYPE,DATA_DATE,COLL_TIME,R,R1,R2,R3,R4,STATUS,INSERT_TIME"
POINT_COLUMNS = (
    "meter_point_id,valid_from_date,customer_id,meter_id,multiplier_ratio,register_digits,register_decimals,"
    "start_register_unscaled,previous_end_register_unscaled,capacity_kva,provenance,sent_at"
)
CUSTOMER_COLUMNS = (
    "customer_id,valid_from_date,customer_name,city,industry_code,peer_group,customer_class_code,"
    "pricing_scheme_code,voltage_level_code,"
    "contract_capacity_kva,running_capacity_kva,demand_basis_code,contract_demand_kw,"
    "power_factor_standard_ratio,is_time_of_use,floor_area_m2,"
    "weather_station_id,opened_date,closed_date,provenance,sent_at"
)
EVENT_COLUMNS = "event_id,customer_id,event_code,started_date,ended_date,detail,provenance,sent_at"


def customer_of(point: str) -> str:
    """Two neighbouring meter points share a customer."""
    return f"C-{(POINTS.index(point)) // 2 + 1:02}"


def days(first: date = FIRST, last: date = LAST) -> list[date]:
    """Every day from one to another."""
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def powers(point: str, day: date) -> list[float]:
    """Mean power of each quarter of an hour, before the multiplier. [kW]"""
    own = POINTS.index(point) + 3
    return [
        round(
            3 + own / 10 + 2 * sin(2 * pi * slot / 96 + own) + 0.3 * sin(slot * own / 7 + day.toordinal()), 4
        )
        for slot in range(96)
    ]


def day_energy(point: str, day: date) -> float:
    """What the register of the day advances by, before the multiplier. [kWh]"""
    return round(sum(powers(point, day)) / 4, 4)


def curves(rows: Iterable[tuple[str, date]], power: Callable[[str, date], Sequence[float]] = powers) -> str:
    """A file of active power."""
    lines = []
    for point, day in rows:
        values = [""] * 96 if (point, day) == EMPTY else map(str, power(point, day))
        flags = ("0" if (point, day) == EMPTY else "1") * 96
        lines.append(
            ",".join([point, str(day), "1", "1", flags, *values, f"{day + timedelta(days=1)} 01:10:00"])
        )
    return "\n".join([",".join(CURVE_COLUMNS), *lines]) + "\n"


def reads(rows: Iterable[tuple[str, date]], added: float = 0.0, sent: str = "02:00:00") -> str:
    """A file of active registers at the end of days; what is added stands on each."""
    lines = []
    for point, day in rows:
        register = 100 + added + sum(day_energy(point, each) for each in days(FIRST, day))
        lines.append(f"{point},1,{day},{day} 23:59:59,{register:.4f},,,,,,{day + timedelta(days=1)} {sent}")
    return "\n".join([READ_COLUMNS, *lines]) + "\n"


def meter_points(
    points: Iterable[str], since: date = INSTALLED, multiplier: int = 10, meter: str = "A"
) -> str:
    """A file of meters at meter points."""
    lines = [
        (
            f"{point},{since},{customer_of(point)},{meter}-{point},{multiplier},6,4,,,400,simulated,{since} "
            "08:00:00"
        )
        for point in points
    ]
    return "\n".join([POINT_COLUMNS, *lines]) + "\n"


def customers(
    names: Iterable[str], since: date = INSTALLED, customer_class: CustomerClass | None = None
) -> str:
    """A file of terms; two customers pay as agriculture does, unless told otherwise."""
    lines = []
    for name in names:
        usual = CustomerClass.AGRICULTURE if name in ("C-07", "C-08") else CustomerClass.GENERAL_COMMERCIAL
        terms = f"single_part,1_to_20kv,,,,,,true,,,{since},,simulated,{since} 08:00:00"
        lines.append(f"{name},{since},simulated {name},,,town,{customer_class or usual},{terms}")
    return "\n".join([CUSTOMER_COLUMNS, *lines]) + "\n"


def event(number: int, customer: str, first: date, last: date | None = None, code: str = "outage") -> str:
    """A file of one event."""
    return (
        f"{EVENT_COLUMNS}\n"
        f"E-{number},{customer},{code},{first},{last or ''},feeder work,simulated,{first} 08:00:00\n"
    )


def beginning() -> dict[str, str]:
    """What everybody sends first: no curve of ``LATE``, data of ``NEW`` before its meter point is known."""
    known = [point for point in POINTS if point != NEW]
    rows = [
        (point, day)
        for point in POINTS
        for day in days()
        if (point, day) != LATE and (point != EMPTY[0] or day == EMPTY[1])
    ]
    return {
        "customers.csv": customers(sorted({customer_of(point) for point in known})),
        "meter_points.csv": meter_points(known),
        "curves.csv": curves(rows),
        "reads.csv": reads([(point, day) for point in POINTS for day in days()]),
    }
