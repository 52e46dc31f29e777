"""Silver of one month to gold_data_sufficiency: which days are whole, what was estimated, what is missing,
how long the longest gap is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, FloatArray, Int8Array, IntArray
from pipelines.codes import Channel, IntervalStatus, RegisterRule, Severity
from pipelines.periods import DAY_MINUTES, EPOCH, BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.tables.base import DATE, STRING
from pipelines.tables.sufficiency import SUFFICIENCY_SCHEMA
from pipelines.transforms.ground.in_force import row_in_force
from pipelines.transforms.ground.keyed_rows import ranks
from pipelines.vee import CHECKS

REGISTER_COLUMNS = ("meter_point_id", "channel_code", "energy_date", "span_days", "register_rule_code")
CURVE_COLUMNS = (
    "meter_point_id",
    "channel_code",
    "curve_date",
    "interval_minutes",
    "final_kwh_or_kvarh",
    "interval_status_codes",
    "failed_checks",
)
FINDING_COLUMNS = ("meter_point_id", "check_id")
CURVE, REGISTER, NOTHING = "curve", "register", "none"
REASONS = ("estimated", "missing")
COUNTED = (Severity.INFO, Severity.WARN, Severity.INVALID)

MISSING, MEASURED, ESTIMATED = 0, 1, 2
_STATE = np.array(
    [
        MISSING if status is IntervalStatus.MISSING else ESTIMATED if status.is_estimated else MEASURED
        for status in IntervalStatus
    ]
)
_CHANNEL_ORDER = {channel.value: place for place, channel in enumerate(Channel)}
_FINDINGS = pa.schema([(name, STRING) for name in FINDING_COLUMNS])
_SEVERITY = {check.id: check.severity for check in CHECKS}


@dataclass(frozen=True)
class _Judged:
    """One basis of one interval length: rows in the order of ``series``.

    states    (series x intervals of the month) MISSING, MEASURED or ESTIMATED.
    estimated (series) share of energy that was estimated; None: the share of the expected intervals.
    """

    series: list[tuple[str, str]]
    states: Int8Array
    minutes: int
    basis: str
    estimated: FloatArray | None


def month_sufficiency(
    registers: pa.Table,
    curves: pa.Table,
    findings: Sequence[pa.Table],
    long_spans: pa.Table,
    points: pa.Table,
    month: BillingMonth,
    limits: PublicationSettings,
) -> pa.Table:
    """gold_data_sufficiency of one month without ``computed_run_id``, by meter point.

    registers   REGISTER_COLUMNS of silver_register_energy, rows of the month.
    curves      CURVE_COLUMNS of silver_day_curves, rows of the month.
    findings    FINDING_COLUMNS of the tables of findings, rows of the month.
    long_spans  REGISTER_COLUMNS, rows of any month that cover more than one day: those that close later may
                reach back into this month.
    points      silver_meter_points: whose customer, and on which days of the month there was a meter.
    """
    day_span = _expected_days(points, month)
    counted = _failed(curves, findings)
    judged = [*_judged_curves(curves, month), _judged_registers(registers, long_spans, month)]
    judged.append(_silent(points, judged, month))
    found = pa.concat_tables(
        [SUFFICIENCY_SCHEMA.empty_table()]
        + [
            _rows(part, rows, day_span, counted, month, limits)
            for part, rows in zip(judged, _first_channels(judged), strict=True)
        ]
    ).sort_by("meter_point_id")
    last = pa.chunked_array([pa.array([month.last_day] * found.num_rows, DATE)])
    place = row_in_force(found["meter_point_id"], last, points["meter_point_id"], points["valid_from_date"])
    customers = points["customer_id"].take(place)
    return found.set_column(found.column_names.index("customer_id"), "customer_id", customers).cast(
        SUFFICIENCY_SCHEMA
    )


def _first_channels(judged: list[_Judged]) -> list[IntArray]:
    """Rows of each part that stand for their meter point: its first channel; a curve says more than a
    register.
    """
    best: dict[str, tuple[tuple[int, int, int], int, int]] = {}
    for group, part in enumerate(judged):
        for row, (meter_point, channel) in enumerate(part.series):
            rank = (_CHANNEL_ORDER[channel], int(part.basis != CURVE), part.minutes)
            if meter_point not in best or rank < best[meter_point][0]:
                best[meter_point] = (rank, group, row)
    return [
        np.array(sorted(row for _, at, row in best.values() if at == group), dtype=np.int64)
        for group in range(len(judged))
    ]


def _expected_days(points: pa.Table, month: BillingMonth) -> dict[str, tuple[int, int]]:
    """First and last day of the month, counted from 0, on which each meter point had a meter."""
    opening, length = (month.first_day - EPOCH).days, month.day_count
    found: dict[str, tuple[int, int]] = {}
    first = (points["valid_from_date"].cast(pa.int32()).to_numpy() - opening).tolist()
    last = (
        pc.fill_null(points["valid_to_date"].cast(pa.int32()), opening + length).to_numpy() - opening
    ).tolist()
    for name, begins, ends in zip(points["meter_point_id"].to_pylist(), first, last, strict=True):
        known = found.get(name, (length, -1))
        found[name] = (min(known[0], max(0, begins)), max(known[1], min(length - 1, ends)))
    return found


def _judged_registers(registers: pa.Table, long_spans: pa.Table, month: BillingMonth) -> _Judged:
    first = (month.first_day - EPOCH).days
    if long_spans.num_rows:
        begins_inside = pc.less_equal(
            pc.subtract(long_spans["energy_date"].cast(pa.int32()), long_spans["span_days"]),
            first + month.day_count - 2,
        )
        closes_later = pc.greater_equal(long_spans["energy_date"].cast(pa.int32()), first + month.day_count)
        registers = pa.concat_tables(
            [
                registers.select(list(REGISTER_COLUMNS)),
                long_spans.select(list(REGISTER_COLUMNS)).filter(pc.and_(begins_inside, closes_later)),
            ]
        )
    registers = registers.filter(pc.not_equal(registers["register_rule_code"], RegisterRule.FIRST_READ.value))
    place, series = _series(registers)
    states = np.zeros((len(series), month.day_count), dtype=np.int8)
    closes = registers["energy_date"].cast(pa.int32()).to_numpy().astype(np.int64) - first
    span = pc.fill_null(registers["span_days"], 1).to_numpy().astype(np.int64)
    unsettled = pa.array(
        [rule.value for rule in (RegisterRule.DECREASE, RegisterRule.OVER_CAPACITY, RegisterRule.RESTART)]
    )  # they leave no energy
    settled = ~pc.is_in(registers["register_rule_code"], value_set=unsettled).to_numpy()
    for row in np.flatnonzero(settled & (span > 1)):
        states[place[row], max(0, closes[row] - span[row] + 1) : min(month.day_count, closes[row] + 1)] = (
            ESTIMATED
        )
    own = settled & (span <= 1) & (closes >= 0) & (closes < month.day_count)
    states[place[own], closes[own]] = MEASURED
    return _Judged(series, states, DAY_MINUTES, REGISTER, None)


def _silent(points: pa.Table, judged: Sequence[_Judged], month: BillingMonth) -> _Judged:
    """Billed meter points of which nothing came all month, as if their active energy was awaited day by
    day.
    """
    heard = {meter_point for part in judged for meter_point, _ in part.series}
    billed = points.filter(pc.is_valid(points["customer_id"]))["meter_point_id"]
    silent = sorted(set(billed.to_pylist()) - heard)
    series = [(meter_point, Channel.ACTIVE_FORWARD.value) for meter_point in silent]
    return _Judged(
        series, np.zeros((len(series), month.day_count), dtype=np.int8), DAY_MINUTES, NOTHING, None
    )


@dataclass
class _CurveDays:
    """Curves of one interval length, by series, day and slot."""

    series: list[tuple[str, str]]
    states: Int8Array
    came: BoolArray
    total: FloatArray
    guessed: FloatArray


def _judged_curves(curves: pa.Table, month: BillingMonth) -> list[_Judged]:
    found: dict[int, _CurveDays] = {}
    for minutes in sorted(pc.unique(curves["interval_minutes"]).to_pylist(), reverse=True):
        found[minutes] = _curve_days(
            curves.filter(pc.equal(curves["interval_minutes"], minutes)).combine_chunks(), minutes, month
        )
        for coarser in [length for length in found if length > minutes and length % minutes == 0]:
            _take_over(found[minutes], found[coarser], coarser // minutes)
    parts = []
    for minutes, part in sorted(found.items()):
        share = np.divide(part.guessed, part.total, out=np.zeros(len(part.series)), where=part.total > 0)
        parts.append(
            _Judged(
                part.series,
                part.states.reshape(len(part.series), -1),
                minutes,
                CURVE,
                np.clip(share, 0.0, 1.0),
            )
        )
    return parts


def _curve_days(rows: pa.Table, minutes: int, month: BillingMonth) -> _CurveDays:
    slots = DAY_MINUTES // minutes
    place, series = _series(rows)
    day = rows["curve_date"].cast(pa.int32()).to_numpy().astype(np.int64) - (month.first_day - EPOCH).days
    codes = pc.list_flatten(rows["interval_status_codes"]).to_numpy().reshape(-1, slots)
    final = np.nan_to_num(
        pc.list_flatten(rows["final_kwh_or_kvarh"]).to_numpy(zero_copy_only=False).astype(np.float64)
    ).reshape(-1, slots)
    states = np.zeros((len(series), month.day_count, slots), dtype=np.int8)
    states[place, day] = _STATE[codes]
    came = np.zeros(states.shape[:2], dtype=np.bool_)
    came[place, day] = True
    energies = (final.sum(axis=1), np.where(_STATE[codes] == ESTIMATED, final, 0.0).sum(axis=1))
    total, guessed = (np.bincount(place, energy, len(series)).astype(np.float64) for energy in energies)
    return _CurveDays(series, states, came, total, guessed)


def _take_over(finer: _CurveDays, coarser: _CurveDays, times: int) -> None:
    """Where the interval length of a series changed inside the month, its days of the coarser length count as
    days of the finer.
    """
    at = {name: place for place, name in enumerate(coarser.series)}
    for place, name in enumerate(finer.series):
        other = at.get(name)
        if other is None:
            continue
        days = coarser.came[other] & ~finer.came[place]
        finer.states[place, days] = np.repeat(coarser.states[other, days], times, axis=1)
        finer.came[place] |= days
        finer.total[place] += coarser.total[other]
        finer.guessed[place] += coarser.guessed[other]


def _series(rows: pa.Table) -> tuple[IntArray, list[tuple[str, str]]]:
    """Number of the meter point and channel of each row, and their names."""
    point, points = ranks(rows["meter_point_id"])
    channel, channels = ranks(rows["channel_code"])
    numbers, place = np.unique(point * max(1, len(channels)) + channel, return_inverse=True)
    return place.astype(np.int64), [
        (points[number // len(channels)], channels[number % len(channels)]) for number in numbers.tolist()
    ]


def _failed(curves: pa.Table, findings: Sequence[pa.Table]) -> Counter[tuple[str, Severity]]:
    """Days x checks of each severity by meter point."""
    ids = curves["failed_checks"].combine_chunks()
    fired = pa.table(
        [curves["meter_point_id"].take(pc.list_parent_indices(ids)), pc.list_flatten(ids)],
        names=list(FINDING_COLUMNS),
    )
    together = pa.concat_tables(
        [fired.cast(_FINDINGS), *(rows.select(list(FINDING_COLUMNS)).cast(_FINDINGS) for rows in findings)]
    )
    counts = together.group_by(list(FINDING_COLUMNS)).aggregate([([], "count_all")])
    total: Counter[tuple[str, Severity]] = Counter()
    for row in counts.to_pylist():
        if row["check_id"] in _SEVERITY:
            total[row["meter_point_id"], _SEVERITY[row["check_id"]]] += row["count_all"]
    return total


def longest_runs(states: Int8Array) -> IntArray:
    """Length of each row's longest run of intervals that are not measured. (series)"""
    longest = np.zeros(states.shape[0], dtype=np.int64)
    running = np.zeros(states.shape[0], dtype=np.int64)
    for column in states.T:
        running = np.where(column == MEASURED, 0, running + 1)
        np.maximum(longest, running, out=longest)
    return longest


