"""Each way in which a change of a step's sources affects a meter point or a month, and the nearest one that
does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest

from pipelines.codes import CustomerClass, EventCode, IntervalStatus
from pipelines.engine.step import Inputs, PreviousRun
from pipelines.incremental.affected import Affected, affected_meter_points, affected_months
from pipelines.settings import Settings
from pipelines.steps.affected_curves import curves_affected_otherwise
from pipelines.steps.gold import behind_one_meter
from pipelines.storage.data_files import write_files
from pipelines.tables.base import Table
from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.tables.edits import BronzeManualEdits
from pipelines.tables.findings import GoldDayFindings
from pipelines.tables.silver import (
    SilverCustomers,
    SilverDayCurves,
    SilverEvents,
    SilverMeterPoints,
    SilverRegisterEnergy,
    SilverSupplyShares,
    SilverWeather,
)

pytestmark = pytest.mark.long

THEN, NOW = datetime(2026, 9, 10, 4, tzinfo=UTC), datetime(2026, 9, 10, 12, tzinfo=UTC)
DAY = date(2026, 9, 1)
POINTS = tuple("ABCDEFGH")
Version = Mapping[type[Table], Sequence[pa.Table]]


def filled(table: type[Table], **values: Any) -> pa.Table:
    """One row: what is given, and something or nothing in the other columns."""
    row = {
        field.name: None if field.nullable else _something(field.dtype) for field in table.fields()
    } | values
    return pa.Table.from_pylist([row], table.arrow_schema())


def _something(dtype: pa.DataType) -> Any:
    if pa.types.is_list(dtype):
        return []
    if pa.types.is_date(dtype):
        return DAY
    if pa.types.is_timestamp(dtype):
        return THEN
    if pa.types.is_boolean(dtype):
        return False
    return "" if pa.types.is_string(dtype) else Decimal(1) if pa.types.is_decimal(dtype) else 1


def curve(point: str, day: date = DAY) -> pa.Table:
    return filled(BronzeLoadCurves, meter_point_id=point, curve_date=day, curve_month=f"{day:%Y-%m}")


def day_curve(
    point: str, run: str = "first", status: IntervalStatus = IntervalStatus.MEASURED, estimated: int = 0
) -> pa.Table:
    month = f"{DAY:%Y-%m}"
    codes = [int(status)] * 2
    named = {
        "interval_status_codes": codes,
        "estimated_intervals": estimated,
        "curve_month": month,
        "computed_run_id": run,
    }
    return filled(SilverDayCurves, meter_point_id=point, curve_date=DAY, **named)


def energy(point: str, day: date = DAY, run: str = "first", span: int = 1) -> pa.Table:
    named = {"energy_month": f"{day:%Y-%m}", "span_days": span, "computed_run_id": run}
    return filled(SilverRegisterEnergy, meter_point_id=point, energy_date=day, **named)


def owned(
    point: str,
    customer: str = "C",
    run: str = "first",
    multiplier: float = 1.0,
    since: date = DAY,
    parent: str | None = None,
) -> pa.Table:
    named = {
        "valid_from_date": since,
        "parent_meter_point_id": parent,
        "computed_run_id": run,
        "multiplier_ratio": multiplier,
    }
    return filled(SilverMeterPoints, meter_point_id=point, customer_id=customer, **named)


def terms(customer: str, customer_class: CustomerClass, run: str = "first") -> pa.Table:
    return filled(
        SilverCustomers, customer_id=customer, customer_class_code=customer_class.value, computed_run_id=run
    )


def outage(customer: str, ended: date | None, started: date = DAY) -> pa.Table:
    named = {
        "event_id": customer,
        "event_code": EventCode.OUTAGE.value,
        "started_date": started,
        "ended_date": ended,
    }
    return filled(SilverEvents, customer_id=customer, **named)


class Two:
    """Two versions of some tables on disk; a table or file that both hold is the same file."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self.root, self.settings = root, settings
        self.written: dict[int, list[str]] = {}
        self.held: list[pa.Table] = []  # an id is another table's once its own is gone

    def _paths(self, version: Version, table: type[Table]) -> list[str]:
        found = []
        for rows in version.get(table, ()):
            if id(rows) not in self.written:
                root = str(self.root / table.name)
                self.held.append(rows)
                self.written[id(rows)] = [f"{root}/{file.path}" for file in write_files(rows, table, root)]
            found += self.written[id(rows)]
        return found

    def inputs(
        self, then: Version, now: Version, at: datetime = NOW, current: Sequence[pa.Table] = ()
    ) -> Inputs:
        previous = PreviousRun({}, THEN, lambda table: self._paths(then, table))
        prefix = {table: f"{self.root / table.name}/" for table in (*now, SilverDayCurves)}
        return Inputs(
            frames=cast("Any", dict.fromkeys(now)),
            settings=self.settings,
            facts=cast("Any", None),
            months=(),
            bundles={},
            versions={},
            run_id="second",
            session=cast("Any", None),
            now=at,
            location=lambda table: str(self.root / table.name),
            files=lambda table: [path.removeprefix(prefix[table]) for path in self._paths(now, table)],
            current=lambda table: [
                path.removeprefix(prefix[table]) for path in self._paths({table: current}, table)
            ],
            previous=previous,
        )


