"""Supplies are made customer by customer: of any bucket the same rows as of all, and after a change of those
alone whom it reaches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest

from pipelines.engine.step import Inputs, PreviousRun
from pipelines.incremental.affected import Affected
from pipelines.incremental.customer_rows import SOURCES, RowsOfCustomers, affected_customers
from pipelines.incremental.rewrite_files import plan_rewrite, rewrite
from pipelines.periods import BillingMonth
from pipelines.storage.constraints import constraint_violations
from pipelines.storage.data_files import write_files
from pipelines.storage.hash_layout import bucket_of
from pipelines.storage.scan import bucket_rows, points_in, rows_of_points
from pipelines.storage.table_hash import content_hash
from pipelines.storage.unchanged_rows import with_run
from pipelines.tables.base import CUSTOMER, Table
from pipelines.tables.gold import GoldBillingDeterminants, GoldBillingSegments
from pipelines.tables.silver import SilverCustomers, SilverMeterPoints, SilverSupplyShares
from pipelines.tables.supplies import GoldBillingSupplies
from pipelines.transforms.billing.supplies import derive_supplies
from tests.supplies import FACTS, METER, SHOP, WORKS, World, curves, registers

NOW = datetime(2026, 10, 1, tzinfo=UTC)
CUSTOMERS = ("C", "T", *(f"Z{number}" for number in range(8)))
MANY = ("C", "T", *(f"Z{number}" for number in range(18)))
"""So many that three of them are less than a quarter."""
SUB = METER | {"meter_point_id": "N", "parent_meter_point_id": "M", "customer_id": "T"}
SHARE: dict[str, Any] = {
    "share_id": "S",
    "valid_from_date": date(2026, 9, 11),
    "main_meter_point_id": "M",
    "section_name": "dormitory",
    "share_ratio": "0.2",
    "customer_class_code": "general_commercial",
    "voltage_level_code": "1_to_20kv",
    "is_time_of_use": False,
    "provenance": "simulated",
}


def world(customers: Sequence[str] = CUSTOMERS, **changes: Any) -> World:
    """A works with a tenant's sub-meter and a share that begins inside the month, and shops; the last one has
    readings and no terms.
    """
    from decimal import Decimal

    shops = [SHOP | {"customer_id": name} for name in customers[2:-1]]
    meters = [
        METER | {"meter_point_id": f"M-{name}", "customer_id": name, "multiplier_ratio": 2.0}
        for name in customers[2:]
    ]
    kwh = {"N": "10.00", **{f"M-{name}": "3.00" for name in customers[2:]}} | changes
    return World(
        [WORKS, SHOP | {"customer_id": "T"}, *shops],
        [METER, SUB, *meters],
        [*registers(kwh.pop("M", "100.00")), *(row for name in kwh for row in registers(kwh[name], name))],
        curves(100 / 24),
        [SHARE | {"share_ratio": Decimal(SHARE["share_ratio"])}],
    )


def made(rows: Sequence[pa.Table]) -> pa.Table:
    names, *sources = rows
    return derive_supplies(names.column(0).to_pylist(), *sources, FACTS)


def of_run(rows: pa.Table, run: str) -> pa.Table:
    """Rows as a run wrote them."""
    kept = [name for name in rows.column_names if name != "computed_run_id"]
    return with_run(rows.select(kept), run)


def written(folder: Path, sources: Mapping[type[Table], pa.Table], run: str) -> dict[type[Table], list[str]]:
    """Files of the sources, of gold one for each customer."""
    files: dict[type[Table], list[str]] = {}
    for table, rows in sources.items():
        root, whole = str(folder / table.name), of_run(rows, run)
        parts = (
            [whole.filter(pa.compute.equal(whole[CUSTOMER], name)) for name in MANY]
            if table in (GoldBillingDeterminants, GoldBillingSegments)
            else [whole]
        )
        files[table] = [f"{root}/{file.path}" for part in parts for file in write_files(part, table, root)]
    return files


@pytest.fixture(scope="module")
def first() -> World:
    return world()


def test_buckets_of_customers_make_what_all_make_together(first: World, tmp_path: Path) -> None:
    rows = RowsOfCustomers(written(tmp_path, first.sources, "first"))
    whole = content_hash(first.supplies, GoldBillingSupplies)
    for buckets in (1, 3, 7):
        parts = [made(rows.of_bucket(bucket, buckets)) for bucket in range(buckets)]
        for bucket, part in enumerate(parts):
            assert {bucket_of(name, buckets) for name in part[CUSTOMER].to_pylist()} <= {bucket}
        assert content_hash(pa.concat_tables(parts), GoldBillingSupplies) == whole
    assert made(rows.of_subjects({"C"}))[CUSTOMER].to_pylist() == ["C"]


def test_a_row_tells_segments_meters_and_what_lacks(first: World) -> None:
    rows = {row["customer_id"]: row for row in first.supplies.to_pylist()}
    assert list(rows) == sorted(CUSTOMERS)
    works = rows["C"]
    named = [(each["section_name"], each["first_date"].day) for each in works["segments"]]
    assert named == [("", 1), ("dormitory", 11)]
    assert works["energy_kwh"] == sum(each["energy_kwh"] for each in works["segments"])
    assert works["metered_kwh"] - works["energy_kwh"] == 300, "the tenant's energy is taken out"
    told = [
        (each["section_name"], each["meter_point_id"], each["is_taken_out"], each["first_date"].day)
        for each in works["meters"]
    ]
    assert told == [("", "M", False, 1), ("dormitory", "M", False, 11), ("", "N", True, 1)]
    assert [each["share_id"] for each in works["meters"]] == [None, "S", None]
    assert [each["multiplier_ratio"] for each in rows["Z0"]["meters"]] == [2.0]
    last = rows[CUSTOMERS[-1]]
    assert (last["lacks"], last["terms_from_date"], last["segments"]) == (["terms"], None, [])
    assert first.in_gold.account(CUSTOMERS[-1], BillingMonth(2026, 9)) is None


def test_the_gate_looks_into_the_records_of_a_row(first: World) -> None:
    rows = first.supplies.to_pylist()
    rows[0]["segments"][0]["customer_class_code"] = None
    rows[0]["mains"][0]["metered_days"] = -1
    rows[1]["meters"][0]["multiplier_ratio"] = 0.0
    broken = pa.Table.from_pylist(rows, first.supplies.schema)
    assert constraint_violations(broken, GoldBillingSupplies) == {
        "keys_repeated": 0,
        "required_values_empty": 1,
        "values_below_minimum": 2,
    }


def test_hash_and_layout_know_customers_and_records(first: World, tmp_path: Path) -> None:
    rows = with_run(first.supplies, "first")
    root = str(tmp_path / "supplies")
    paths = [f"{root}/{file.path}" for file in write_files(rows, GoldBillingSupplies, root)]
    assert points_in(paths, CUSTOMER) == set(CUSTOMERS)
    parts = [bucket_rows(paths, GoldBillingSupplies, bucket, 3, CUSTOMER) for bucket in range(3)]
    whole = content_hash(first.supplies, GoldBillingSupplies)
    assert content_hash(pa.concat_tables(parts), GoldBillingSupplies) == whole
    later = first.supplies.to_pylist()
    (works,) = [row for row in later if row["customer_id"] == "C"]
    works["meters"][0]["multiplier_ratio"] = 60.0
    changed = pa.Table.from_pylist(later, first.supplies.schema)
    assert content_hash(changed, GoldBillingSupplies) != whole
    plan = plan_rewrite({"C", "T"}, [paths], 1, CUSTOMER)
    assert plan is not None
    mine = changed.filter(pa.compute.is_in(changed[CUSTOMER], pa.array(["C", "T"])))
    again = rewrite(mine, GoldBillingSupplies, root, {"C", "T"}, plan.held[0][0], "second")
    now = rows_of_points(
        [f"{root}/{file.path}" for file in again.files],
        GoldBillingSupplies,
        CUSTOMERS,
        [CUSTOMER, "computed_run_id"],
        subject=CUSTOMER,
    )
    runs = dict(zip(*(column.to_pylist() for column in now.columns), strict=True))
    assert runs == dict.fromkeys(CUSTOMERS, "first") | {"C": "second"}, "of all rows one came out otherwise"


def affected(now: Mapping[type[Table], Sequence[str]], then: Mapping[type[Table], Sequence[str]]) -> Affected:
    previous = PreviousRun({}, NOW, lambda table: then[table])
    inputs = cast(Any, _Paths)(now, previous)
    return affected_customers(cast(Inputs, inputs))


def replaced(
    files: Mapping[type[Table], Sequence[str]], table: type[Table], name: str, rows: pa.Table, folder: Path
) -> dict[type[Table], Sequence[str]]:
    """Only the customer's own file is another, as a rewrite leaves it."""
    others = [path for path in files[table] if points_in([path], CUSTOMER) != {name}]
    return {
        **files,
        table: [*others, *(f"{folder}/{each.path}" for each in write_files(rows, table, str(folder)))],
    }


