"""Training and the product: from gold and silver to the tables of bills, on the driver and by workers."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines.engine.issued_files import IssuedFiles
from pipelines.engine.step import HaltedMonthError
from pipelines.errors import FactNotInForceError, TooLittleDataError
from pipelines.facts import load_facts
from pipelines.models.model import ModelBundle, TrainedModel
from pipelines.money import round_to_fen
from pipelines.periods import BillingMonth
from pipelines.settings import Settings, packaged
from pipelines.storage.data_files import write_files
from pipelines.storage.scan import whole_table
from pipelines.tables.base import Table
from pipelines.tables.revised import product_schema
from pipelines.tables.silver import SilverDayCurves, SilverMeterPoints, SilverRegisterEnergy
from products.efficiency_bill import issue_month, product
from products.efficiency_bill.product import EFFICIENCY_BILL
from products.efficiency_bill.replay import replay
from products.efficiency_bill.served_model import MODEL, read_coefficients
from products.efficiency_bill.settings import BilledSettings, EfficiencyBillSettings
from products.efficiency_bill.steps import STEPS
from products.efficiency_bill.tables import (
    EfficiencyBillAdviceV1,
    EfficiencyBillCorrectionsV1,
    EfficiencyBillInputsV1,
    EfficiencyBillLinesV1,
    EfficiencyBillUnbilledV1,
    EfficiencyBillV1,
)
from products.efficiency_bill.training import train
from tests.correction_cases import funds_notice
from tests.issued_rows import issued_rows
from tests.unit.products.efficiency_bill.sixteen_offices import FIRST, OFFICES, world
from zhixiang.demo.conf import write_demo_conf

CONF = packaged("conf")
FACTS = load_facts(CONF / "facts")

EMPTY = (SilverMeterPoints, SilverRegisterEnergy, SilverDayCurves)


@pytest.fixture(scope="module")
def given(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The world under the settings of the demo."""
    root = tmp_path_factory.mktemp("tables")

    def location(table: type[Table]) -> str:
        return str(root / table.name)

    held = {
        table: pa.Table.from_pylist(
            [{name: row.get(name) for name in table.columns()} for row in rows], table.arrow_schema()
        )
        for table, rows in (world() | {table: [] for table in EMPTY}).items()
    }
    paths = {
        table: [f"{location(table)}/{file.path}" for file in write_files(rows, table, location(table))]
        for table, rows in held.items()
    }
    conf = tmp_path_factory.mktemp("demo") / "conf"
    write_demo_conf(conf)
    return SimpleNamespace(
        settings=Settings(conf, conf),
        facts=FACTS,
        months=(),
        versions={table.name: 3 for table in held},
        bundles={},
        paths=paths.__getitem__,
        location=location,
        standing=lambda _table: [],
        run_id="20261005T040000Z-aaaaaa",
        rules_digest="rules",
        spark=spark,
    )


@pytest.fixture(scope="module")
def model(given: Any) -> TrainedModel:
    return train(given)


def with_bundle(given: Any, model: TrainedModel, *months: str) -> Any:
    bundle = ModelBundle(MODEL, "1", "champion", model.files, "digest")
    return SimpleNamespace(
        **(
            vars(given)
            | {"bundles": {MODEL: bundle}, "months": tuple(BillingMonth.parse(month) for month in months)}
        )
    )


@pytest.fixture(scope="module")
def bills(given: Any, model: TrainedModel) -> dict[Any, list[dict[str, Any]]]:
    _, step = STEPS
    found = step.apply(with_bundle(given, model, "2026-08", "2026-09"))  # type: ignore[union-attr]
    return issued_rows(given, found)  # type: ignore[arg-type]


def test_training_learns_from_the_reference_alone_and_is_the_same_bytes_again(
    given: Any, model: TrainedModel
) -> None:
    baselines = read_coefficients(model.files)
    assert set(baselines) == {*OFFICES, "STEEL-01"}
    assert {baseline.days for baseline in baselines.values()} == {(date(2026, 7, 31) - FIRST).days + 1}
    assert baselines["STEEL-01"].kind == "day_type"
    assert baselines["BDG-03"].kind == "cooling"
    assert baselines["BDG-03"].cooling == pytest.approx(15, rel=0.15)
    assert train(with_bundle(given, model, "2026-09")).files == model.files
    assert model.metrics["median_cv_rmse_in_sample"] < 0.05
    assert 0 <= model.metrics["holdout_day_band_coverage"] <= 1
    assert model.plots["cv_rmse.png"].startswith(b"\x89PNG")
    sources = ("gold_day_energy", "silver_register_energy", "silver_weather", "silver_customers")
    assert model.inputs == dict.fromkeys(sources, 3)
    assert model.metrics["billed_2026_09_customers"] == 17.0
    assert model.metrics["billed_month_band_coverage"] >= 0.8
    assert list(model.output_example) == ["expected_kwh"]


