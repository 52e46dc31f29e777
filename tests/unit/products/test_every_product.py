"""The one list of products: what it says is true, and whoever is on it appears everywhere."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field as SettingField

from pipelines.engine.step import Step, WriteMode
from pipelines.settings import SettingsFile
from pipelines.tables.base import STRING, Field, Layer, Table, all_tables
from products import every_product
from products.every_product import PRODUCTS, delivered_products, products_as_told
from products.protocol import Product, named, steps_of
from zhixiang.chain import all_stages, all_steps, chosen_stages, declared_tables
from zhixiang.conf_files import setting_files
from zhixiang.generated_docs import render_flow, render_settings, render_tables

pytestmark = pytest.mark.long


def loaded_by(module: str) -> set[str]:
    """All modules that a fresh interpreter holds after one import."""
    told = subprocess.run(
        [sys.executable, "-c", f"import sys, {module}; print(' '.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(told.stdout.split())


def package_of(product: Product) -> str:
    return product.steps.partition(":")[0].removesuffix(".steps")


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_a_products_steps_load_no_other_product(product: Product) -> None:
    loaded = loaded_by(f"{package_of(product)}.steps")
    assert f"{package_of(product)}.product" in loaded
    others = {package_of(each) for each in PRODUCTS} - {package_of(product)}
    assert len(others) == len(PRODUCTS) - 1
    assert not {name for name in loaded for other in others if f"{name}.".startswith(f"{other}.")}
    assert "products.every_product" not in loaded


def test_the_import_contract_names_every_product() -> None:
    root = Path(__file__).resolve().parents[3]
    declared = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    (apart,) = [
        contract
        for contract in declared["tool"]["importlinter"]["contracts"]
        if contract["type"] == "independence"
    ]
    assert apart["modules"] == [package_of(product) for product in PRODUCTS]


def test_listing_products_imports_nothing_that_computes_or_sets_type() -> None:
    loaded = loaded_by("products.every_product")
    assert not loaded & {"jinja2", "typst", "xgboost", "sklearn", "pyspark"}
    assert not {name for name in loaded if name.startswith("zhixiang")}
    assert not {
        name for name in loaded if name.startswith("products.") and name.endswith((".steps", ".product"))
    }


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_what_a_product_says_is_true(product: Product) -> None:
    result = product.result
    assert result.key()[0] == product.subject
    assert {product.customer, *product.told} <= set(result.columns())
    assert len(result.partition_by) == 1
    assert product.corrections is None or product.corrections in product.evidence
    (own,) = [step for step in steps_of(product) if step.stage == product.name]
    assert isinstance(own, Step)
    assert set(own.writes) - set(product.own_tables) == {result, *product.evidence}
    written = {table for step in steps_of(product) if isinstance(step, Step) for table in step.writes}
    assert written == set(product.tables)
    assert product.delivered is not None
    assert callable(named(product.delivered.deliver))


def test_every_table_of_a_products_package_is_on_the_list() -> None:
    declared = set(declared_tables())
    assert {table for table in all_tables() if table.__module__.startswith("products.")} <= declared


def test_stages_follow_the_list_and_results_are_told_bills_first() -> None:
    assert all_stages() == (
        *("ingest", "silver", "gold", "train"),
        *("credit-index", "efficiency-bill", "fee-code", "deliver"),
    )
    assert [part.name for _, part in delivered_products()] == ["bills", "scores", "codes"]
    assert [product.name for product in products_as_told()] == ["efficiency-bill", "credit-index", "fee-code"]


class FlexibilityV1(Table):
    """What a customer could shift in a month."""

    name = "flexibility_v1"
    layer = Layer.PRODUCT
    partition_by = ("billing_month",)
    customer_id = Field(STRING, "Customer.", key=True)
    billing_month = Field(STRING, "Month, YYYY-MM.", key=True)


class FlexibilitySettings(SettingsFile):
    """``conf/flexibility.yaml``."""

    file: ClassVar[str] = "flexibility.yaml"

    shifted_share: float = SettingField(gt=0, description="Share that may be shifted.")


FLEXIBILITY_STEPS = (
    Step(
        stage="flexibility",
        name="flexibility",
        reads=(),
        writes={FlexibilityV1: WriteMode.REPLACE},
        apply=lambda _inputs: {},
    ),
)


def test_a_fourth_product_appears_everywhere_by_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    assert FlexibilityV1 not in declared_tables()
    fourth = Product(
        name="flexibility",
        subject="customer_id",
        customer="customer_id",
        result=FlexibilityV1,
        evidence=(),
        told=("customer_id",),
        settings=FlexibilitySettings,
        steps=f"{__name__}:FLEXIBILITY_STEPS",
    )
    monkeypatch.setattr(every_product, "PRODUCTS", (*PRODUCTS, fourth))
    assert all_stages()[-2:] == ("flexibility", "deliver")
    assert chosen_stages("flexibility", "flexibility") == ("flexibility",)
    assert FlexibilityV1 in declared_tables()
    assert setting_files()[-1] is FlexibilitySettings
    assert all_steps()[-1] is FLEXIBILITY_STEPS[0]
    assert products_as_told()[-1] is fourth
    assert "`flexibility_v1`" in render_tables()
    assert "`shifted_share`" in render_settings()
    assert "| flexibility | flexibility |" in render_flow()
