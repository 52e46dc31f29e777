"""Figures of the data-quality report of one month: who has sufficient data, what was estimated when, which
checks fired.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.codes import Channel
from pipelines.periods import EPOCH, BillingMonth
from pipelines.publication import PublicationSettings, is_publishable
from pipelines.storage.store import Store
from pipelines.tables.base import rows_of_table
from pipelines.tables.estimation import CHOSEN, SilverEstimationErrors
from pipelines.tables.findings import GoldDayFindings, SilverRegisterFindings
from pipelines.tables.rows.gold import GoldDataSufficiencyRow
from pipelines.tables.rows.silver import SilverCustomersRow, SilverEstimationErrorsRow
from pipelines.tables.silver import SilverCustomers, SilverDayCurves, SilverRegisterEnergy
from pipelines.tables.sufficiency import GoldDataSufficiency
from pipelines.transforms.ground.in_force import newest_rows
from pipelines.vee import CHECKS, VeeSettings
from pipelines.vee.estimation.back_test import plot_lines
from zhixiang.pages.quality_rows import (
    CustomerMonth,
    DayShares,
    ErrorLimit,
    FiredCheck,
    GapClass,
    Heat,
    Judged,
)

_Share = Literal["estimated_ratio", "estimated_interval_ratio", "missing_ratio"]
LONGER_GAP_EDGES = (24.0, 72.0, 168.0)
"""Upper ends of the classes of gap lengths beyond the short ones; longer ones make a class of their own. [h]