@pytest.fixture
def two(tmp_path: Path, settings: Settings) -> Two:
    return Two(tmp_path, settings)


CURVES = [curve(point) for point in POINTS]
OWNERS = [owned(point) for point in POINTS]
BASE: Version = {BronzeLoadCurves: CURVES, SilverMeterPoints: OWNERS, SilverRegisterEnergy: []}


def of_curves(inputs: Inputs, **more: Any) -> Affected:
    return affected_meter_points(inputs, (BronzeLoadCurves,), **more)


def test_nothing_changed_affects_nothing(two: Two) -> None:
    assert of_curves(two.inputs(BASE, BASE)) == Affected(frozenset(), 8)


def test_a_file_that_came_affects_whom_it_names(two: Two) -> None:
    found = of_curves(
        two.inputs(
            BASE, {**BASE, BronzeLoadCurves: [*CURVES, curve("B", DAY + timedelta(days=1)), curve("J")]}
        )
    )
    assert found == Affected(frozenset("BJ"), 9)


def test_without_an_earlier_run_all_are_affected(two: Two) -> None:
    inputs = two.inputs(BASE, BASE)
    assert of_curves(Inputs(**{**vars(inputs), "previous": None})) == Affected(None, 8)


def test_up_to_a_quarter_is_computed_apart_and_one_more_makes_it_all(two: Two) -> None:
    later = DAY + timedelta(days=1)
    quarter = {**BASE, BronzeLoadCurves: [*CURVES, curve("A", later), curve("B", later)]}
    assert of_curves(two.inputs(BASE, quarter)).names == frozenset("AB")
    assert (
        of_curves(
            two.inputs(BASE, {**quarter, BronzeLoadCurves: [*quarter[BronzeLoadCurves], curve("C", later)]})
        ).names
        is None
    )


def test_a_derived_row_affects_where_it_changed_came_or_went_but_not_where_its_file_was_rewritten(
    two: Two,
) -> None:
    then = {SilverRegisterEnergy: [pa.concat_tables([energy(point) for point in POINTS])]}
    for rows, affected, known in (
        ([energy(point) for point in POINTS], "", 8),
        ([energy(point, run="second" if point == "A" else "first") for point in POINTS], "A", 8),
        ([energy(point) for point in POINTS if point != "A"], "A", 7),
        ([energy(point) for point in (*POINTS, "J")], "J", 9),
    ):
        now = {SilverRegisterEnergy: [pa.concat_tables(rows)]}
        assert affected_meter_points(two.inputs(then, now), (SilverRegisterEnergy,)) == Affected(
            frozenset(affected), known
        )


def test_a_meter_point_affects_by_what_it_says_not_by_the_run_that_wrote_it(two: Two) -> None:
    again = [owned(point, run="second") for point in POINTS]
    assert of_curves(two.inputs(BASE, {**BASE, SilverMeterPoints: again})).names == frozenset()
    assert of_curves(
        two.inputs(BASE, {**BASE, SilverMeterPoints: [owned("A", multiplier=2.0), *again[1:]]})
    ).names == frozenset("A")
    assert (
        of_curves(two.inputs(BASE, {**BASE, SilverMeterPoints: [*again, owned("Z")]})).names == frozenset()
    ), "it has no rows to compute"