def _rows(
    part: _Judged,
    rows: IntArray,
    day_span: dict[str, tuple[int, int]],
    counted: Counter[tuple[str, Severity]],
    month: BillingMonth,
    limits: PublicationSettings,
) -> pa.Table:
    slots = DAY_MINUTES // part.minutes
    names = [part.series[row][0] for row in rows]
    spans = np.array(
        [day_span.get(name, (0, month.day_count - 1)) for name in names], dtype=np.int64
    ).reshape(-1, 2)
    expected_days = spans[:, 1] - spans[:, 0] + 1
    days = np.arange(month.day_count)
    expected = np.repeat((days >= spans[:, :1]) & (days <= spans[:, 1:]), slots, axis=1)
    states = part.states[rows]
    # Outside the days on which there was a meter nothing is lacking and nothing counts.
    whole = (states == MEASURED).reshape(len(rows), month.day_count, slots).all(axis=2) & expected[:, ::slots]
    number = np.maximum(expected_days * slots, 1)
    estimated = ((states == ESTIMATED) & expected).sum(axis=1) / number
    missing = ((states == MISSING) & expected).sum(axis=1) / number
    share = estimated if part.estimated is None else part.estimated[rows]
    guessed, lacking = share > limits.max_estimated_ratio, missing > limits.max_missing_ratio
    reasons = [
        [reason for reason, broken in zip(REASONS, pair, strict=True) if broken]
        for pair in zip(guessed.tolist(), lacking.tolist(), strict=True)
    ]
    columns = {
        "meter_point_id": names,
        "data_month": [str(month)] * len(names),
        "customer_id": pa.nulls(len(names), STRING),
        "channel_code": [part.series[row][1] for row in rows],
        "basis_code": [part.basis] * len(names),
        "interval_minutes": np.full(len(names), part.minutes, dtype=np.int32),
        "expected_days": expected_days.astype(np.int32),
        "valid_days": whole.sum(axis=1).astype(np.int32),
        "estimated_ratio": share,
        "estimated_interval_ratio": estimated,
        "missing_ratio": missing,
        "longest_gap_hours": longest_runs(np.where(expected, states, MEASURED)) * part.minutes / 60,
        **{
            f"failed_{severity.value}_checks": np.array(
                [counted[name, severity] for name in names], dtype=np.int32
            )
            for severity in COUNTED
        },
        "is_sufficient": ~(guessed | lacking),
        "insufficient_reasons": reasons,
    }
    arrays = [pa.array(columns[field.name], field.type) for field in SUFFICIENCY_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SUFFICIENCY_SCHEMA).filter(pa.array(expected_days > 0))