def test_the_three_tables_hold_what_they_declare(bills: dict[Any, list[dict[str, Any]]]) -> None:
    assert set(bills) == {
        EfficiencyBillV1,
        EfficiencyBillLinesV1,
        EfficiencyBillAdviceV1,
        EfficiencyBillInputsV1,
        EfficiencyBillCorrectionsV1,
        EfficiencyBillUnbilledV1,
    }
    assert bills[EfficiencyBillCorrectionsV1] == [], "a first issue corrects nothing"
    for table, rows in bills.items():
        if not rows:
            continue
        schema = product_schema(table)
        assert set(rows[0]) == set(schema.names)
        for field in schema:
            assert field.nullable or all(row[field.name] is not None for row in rows), field.name


def test_every_billed_customer_and_nobody_else(bills: dict[Any, list[dict[str, Any]]]) -> None:
    expected = {(name, month) for name in [*OFFICES, "STEEL-01"] for month in ("2026-08", "2026-09")}
    assert {(row["customer_id"], row["billing_month"]) for row in bills[EfficiencyBillV1]} == expected
    assert len(bills[EfficiencyBillV1]) == len(expected)


def test_evidence_sums_to_the_result(bills: dict[Any, list[dict[str, Any]]]) -> None:
    for bill in bills[EfficiencyBillV1]:
        key = (bill["customer_id"], bill["billing_month"])
        lines = [
            row for row in bills[EfficiencyBillLinesV1] if (row["customer_id"], row["billing_month"]) == key
        ]
        advice = [
            row for row in bills[EfficiencyBillAdviceV1] if (row["customer_id"], row["billing_month"]) == key
        ]
        assert sum(row["amount_cny"] for row in lines) == bill["total_cny"]
        assert [row["rank"] for row in sorted(advice, key=lambda row: row["rank"])] == list(
            range(1, len(advice) + 1)
        )
        assert ("advice" in bill["missing_inputs"]) == (len(advice) < 3)
        assert all(isinstance(json.loads(row["advice_inputs"]), dict) for row in advice)
        days = BillingMonth.parse(bill["billing_month"]).day_count
        assert [
            len(bill[name]) for name in ("day_kwh", "day_expected_kwh", "day_low_kwh", "day_high_kwh")
        ] == [days] * 4
        assert sum(bill["day_kwh"]) == pytest.approx(float(bill["energy_kwh"]))


def test_a_bill_follows_from_its_evidence_and_what_was_altered_shows(
    given: Any, bills: dict[Any, list[dict[str, Any]]]
) -> None:
    key = ("STEEL-01", "2026-09")
    of = {
        table: [row for row in rows if (row["customer_id"], row["billing_month"]) == key]
        for table, rows in bills.items()
    }
    evidence = (
        EfficiencyBillLinesV1,
        EfficiencyBillAdviceV1,
        EfficiencyBillInputsV1,
        EfficiencyBillCorrectionsV1,
    )
    issued = {"result": of[EfficiencyBillV1][0], **{table.name: of[table] for table in evidence}}
    assert replay(issued, given.settings, FACTS) == ()
    lines = [dict(line) for line in of[EfficiencyBillLinesV1]]
    lines[1]["amount_cny"] += Decimal("0.01")
    (found,) = replay({**issued, EfficiencyBillLinesV1.name: lines}, given.settings, FACTS)
    assert (found.place, found.column, found.issued - found.computed) == (
        "efficiency_bill_lines_v1[2]",
        "amount_cny",
        Decimal("0.01"),
    )
    (short,) = replay({**issued, EfficiencyBillLinesV1.name: lines[1:]}, given.settings, FACTS)
    assert (short.column, short.issued, short.computed) == ("rows", len(lines) - 1, len(lines))


