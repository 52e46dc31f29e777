"""The simulated malls through the product, from their files on: colours of both malls, implied prices against
the truth, buckets.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from pipelines.engine.revisions import Bucket
from pipelines.engine.step import Step
from pipelines.errors import FactNotInForceError
from pipelines.facts import Facts
from pipelines.models.model import ModelBundle, TrainedModel
from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.settings import Settings
from pipelines.storage.store import Store
from pipelines.tables.base import Table
from pipelines.tables.silver import SilverCustomers, SilverTransferDeclarations
from pipelines.tables.supplies import GoldBillingSupplies
from pipelines.transforms.billing.supply import Accounts
from products.transfer_fee_code.coded_rows import coded_rows
from products.transfer_fee_code.price.lawful_reference import known_bills
from products.transfer_fee_code.product import TRANSFER_FEE_CODE, MonthRows
from products.transfer_fee_code.served_model import MODEL, ImpliedPrices, _load_pyfunc
from products.transfer_fee_code.settings import TransferFeeCodeSettings
from products.transfer_fee_code.steps import STEPS
from products.transfer_fee_code.tables import TransferFeeCodeV1
from tests.issued_rows import waiting_rows
from tests.supplies import supplies_of
from tests.unit.products.transfer_fee_code.computed import compute, fee_codes
from tests.unit.products.transfer_fee_code.malls import MONTHS, Malls
from tests.written_tables import written

AUGUST, SEPTEMBER = MONTHS[1], MONTHS[2]


def test_every_colour_occurs_and_each_tenant_has_the_one_its_truth_demands(codes: dict[str, Any]) -> None:
    colours = {
        month: {tenant[-5:]: code["row"]["colour_code"] for tenant, code in tenants.items()}
        for month, tenants in codes.items()
    }
    ordinary_a = ["A-001", "A-002", "A-003", "A-004", "A-006", "A-008", "A-010"]
    ordinary_b = ["B-001", "B-002", "B-004", "B-005", "B-007", "B-008", "B-009", "B-010", "B-011"]
    for found in colours.values():
        assert {found[tenant] for tenant in ordinary_a} == {"green"}
        assert {found["A-005"], found["A-007"], found["A-009"]} == {"yellow"}
        assert {found[tenant] for tenant in ordinary_b} == {"red"}
        assert found["B-003"] == "yellow"
        assert found["B-006"] == "green"
    assert (colours["2026-08"]["A-011"], colours["2026-09"]["A-011"]) == ("green", "grey")
    assert (colours["2026-08"]["A-012"], colours["2026-09"]["A-012"]) == ("grey", "green")
    assert (colours["2026-08"]["B-012"], colours["2026-09"]["B-012"]) == ("grey", "red")


def test_grey_says_why(codes: dict[str, Any]) -> None:
    assert codes["2026-09"]["SIM-TENANT-A-011"]["row"]["grey_reason_code"] == "implausible_price"
    assert codes["2026-08"]["SIM-TENANT-A-012"]["row"]["grey_reason_code"] == "zero_energy"
    for tenants in codes.values():
        for code in tenants.values():
            assert (code["row"]["colour_code"] == "grey") == (code["row"]["grey_reason_code"] is not None)


def test_implied_prices_hold_the_truth_in_their_bands(malls: Malls, model: TrainedModel) -> None:
    prices = ImpliedPrices.from_json(model.files["implied_price.json"])
    for entry in malls.truth["prices"]:
        found = prices.of(entry["supplier_customer_id"], entry["billing_month"])
        truth = float(entry["price_cny_per_kwh"])
        assert found.low_cny_per_kwh <= truth <= found.high_cny_per_kwh
        assert found.price_cny_per_kwh == pytest.approx(truth, rel=0.01)
        assert found.is_single_price is True
        assert found.tenants_inside >= 8


def test_evidence_adds_up(codes: dict[str, Any]) -> None:
    for tenants in codes.values():
        for code in tenants.values():
            row, evidence = code["row"], code["evidence"]
            assert evidence["charged_cny"] == evidence["fee_cny"] + evidence["other_charge_cny"]
            assert evidence["master_total_cny"] / evidence["master_energy_kwh"] == pytest.approx(
                row["reference_price_cny_per_kwh"], abs=Decimal("1e-9")
            )
            assert {"energy_base", "funds"} <= set(evidence["reference_fact_ids"])
            assert row["is_illustrative"] is True
            assert row["provenance"] == "simulated"
            if row["colour_code"] != "grey":
                over = max(Decimal(0), evidence["charged_cny"] - evidence["fair_fee_cny"])
                assert row["over_reference_cny"] == pytest.approx(over, abs=Decimal("0.02"))


def test_two_computations_are_equal_whatever_the_order(
    malls: Malls, model: TrainedModel, house: tuple[Settings, Facts]
) -> None:
    first = compute(malls, model, house, SEPTEMBER)
    malls.declarations.reverse()
    malls.determinants.reverse()
    try:
        assert compute(malls, model, house, SEPTEMBER) == first
    finally:
        malls.declarations.reverse()
        malls.determinants.reverse()


def test_a_month_without_prices_is_refused_by_the_facts_name(
    malls: Malls, model: TrainedModel, house: tuple[Settings, Facts]
) -> None:
    with pytest.raises(FactNotInForceError, match="transmission"):
        compute(malls, model, house, MONTHS[0])


def test_an_uncovered_supplier_is_grey_and_the_others_go_on(
    malls: Malls, model: TrainedModel, house: tuple[Settings, Facts]
) -> None:
    customers = [
        row | ({"voltage_level_code": "35kv"} if row["customer_id"] == "SIM-MALL-B" else {})
        for row in malls.customers
    ]
    bundle = ModelBundle(MODEL, "1", "champion", model.files, "digest")
    found = fee_codes(
        malls.of(AUGUST),
        Accounts(customers, malls.determinants),
        bundle,
        AUGUST,
        house[1],
        house[0].section(TransferFeeCodeSettings),
        house[0].section(PublicationSettings),
    )
    rows = found[TransferFeeCodeV1].to_pylist()
    assert {row["grey_reason_code"] for row in rows if row["supplier_customer_id"] == "SIM-MALL-B"} == {
        "master_not_priced"
    }
    assert "green" in {row["colour_code"] for row in rows if row["supplier_customer_id"] == "SIM-MALL-A"}


def test_served_model_answers_as_its_signature_says(model: TrainedModel, tmp_path: Path) -> None:
    import pandas as pd

    for name, content in model.files.items():
        (tmp_path / name).write_bytes(content)
    answered = _load_pyfunc(str(tmp_path)).predict(pd.DataFrame(dict(model.input_example)))
    pd.testing.assert_frame_equal(answered, pd.DataFrame(dict(model.output_example)))
    assert all(content.startswith(b"\x89PNG") for content in model.plots.values())
    assert model.metrics["leave_one_out_median_absolute_error_ratio"] < 0.02
    assert 0.7 < model.metrics["tenants_inside_ratio"] <= 1


@pytest.fixture
def given(malls: Malls, model: TrainedModel, house: tuple[Settings, Facts], tmp_path: Path) -> Any:
    """What the step is given of a home that holds the malls."""
    store = Store(Settings(house[0].conf_dir, tmp_path / "home"))
    metered = [row | {"missing_inputs": []} for row in malls.determinants]
    held = {
        SilverTransferDeclarations: malls.declarations,
        SilverCustomers: malls.customers,
        GoldBillingSupplies: supplies_of(malls.customers, metered),
    }

    def rows_of(table: type[Table], rows: list[dict[str, Any]]) -> pa.Table:
        schema = pa.schema([field.with_nullable(True) for field in table.arrow_schema()])
        return pa.Table.from_pylist([dict.fromkeys(schema.names) | row for row in rows], schema)

    return SimpleNamespace(
        settings=house[0],
        facts=house[1],
        months=(SEPTEMBER,),
        bundles={MODEL: ModelBundle(MODEL, "1", "champion", model.files, "digest")},
        paths=written(store, {table: rows_of(table, rows) for table, rows in held.items()}),
        location=store.path,
        standing=lambda _table: [],
        run_id="run",
        rules_digest="",
        store=store,
    )


def test_the_step_gives_the_same_rows(
    malls: Malls, model: TrainedModel, house: tuple[Settings, Facts], given: Any
) -> None:
    (code_step,) = [step for step in STEPS if isinstance(step, Step)]
    found = code_step.apply(given)
    expected = compute(malls, model, house, SEPTEMBER)
    assert set(found) == set(code_step.writes) == set(expected)
    issued = waiting_rows(given.store.path, found)
    for table, rows in expected.items():
        back = issued[table].select(rows.column_names).cast(rows.schema).to_pylist()
        assert sorted(back, key=str) == sorted(rows.to_pylist(), key=str)


def test_buckets_of_suppliers_give_the_rows_of_the_whole(given: Any) -> None:
    rows = MonthRows.of(given, SEPTEMBER)
    settings, limits = (
        given.settings.section(kind) for kind in (TransferFeeCodeSettings, PublicationSettings)
    )

    def of_bucket(number: int, count: int) -> list[dict[str, Any]]:
        declared = rows.declarations(Bucket("supplier_customer_id", number, count))
        suppliers = {
            row["supplier_customer_id"] for row in declared if row["billing_month"] == str(SEPTEMBER)
        }
        known = known_bills(suppliers, rows.accounts(suppliers), SEPTEMBER, given.facts, settings, limits)
        made = coded_rows(
            declared, known.bills, given.bundles[MODEL], SEPTEMBER, given.facts, settings, limits
        )
        return [row for table in made.values() for row in table.to_pylist()]

    parts = [of_bucket(number, 64) for number in range(64)]
    assert sorted((row for part in parts for row in part), key=str) == sorted(of_bucket(0, 1), key=str)
    assert sum(map(bool, parts)) > 1


def test_a_month_without_a_price_leaves_no_file(given: Any) -> None:
    with pytest.raises(FactNotInForceError, match="transmission"):
        TRANSFER_FEE_CODE.compute(given, MONTHS[0], given.facts)
    left = [*Path(given.store.path(TransferFeeCodeV1)).rglob("*.parquet")]
    assert not left


def test_other_months_do_not_make_a_small_month_large(given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    months = {str(month): MonthRows.of(given, month).declaration_count() for month in MONTHS}
    assert months == {str(month): 24 for month in MONTHS}
    # What is given has no session: workers cannot be asked.
    monkeypatch.setattr("products.transfer_fee_code.product.MOST_ON_DRIVER", 24)
    issued = TRANSFER_FEE_CODE.compute(given, SEPTEMBER, given.facts)
    assert issued[TransferFeeCodeV1].rows == 24


def test_a_month_before_the_code_existed_is_refused_before_workers_are_asked(
    given: Any, spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("products.transfer_fee_code.product.MOST_ON_DRIVER", -1)
    given.spark = spark
    with pytest.raises(FactNotInForceError, match="transfer_supply"):
        TRANSFER_FEE_CODE.compute(given, BillingMonth(2015, 1), given.facts)