def test_terms_affect_whom_the_customer_owns_or_did(two: Two) -> None:
    owners = [owned(point, "D" if point == "A" else "E" if point == "B" else "C") for point in POINTS]
    general, industry = CustomerClass.GENERAL_COMMERCIAL, CustomerClass.LARGE_INDUSTRY
    then = {**BASE, SilverMeterPoints: owners, SilverCustomers: [terms("D", general), terms("E", general)]}
    now = {**then, SilverCustomers: [terms("D", industry, "second"), terms("E", general, "second")]}
    assert of_curves(two.inputs(then, now)).names == frozenset("A")
    sold = {**now, SilverMeterPoints: [owned("A", "E"), *owners[1:]]}
    assert of_curves(two.inputs(then, sold)).names == frozenset("A")


def test_an_outage_affects_its_customers_meter_points_and_one_that_lasts_does_so_each_day(two: Two) -> None:
    owners = [owned(point, "D" if point == "A" else "C") for point in POINTS]
    then: Version = {**BASE, SilverMeterPoints: owners, SilverCustomers: [], SilverEvents: []}
    assert of_curves(two.inputs(then, {**then, SilverEvents: [outage("D", DAY)]})).names == frozenset("A")
    tomorrow = NOW + timedelta(days=1)
    for ended, at, affected in ((None, NOW, ""), (None, tomorrow, "A"), (DAY, tomorrow, "")):
        known = {**then, SilverEvents: [outage("D", ended)]}
        assert of_curves(
            two.inputs(known, known, at), otherwise=curves_affected_otherwise
        ).names == frozenset(affected)


def test_an_edit_affects_its_meter_point(two: Two) -> None:
    then: Version = {**BASE, BronzeManualEdits: []}
    now = {**BASE, BronzeManualEdits: [filled(BronzeManualEdits, meter_point_id="C")]}
    assert of_curves(two.inputs(then, now)).names == frozenset("C")


@pytest.mark.parametrize(("ahead", "affected"), [(0, ""), (1, "A"), (2, "A"), (3, "")])
def test_a_day_that_lay_ahead_affects_once_it_has_come(two: Two, ahead: int, affected: str) -> None:
    known = {**BASE, BronzeLoadCurves: [*CURVES, curve("A", date(2026, 9, 10) + timedelta(days=ahead))]}
    found = of_curves(
        two.inputs(known, known, NOW + timedelta(days=2)), dated={BronzeLoadCurves: "curve_date"}
    )
    assert found.names == frozenset(affected)


def test_what_names_neither_meter_point_nor_customer_affects_all(two: Two) -> None:
    then: Version = {**BASE, SilverWeather: []}
    assert of_curves(two.inputs(then, {**BASE, SilverWeather: [filled(SilverWeather)]})).names is None
    assert of_curves(two.inputs(then, then)).names == frozenset()


def test_a_gap_filled_by_a_profile_is_affected_by_its_class_alone(two: Two) -> None:
    owners = [owned(point, "D" if point in "AB" else "C") for point in POINTS]
    classes = [terms("C", CustomerClass.GENERAL_COMMERCIAL), terms("D", CustomerClass.AGRICULTURE)]
    then: Version = {**BASE, SilverMeterPoints: owners, SilverCustomers: classes, SilverEvents: []}
    by_profile, like_day = IntervalStatus.ESTIMATED_CLASS_PROFILE, IntervalStatus.ESTIMATED_LIKE_DAY
    current = [
        day_curve("A", status=by_profile, estimated=2),
        day_curve("B", status=like_day, estimated=2),
        *map(day_curve, "CDEFG"),
    ]
    current.append(day_curve("H", status=IntervalStatus.ESTIMATED_EVEN_SHARE, estimated=2))
    for sends, affected in (("B", "AB"), ("C", "CH")):
        now = {**then, BronzeLoadCurves: [*CURVES, curve(sends, DAY + timedelta(days=1))]}
        assert of_curves(
            two.inputs(then, now, current=current), otherwise=curves_affected_otherwise
        ).names == frozenset(affected)