def test_peers_are_the_sixteen_offices(bills: dict[Any, list[dict[str, Any]]]) -> None:
    september = {
        row["customer_id"]: row for row in bills[EfficiencyBillV1] if row["billing_month"] == "2026-09"
    }
    assert {september[name]["peer_count"] for name in OFFICES} == {16}
    assert (september["BDG-00"]["peer_percentile_pct"], september["BDG-15"]["peer_percentile_pct"]) == (
        0.0,
        100.0,
    )
    assert september["STEEL-01"]["peer_percentile_pct"] is None


def in_order(table: type[Table], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = [name for name in table.key() if name in product_schema(table).names]
    return sorted(rows, key=lambda row: [row[name] for name in names])


@pytest.fixture
def on_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issue_month, "MOST_ON_DRIVER", 0)
    monkeypatch.setattr(issue_month, "CUSTOMERS_PER_TASK", 5)


@pytest.mark.usefixtures("on_workers")
def test_workers_issue_the_same_bills_as_the_driver(
    given: Any, model: TrainedModel, bills: dict[Any, list[dict[str, Any]]]
) -> None:
    september = BillingMonth.parse("2026-09")
    found = EFFICIENCY_BILL.compute(with_bundle(given, model), september, FACTS)
    for table, rows in issued_rows(given, found).items():
        expected = [row for row in bills[table] if row["billing_month"] == "2026-09"]
        assert in_order(table, rows) == in_order(table, expected)


def issued_before(given: Any, model: TrainedModel, month: BillingMonth, but: str) -> Any:
    """The world in which all but one customer have their bills of a month."""
    found = EFFICIENCY_BILL.compute(with_bundle(given, model), month, FACTS)
    standing = {}
    for table, files in found.items():
        if isinstance(files, IssuedFiles):
            rows = whole_table([f"{given.location(table)}/{file.path}" for file in files.files], table)
            left = rows.filter(pc.not_equal(rows["customer_id"], but))
            root = f"{given.location(table)}_standing"
            standing[table] = [f"{root}/{file.path}" for file in write_files(left, table, root)]
    return SimpleNamespace(**(vars(given) | {"standing": standing.__getitem__, "run_id": "run-2"}))


@pytest.mark.parametrize("most_on_driver", [0, 5_000])
def test_driver_and_workers_leave_what_stands_and_correct_what_a_notice_reaches(
    given: Any, model: TrainedModel, monkeypatch: pytest.MonkeyPatch, most_on_driver: int
) -> None:
    """All but one office stand as they came out; the funds fall by 0.00923875 CNY/kWh."""
    monkeypatch.setattr(issue_month, "MOST_ON_DRIVER", most_on_driver)
    monkeypatch.setattr(issue_month, "CUSTOMERS_PER_TASK", 5)
    september = BillingMonth.parse("2026-09")
    later = issued_before(given, model, september, "BDG-07")
    again = issued_rows(later, EFFICIENCY_BILL.compute(with_bundle(later, model), september, FACTS))
    assert [row["customer_id"] for row in again[EfficiencyBillV1]] == ["BDG-07"]
    cheaper = funds_notice(FACTS, "0.02", "notice on funds", date(2026, 10, 25))
    issued = EFFICIENCY_BILL.compute(with_bundle(later, model), september, cheaper)
    found = issued_rows(later, issued)
    rows = {
        row["customer_id"]: row
        for row in found[EfficiencyBillCorrectionsV1]
        if row["customer_id"] != "STEEL-01"
    }
    energy = {row["customer_id"]: row["energy_kwh"] for row in found[EfficiencyBillV1]}
    assert set(rows) == {*OFFICES} - {"BDG-07"}
    for name, row in rows.items():
        before, after = (round_to_fen(energy[name] * Decimal(price)) for price in ("0.02923875", "0.02"))
        assert (row["issued_amount_cny"], row["difference_cny"], row["notices"]) == (
            before,
            after - before,
            ["notice on funds"],
        )
        assert (row["corrected_revision"], row["corrected_date"]) == (1, date(2026, 10, 5))


@pytest.mark.parametrize("most_on_driver", [0, 5_000])
def test_a_month_read_again_reads_no_line_of_what_came_out_alike(
    given: Any, model: TrainedModel, monkeypatch: pytest.MonkeyPatch, most_on_driver: int
) -> None:
    """Digests alone tell: lines and cases of the bills that stand may as well be gone."""
    monkeypatch.setattr(issue_month, "MOST_ON_DRIVER", most_on_driver)
    september = BillingMonth.parse("2026-09")
    later = issued_before(given, model, september, "nobody")
    bills = {EfficiencyBillV1: later.standing(EfficiencyBillV1)}
    alone = SimpleNamespace(**(vars(later) | {"standing": lambda table: bills.get(table, [])}))
    again = issued_rows(alone, EFFICIENCY_BILL.compute(with_bundle(alone, model), september, FACTS))
    assert again[EfficiencyBillV1] == []