class _Paths:
    def __init__(self, now: Mapping[type[Table], Sequence[str]], previous: PreviousRun) -> None:
        self.previous, self._now = previous, now

    def paths(self, table: type[Table]) -> Sequence[str]:
        return self._now[table]


def test_one_changed_read_reaches_one_customer_and_a_sub_meters_all_that_hang_together(
    first: World, tmp_path: Path
) -> None:
    files = written(tmp_path / "then", first.sources, "first")
    assert affected(files, files).names == frozenset()
    for name, later, reached in (
        ("Z3", world(**{"M-Z3": "4.00"}), {"Z3"}),
        ("T", world(N="11.00"), {"C", "T"}),
        ("C", world(M="110.00"), {"C"}),
    ):
        for table in (GoldBillingDeterminants, GoldBillingSegments):
            rows = later.sources[table]
            rows = of_run(rows.filter(pa.compute.equal(rows[CUSTOMER], name)), "second")
            now = replaced(files, table, name, rows, tmp_path / f"{name}-{table.name}")
            assert affected(now, files).names == (reached if rows.num_rows else set()), (name, table.name)


def test_a_customer_without_a_name_is_one_and_a_meter_that_is_not_billed_has_none(tmp_path: Path) -> None:
    """A whole run makes a row for an empty name, so what changes of it reaches it."""
    names = (*MANY[:-2], "", MANY[-1])
    files = written(tmp_path / "then", world(names).sources, "first")
    nameless = world(names, **{"M-": "4.00"}).sources[GoldBillingDeterminants]
    rows = of_run(nameless.filter(pa.compute.equal(nameless[CUSTOMER], "")), "second")
    now = replaced(files, GoldBillingDeterminants, "", rows, tmp_path / "now")
    assert affected(now, files).names == {""}

    points = world(names).sources[SilverMeterPoints]
    unbilled = points.slice(points.num_rows - 1).to_pylist()[0] | {"meter_point_id": "U", "customer_id": None}
    more = of_run(pa.Table.from_pylist([*points.to_pylist(), unbilled], points.schema), "second")
    root = str(tmp_path / "points")
    now = {
        **files,
        SilverMeterPoints: [f"{root}/{e.path}" for e in write_files(more, SilverMeterPoints, root)],
    }
    assert affected(now, files).names == {"C", "T"}