@pytest.mark.parametrize(("day", "affected"), [(9, ""), (10, "A"), (11, "A"), (12, "")])
def test_a_register_affects_its_curve_once_the_day_that_it_closes_is_over(
    two: Two, day: int, affected: str
) -> None:
    known: Version = {
        **BASE,
        SilverRegisterEnergy: [energy("A", date(2026, 9, day))],
        SilverCustomers: [],
        SilverEvents: [],
    }
    assert of_curves(
        two.inputs(known, known, NOW + timedelta(days=2)), otherwise=curves_affected_otherwise
    ).names == frozenset(affected)


def finding(point: str, month: int, run: str = "first") -> pa.Table:
    return filled(
        GoldDayFindings, meter_point_id=point, finding_month=f"2026-{month:02}", computed_run_id=run
    )


def test_months_are_affected_by_their_rows_and_by_spans_that_reach_into_them(two: Two) -> None:
    rows = [energy("A", date(2026, month, 1)) for month in (6, 7, 8, 9)]
    then: Version = {
        SilverRegisterEnergy: rows,
        GoldDayFindings: [finding("A", 6)],
        SilverMeterPoints: OWNERS,
    }
    assert affected_months(two.inputs(then, then)).names == frozenset()
    changed = [*rows[:3], energy("A", date(2026, 9, 1), "second")]
    assert affected_months(two.inputs(then, {**then, SilverRegisterEnergy: changed})).names == {"2026-09"}
    for span, months in (
        (2, {"2026-09"}),
        (3, {"2026-08", "2026-09"}),
        (33, {"2026-08", "2026-09"}),
        (34, {"2026-07", "2026-08", "2026-09"}),
    ):
        long = [*rows[:3], energy("A", date(2026, 9, 2), "second", span)]
        assert affected_months(two.inputs(then, {**then, SilverRegisterEnergy: long})).names == months, span
    assert affected_months(two.inputs(then, {**then, GoldDayFindings: [finding("A", 7)]})) == Affected(
        frozenset({"2026-06", "2026-07"}), 4, "months"
    )


def test_a_new_meter_point_affects_the_months_from_its_first_and_a_known_one_all(two: Two) -> None:
    rows = [energy("A", date(2026, 6, 1)), energy("B", date(2026, 7, 1)), energy("A", date(2026, 9, 1))]
    then: Version = {SilverRegisterEnergy: rows, SilverMeterPoints: OWNERS}
    assert (
        affected_months(
            two.inputs(then, {**then, SilverMeterPoints: [owned(point, run="second") for point in POINTS]})
        ).names
        == frozenset()
    )
    assert affected_months(
        two.inputs(then, {**then, SilverMeterPoints: [*OWNERS, owned("Z", since=date(2026, 7, 31))]})
    ).names == {
        "2026-07",
        "2026-09",
    }
    assert (
        affected_months(
            two.inputs(then, {**then, SilverMeterPoints: [*OWNERS, owned("A", since=date(2026, 9, 15))]})
        ).names
        is None
    )


def test_what_is_agreed_behind_one_meter_affects_all_that_hang_together(two: Two) -> None:
    """A stands before B; A's customer also owns C, B's customer is D, and E belongs to neither."""
    owners = [
        owned("A", "one"),
        owned("C", "one"),
        owned("B", "two", parent="A"),
        *(owned(point, "three") for point in "DEFGHIJKLMNOPQRSTUV"),
    ]
    curves = [curve(point) for point in "ABCDEFGHIJKLMNOPQRSTUV"]
    then: Version = {
        BronzeLoadCurves: curves,
        SilverMeterPoints: owners,
        SilverSupplyShares: [],
        SilverCustomers: [],
    }
    now = {**then, SilverCustomers: [terms("two", CustomerClass.AGRICULTURE)]}
    assert of_curves(two.inputs(then, now), otherwise=behind_one_meter).names == frozenset("ABC")
    assert of_curves(two.inputs(then, then), otherwise=behind_one_meter).names == frozenset()
    shared = {
        **then,
        SilverSupplyShares: [filled(SilverSupplyShares, main_meter_point_id="D", sub_meter_point_id="D")],
    }
    assert (
        of_curves(two.inputs(shared, {**shared, SilverSupplyShares: []}), otherwise=behind_one_meter).names
        is None
    ), "its customer owns too many"