@pytest.mark.parametrize("most_on_driver", [0, 5_000])
def test_a_month_without_prices_surfaces_as_itself(
    given: Any, model: TrainedModel, monkeypatch: pytest.MonkeyPatch, most_on_driver: int
) -> None:
    monkeypatch.setattr(issue_month, "MOST_ON_DRIVER", most_on_driver)
    july = BillingMonth.parse("2026-07")
    with pytest.raises(HaltedMonthError, match=r"transmission.*2026-07-01") as caught:
        EFFICIENCY_BILL.compute(with_bundle(given, model), july, FACTS)
    assert isinstance(caught.value.error, FactNotInForceError)
    assert caught.value.month == july
    ((told, frame),) = caught.value.accounts.items()
    assert told is EfficiencyBillUnbilledV1
    rows = {row["customer_id"]: row for row in frame.to_pylist()}
    assert {*OFFICES} <= set(rows)
    for name in OFFICES:
        assert rows[name]["reason_code"] == "price_not_published"
        assert caught.value.error.fact_id in rows[name]["detail_zh"]
        assert caught.value.error.message in rows[name]["detail_en"]
        assert "zhixiang run --month 2026-07" in rows[name]["detail_en"]


@pytest.mark.parametrize("most_on_driver", [0, 5_000])
def test_a_price_that_only_the_making_of_a_bill_misses_halts_the_month_as_well(
    given: Any, model: TrainedModel, monkeypatch: pytest.MonkeyPatch, most_on_driver: int
) -> None:
    """Of a kind the first may ask for less than the others; an error of a worker is told as itself."""
    monkeypatch.setattr(issue_month, "MOST_ON_DRIVER", most_on_driver)
    monkeypatch.setattr(product, "check_prices", lambda *_given: None)
    with pytest.raises(HaltedMonthError, match=r"transmission.*2026-07-01") as caught:
        EFFICIENCY_BILL.compute(with_bundle(given, model), BillingMonth.parse("2026-07"), FACTS)
    (frame,) = caught.value.accounts.values()
    assert {*OFFICES} <= {row["customer_id"] for row in frame.to_pylist()}


def test_a_month_that_halts_leaves_no_file_of_the_months_before_it(
    given: Any, model: TrainedModel, tmp_path: Path
) -> None:
    _, step = STEPS
    asked = with_bundle(given, model, "2026-09", "2026-07")
    asked.location = lambda table: str(tmp_path / table.name)
    with pytest.raises(HaltedMonthError):
        step.apply(asked)  # type: ignore[union-attr]
    assert [*tmp_path.rglob("*.parquet")] == []


def test_a_month_in_which_nobody_is_billed_says_so_of_everybody(given: Any, model: TrainedModel) -> None:
    asked = with_bundle(given, model, "2026-09")
    billed = asked.settings.section(EfficiencyBillSettings)
    nobody = billed.model_copy(
        update={"billed": BilledSettings(classes=(), left_out_provenances=(), prefixes=("NOBODY",))}
    )
    sections = {EfficiencyBillSettings: nobody}
    asked.settings = SimpleNamespace(section=lambda kind: sections.get(kind) or given.settings.section(kind))
    found = issued_rows(asked, EFFICIENCY_BILL.compute(asked, BillingMonth.parse("2026-09"), FACTS))
    assert found[EfficiencyBillV1] == []
    told = {row["customer_id"]: row["reason_code"] for row in found[EfficiencyBillUnbilledV1]}
    assert {told[name] for name in OFFICES} == {"left_out_by_setting"}


def test_a_reference_without_days_is_refused(given: Any, tmp_path: Any) -> None:
    conf = tmp_path / "conf"
    conf.mkdir()
    text = (CONF / "efficiency_bill.yaml").read_text(encoding="utf-8")
    changed = text.replace("reference_to: null", "reference_to: 2020-07-31")
    (conf / "efficiency_bill.yaml").write_text(changed, encoding="utf-8")
    with pytest.raises(TooLittleDataError, match="reference period"):
        train(SimpleNamespace(**(vars(given) | {"settings": Settings(conf, conf)})))  # type: ignore[arg-type]