@pytest.mark.parametrize(
    ("table", "reached"),
    [
        (SilverCustomers, {"C", "T", "Z3"}),
        (SilverMeterPoints, {"C", "T", "Z3"}),
        (SilverSupplyShares, {"C", "T"}),
    ],
)
def test_changed_master_data_reach_whom_they_name_and_all_that_hang_together(
    tmp_path: Path, table: type[Table], reached: set[str]
) -> None:
    sources = world(MANY).sources
    files = written(tmp_path / "then", sources, "first")
    rows = sources[table].to_pylist()
    changed = next((row for row in rows if row.get("customer_id") == "Z3"), rows[0])
    changed["provenance"] = "measured"
    root = str(tmp_path / "now")
    whole = of_run(pa.Table.from_pylist(rows, sources[table].schema), "second")
    now = [f"{root}/{file.path}" for file in write_files(whole, table, root)]
    assert affected({**files, table: now}, files).names == reached
    assert set(SOURCES) == set(files)


def test_more_than_a_quarter_reached_is_all(first: World, tmp_path: Path) -> None:
    files = written(tmp_path / "then", first.sources, "first")
    rows = first.sources[SilverCustomers].to_pylist()
    next(row for row in rows if row["customer_id"] == "Z3")["provenance"] = "measured"
    root = str(tmp_path / "now")
    whole = of_run(pa.Table.from_pylist(rows, first.sources[SilverCustomers].schema), "second")
    now = [f"{root}/{file.path}" for file in write_files(whole, SilverCustomers, root)]
    assert affected({**files, SilverCustomers: now}, files).names is None, "three of ten"