No thresholds: a day, three and a week only lay out a picture, and nothing is decided by them.
"""
HEAT_MONTHS, HEAT_ROWS = 12, 40
NO_CLASS = "none"


def known_months(store: Store) -> list[str]:
    """Months that have a judgement, in order."""
    return sorted(
        set(store.arrow(GoldDataSufficiency, [GoldDataSufficiency.partition_column()]).column(0).to_pylist())
    )


def month_figures(store: Store, month: str) -> dict[str, Any]:
    """All that the page of a month shows; plain numbers and texts alone."""
    limits = store.settings.section(PublicationSettings)
    judged = store.arrow(GoldDataSufficiency, filters=[(GoldDataSufficiency.partition_column(), "==", month)])
    rows = rows_of_table(judged, GoldDataSufficiencyRow)
    terms = latest_terms(store)
    worst = sorted(rows, key=lambda row: _badness(row, row["meter_point_id"]))
    shown = [_shown(row, terms) for row in worst]
    return {
        "month": month,
        "limits": limits.model_dump(),
        "count": len(rows),
        "sufficient": sum(bool(row["is_sufficient"]) for row in rows),
        "insufficient": sum(not row["is_sufficient"] for row in rows),
        "expected_days": sum(row["expected_days"] for row in rows),
        "valid_days": sum(row["valid_days"] for row in rows),
        "rows": shown,
        "customers": by_customer(rows, terms),
        "classes": by_class(rows, terms, limits),
        "days": _days(store, month),
        "checks": _checks(store, month),
        "gaps": gap_classes(
            [float(row["longest_gap_hours"]) for row in rows],
            store.settings.section(VeeSettings).published_errors.short_gap_hours,
        ),
        "heat": _heat(store, month, [row["meter_point_id"] for row in worst[:HEAT_ROWS]]),
    }


def latest_terms(store: Store) -> dict[str, SilverCustomersRow]:
    """The newest terms of each customer: name, class, provenance."""
    names = ["customer_id", "valid_from_date", "customer_name", "customer_class_code", "provenance"]
    rows = rows_of_table(store.arrow(SilverCustomers, names), SilverCustomersRow)
    return newest_rows(rows, lambda row: row["customer_id"])


def _badness(row: Judged, name: str) -> tuple[bool, float, float, int, int, str]:
    """Sorts worst first: not sufficient, then by what is lacking, by gap, by failed checks; the name last."""
    failed = row["failed_invalid_checks"] + row["failed_warn_checks"]
    lacking = -(row["missing_ratio"] + row["estimated_interval_ratio"])
    return (
        row["is_sufficient"],
        lacking,
        -row["longest_gap_hours"],
        -failed,
        -row["failed_info_checks"],
        name,
    )


def _shown(row: GoldDataSufficiencyRow, terms: Mapping[str, SilverCustomersRow]) -> dict[str, Any]:
    customer = terms.get(row["customer_id"] or "")
    provenance = customer["provenance"] if customer else ""
    return {
        **{name: value for name, value in row.items() if name != "computed_run_id"},
        "customer_name": customer["customer_name"] if customer else "",
        "customer_class_code": _class_of(customer),
        "provenance": provenance.split("+") if provenance else [],
    }


def _class_of(customer: SilverCustomersRow | None) -> str:
    return (customer.get("customer_class_code") if customer else None) or NO_CLASS


def by_customer(
    rows: Sequence[GoldDataSufficiencyRow], terms: Mapping[str, SilverCustomersRow]
) -> list[CustomerMonth]:
    """Each customer's month over all its meter points, worst first: days add up, shares weigh by expected
    days, the longest gap is the longest of any.

    Sufficient is whose meter points all are. Meter points that are nobody's belong to no customer.
    """
    groups: dict[str, list[GoldDataSufficiencyRow]] = defaultdict(list)
    for row in rows:
        if row["customer_id"]:
            groups[row["customer_id"]].append(row)
    found: list[CustomerMonth] = []
    for name, points in groups.items():
        days = sum(row["expected_days"] for row in points)
        customer = terms.get(name)

        def share(
            column: _Share, points: Sequence[GoldDataSufficiencyRow] = points, days: int = days
        ) -> float:
            return sum(row[column] * row["expected_days"] for row in points) / days if days else 0.0

        found.append(
            {
                "customer_id": name,
                "customer_name": customer["customer_name"] if customer else "",
                "provenance": (customer["provenance"] if customer else "").split("+"),
                "meter_points": len(points),
                "expected_days": days,
                "valid_days": sum(row["valid_days"] for row in points),
                "failed_info_checks": sum(row["failed_info_checks"] for row in points),
                "failed_warn_checks": sum(row["failed_warn_checks"] for row in points),
                "failed_invalid_checks": sum(row["failed_invalid_checks"] for row in points),
                "estimated_ratio": share("estimated_ratio"),
                "estimated_interval_ratio": share("estimated_interval_ratio"),
                "missing_ratio": share("missing_ratio"),
                "longest_gap_hours": max(float(row["longest_gap_hours"]) for row in points),
                "is_sufficient": all(row["is_sufficient"] for row in points),
                "insufficient_reasons": sorted(
                    {reason for row in points for reason in row["insufficient_reasons"]}
                ),
            }
        )
    return sorted(found, key=lambda row: _badness(row, row["customer_id"]))


def by_class(
    rows: Sequence[GoldDataSufficiencyRow],
    terms: Mapping[str, SilverCustomersRow],
    limits: PublicationSettings,
) -> list[dict[str, Any]]:
    """Shares of each customer class, weighted by expected days; withheld (None) where the 15/15 rule forbids
    to publish them.

    A member is a customer, or a meter point that is nobody's.
    """
    groups: dict[str, list[GoldDataSufficiencyRow]] = defaultdict(list)
    for row in rows:
        groups[_class_of(terms.get(row["customer_id"] or ""))].append(row)
    found = []
    for name, members in sorted(groups.items()):
        weights: Counter[str] = Counter()
        for row in members:
            weights[row["customer_id"] or row["meter_point_id"]] += row["expected_days"]
        days = sum(weights.values())
        is_shown = is_publishable(list(weights.values()), limits)

        def share(
            column: _Share, members: Sequence[GoldDataSufficiencyRow] = members, days: int = days
        ) -> float:
            return float(sum(row[column] * row["expected_days"] for row in members) / days)

        found.append(
            {
                "class": name,
                "members": len(weights),
                "is_published": is_shown,
                "valid_ratio": sum(row["valid_days"] for row in members) / days if is_shown else None,
                "estimated_ratio": share("estimated_interval_ratio") if is_shown else None,
                "missing_ratio": share("missing_ratio") if is_shown else None,
                "sufficient_ratio": sum(bool(row["is_sufficient"]) for row in members) / len(members)
                if is_shown
                else None,
            }
        )
    return found


def gap_classes(hours: Sequence[float], short_hours: float) -> list[GapClass]:
    """How many meter points have their longest gap in each class; the first is that of no gap, the second
    that
    of gaps up to ``short_hours``.
    """
    ends = [0.0, short_hours, *(edge for edge in LONGER_GAP_EDGES if edge > short_hours)]
    edges, lower = [*ends, float("inf")], [-1.0, *ends]
    return [
        {
            "above_hours": max(low, 0.0),
            "to_hours": None if high == float("inf") else high,
            "count": sum(low < gap <= high for gap in hours),
        }
        for low, high in zip(lower, edges, strict=True)
    ]


def _days(store: Store, month: str) -> list[DayShares]:
    """By day, over all curves and daily registers of active energy drawn: how many there are, and which share
    of them is estimated or empty.

    A curve counts by its intervals; a register's day is estimated where only a span of several days covers
    it.
    """
    days = BillingMonth.parse(month).days
    estimated, missing, number = np.zeros(len(days)), np.zeros(len(days)), np.zeros(len(days))
    first = (days[0] - EPOCH).days
    drawn = ("channel_code", "==", Channel.ACTIVE_FORWARD.value)
    columns = ["curve_date", "measured_intervals", "estimated_intervals", "missing_intervals"]
    curves = store.arrow(SilverDayCurves, columns, [(SilverDayCurves.partition_column(), "==", month), drawn])
    place = curves["curve_date"].cast(pa.int32()).to_numpy() - first
    measured, guessed, empty = (curves[name].to_numpy() for name in columns[1:])
    slots = measured + guessed + empty
    for sums, part in ((estimated, guessed / slots), (missing, empty / slots), (number, slots / slots)):
        np.add.at(sums, place, part)
    months = [month, str(BillingMonth.parse(month).plus(1))]
    reads = store.arrow(
        SilverRegisterEnergy,
        ["energy_date", "span_days"],
        [(SilverRegisterEnergy.partition_column(), "in", months), drawn],
    )
    closes = reads["energy_date"].cast(pa.int32()).to_numpy() - first
    span = pc.fill_null(reads["span_days"], 0).to_numpy()
    own = (span == 1) & (closes < len(days))
    np.add.at(number, closes[own], 1)
    for end, length in zip(closes[span > 1], span[span > 1], strict=True):
        covered = slice(max(0, end - length + 1), max(0, min(len(days), end + 1)))
        number[covered] += 1
        estimated[covered] += 1
    return [
        {
            "day": day.isoformat(),
            "series": int(number[at]),
            "estimated_ratio": float(estimated[at] / number[at]) if number[at] else None,
            "missing_ratio": float(missing[at] / number[at]) if number[at] else None,
        }
        for at, day in enumerate(days)
    ]


def _checks(store: Store, month: str) -> list[FiredCheck]:
    """Days of the month on which each check fired, on a curve, a register or a day of energy."""
    failed = Counter(
        pc.list_flatten(
            store.arrow(
                SilverDayCurves, ["failed_checks"], [(SilverDayCurves.partition_column(), "==", month)]
            ).column(0)
        ).to_pylist()
    )
    for table in (SilverRegisterFindings, GoldDayFindings):
        failed.update(
            store.arrow(table, ["check_id"], [(table.partition_column(), "==", month)]).column(0).to_pylist()
        )
    return [
        {
            "id": check.id,
            "title": check.title,
            "title_zh": check.title_zh,
            "severity": str(check.severity),
            "days": failed.get(check.id, 0),
        }
        for check in CHECKS
    ]


def _heat(store: Store, month: str, meter_points: Sequence[str]) -> Heat:
    """Share of valid days of the worst meter points over the last months, None where there is no data."""
    last = BillingMonth.parse(month)
    months = [str(last.plus(-offset)) for offset in reversed(range(HEAT_MONTHS))]
    columns = ["meter_point_id", "data_month", "valid_days", "expected_days"]
    rows = store.arrow(
        GoldDataSufficiency,
        columns,
        [
            (GoldDataSufficiency.partition_column(), "in", months),
            ("meter_point_id", "in", list(meter_points)),
        ],
    ).to_pylist()
    share = {
        (row["meter_point_id"], row["data_month"]): row["valid_days"] / row["expected_days"] for row in rows
    }
    return {
        "months": months,
        "rows": [
            {"meter_point_id": name, "valid_ratios": [share.get((name, each)) for each in months]}
            for name in meter_points
        ],
    }


def estimation_errors(store: Store) -> list[SilverEstimationErrorsRow]:
    """The published errors, what estimation itself would have taken first; empty before any were measured."""
    return sorted(
        rows_of_table(store.arrow(SilverEstimationErrors), SilverEstimationErrorsRow),
        key=lambda row: (
            row["customer_class_code"],
            row["interval_minutes"],
            row["gap_minutes"],
            row["estimator_id"] != "chosen",
            row["estimator_id"],
        ),
    )


def error_lines(rows: Sequence[SilverEstimationErrorsRow]) -> list[dict[str, Any]]:
    """What is drawn of the published errors: one part for each customer class and interval length, in this
    order.
    """
    parts = []
    for minutes in sorted({row["interval_minutes"] for row in rows}):
        of_length = [row for row in rows if row["interval_minutes"] == minutes]
        for name, lines in plot_lines(of_length).items():
            masked = sum(
                row["masked_gaps"]
                for row in of_length
                if (row["customer_class_code"], row["estimator_id"]) == (name, CHOSEN)
            )
            parts.append({"class": name, "interval_minutes": minutes, "masked_gaps": masked, "lines": lines})
    return sorted(parts, key=lambda part: (part["class"], part["interval_minutes"]))


def error_limits(settings: VeeSettings) -> list[ErrorLimit]:
    """The MAPE above which what is chosen is flagged, for gaps above ``above_hours`` up to ``to_hours``
    (none: without end).
    """
    return [
        {
            "above_hours": 0.0,
            "to_hours": settings.published_errors.short_gap_hours,
            "limit_ratio": settings.published_errors.short_limit_ratio,
        },
        {
            "above_hours": settings.published_errors.short_gap_hours,
            "to_hours": None,
            "limit_ratio": settings.published_errors.long_limit_ratio,
        },
    ]


def customer_history(store: Store, customer_id: str) -> list[GoldDataSufficiencyRow]:
    """All months of a customer's (or a meter point's) data, oldest first."""
    found = store.arrow(GoldDataSufficiency, filters=[("customer_id", "==", customer_id)])
    if not found.num_rows:
        found = store.arrow(GoldDataSufficiency, filters=[("meter_point_id", "==", customer_id)])
    return sorted(
        rows_of_table(found, GoldDataSufficiencyRow),
        key=lambda row: (row["meter_point_id"], row["data_month"]),
    )
