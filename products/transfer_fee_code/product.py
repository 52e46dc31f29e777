"""The product: every tenant's declaration of a month against the lawful reference, as result and evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, TypedDict

import pyarrow as pa

from pipelines.facts import Facts
from pipelines.facts.transfer_supply import TransferSupplyRules
from pipelines.models.model import ModelBundle
from pipelines.money import FEN, round_half_up
from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.settings import SettingsFile
from pipelines.tables.base import Table, rows_of_table
from pipelines.tables.revised import product_schema
from pipelines.tables.rows.gold import GoldBillingSuppliesRow
from pipelines.tables.rows.silver import SilverCustomersRow, SilverTransferDeclarationsRow
from pipelines.tables.silver import SilverCustomers, SilverTransferDeclarations
from pipelines.tables.supplies import GoldBillingSupplies
from pipelines.transforms.billing.account_month import AccountsOfMonths
from pipelines.transforms.billing.supply_rows import Supplies
from products.provenance import joined_provenance
from products.transfer_fee_code.declaration import TRANSFER_FEE_CODE_DECLARED
from products.transfer_fee_code.page.words import comparison_in_words
from products.transfer_fee_code.price.colour import Declaration, Verdict, judge, quantised
from products.transfer_fee_code.price.lawful_reference import MasterBill, master_bills
from products.transfer_fee_code.rows import (
    TransferFeeCodeEvidenceV1Computed,
    TransferFeeCodeEvidenceV1Inside,
    TransferFeeCodeV1Computed,
)
from products.transfer_fee_code.served_model import FILE, MODEL, ImpliedPrices
from products.transfer_fee_code.settings import TransferFeeCodeSettings
from products.transfer_fee_code.tables import TransferFeeCodeEvidenceV1, TransferFeeCodeV1

if TYPE_CHECKING:
    from pipelines.engine.step import Inputs


class DeclarationKey(TypedDict):
    """Which declaration a row of a result or of its evidence is about."""

    tenant_id: str
    supplier_customer_id: str
    billing_month: str


_PRICE_DECIMALS = 10


class TransferFeeCode:
    """The transfer-supply fee code (转供电费码)."""

    name = TRANSFER_FEE_CODE_DECLARED.name
    reads: tuple[type[Table], ...] = (
        SilverTransferDeclarations,
        SilverCustomers,
        GoldBillingSupplies,
    )
    result: type[Table] = TRANSFER_FEE_CODE_DECLARED.result
    evidence: tuple[type[Table], ...] = TRANSFER_FEE_CODE_DECLARED.evidence
    models: tuple[str, ...] = ()
    optional_models: tuple[str, ...] = (MODEL,)
    accounts: tuple[type[Table], ...] = ()
    settings: tuple[type[SettingsFile], ...] = (TransferFeeCodeSettings, PublicationSettings)
    uses_facts = True

    def compute(self, inputs: Inputs, month: BillingMonth, facts: Facts) -> Mapping[type[Table], pa.Table]:
        """One code and one row of evidence per declaration of the month; raises FactNotInForceError where no
        price covers it.
        """
        from pyspark.sql import functions as F

        text = str(month)
        declared = inputs.frame(SilverTransferDeclarations).where(F.col("billing_month") == text)
        suppliers = F.broadcast(
            declared.select(F.col("supplier_customer_id").alias("customer_id")).distinct()
        )
        rows = inputs.frame(GoldBillingSupplies).where(F.col("billing_month") == text)
        supplies = rows.join(suppliers, "customer_id", "left_semi")
        customers = inputs.frame(SilverCustomers).join(suppliers, "customer_id", "left_semi")
        return fee_codes(
            rows_of_table(declared.toArrow(), SilverTransferDeclarationsRow),
            Supplies(
                rows_of_table(supplies.toArrow(), GoldBillingSuppliesRow),
                rows_of_table(customers.toArrow(), SilverCustomersRow),
            ),
            inputs.bundles.get(MODEL),
            month,
            facts,
            inputs.settings.section(TransferFeeCodeSettings),
            inputs.settings.section(PublicationSettings),
        )


TRANSFER_FEE_CODE = TransferFeeCode()


def fee_codes(
    declarations: Sequence[SilverTransferDeclarationsRow],
    accounts: AccountsOfMonths,
    bundle: ModelBundle | None,
    month: BillingMonth,
    facts: Facts,
    settings: TransferFeeCodeSettings,
    limits: PublicationSettings,
) -> dict[type[Table], pa.Table]:
    """Result and evidence of one month, sorted by supplier and tenant, without the columns of a revision.

    declarations  Rows of silver_transfer_declarations of the month.
    accounts      At least of the suppliers and the month.
    bundle        The champion of ``transfer_fee_implied_price``; None where none was trained: no code has an
                  implied price then, and each says so.
    """
    rules = facts.transfer_supply.on(month.last_day)
    suppliers = {row["supplier_customer_id"] for row in declarations}
    bills = master_bills(suppliers, accounts, month, facts, settings, limits)
    prices = None if bundle is None else ImpliedPrices.from_json(bundle.files[FILE])
    implied = prices or ImpliedPrices.none(settings)
    results: list[TransferFeeCodeV1Computed] = []
    evidence: list[TransferFeeCodeEvidenceV1Computed] = []
    for row in sorted(declarations, key=lambda row: (row["supplier_customer_id"], row["tenant_id"])):
        bill = bills[row["supplier_customer_id"]]
        declared = Declaration(row["energy_kwh"], row["fee_cny"], row["other_charge_cny"] or Decimal(0))
        verdict = judge(declared, bill, rules, settings)
        key: DeclarationKey = {
            "tenant_id": row["tenant_id"],
            "supplier_customer_id": row["supplier_customer_id"],
            "billing_month": row["billing_month"],
        }
        results.append(_result_row(row, declared, bill, verdict, rules, bundle))
        evidence.append({**key, **_evidence_row(declared, bill, verdict, rules, implied, facts, key)})
    return {
        TransferFeeCodeV1: _arrow(TransferFeeCodeV1, results),
        TransferFeeCodeEvidenceV1: _arrow(TransferFeeCodeEvidenceV1, evidence),
    }


def _result_row(
    row: SilverTransferDeclarationsRow,
    declared: Declaration,
    bill: MasterBill,
    verdict: Verdict,
    rules: TransferSupplyRules,
    bundle: ModelBundle | None,
) -> TransferFeeCodeV1Computed:
    return {
        "tenant_id": row["tenant_id"],
        "supplier_customer_id": row["supplier_customer_id"],
        "billing_month": row["billing_month"],
        "tenant_name": row["tenant_name"],
        "supplier_name": bill.supplier_name,
        "declaration_id": row["declaration_id"],
        "colour_code": verdict.colour.value,
        "grey_reason_code": verdict.grey_reason.value if verdict.grey_reason else None,
        "mark_up_ratio": _price(verdict.mark_up),
        "mark_up_pct": verdict.mark_up_pct,
        "charged_price_cny_per_kwh": _price(declared.charged_price),
        "reference_price_cny_per_kwh": _price(bill.reference_price(rules.loss_cap_ratio)),
        "over_reference_cny": _amount(verdict.over_reference),
        "energy_kwh": declared.energy_kwh,
        "estimated_ratio": bill.estimated_ratio,
        "is_illustrative": bill.is_illustrative,
        "model_name": "" if bundle is None else bundle.name,
        "model_version": "" if bundle is None else bundle.version,
        "provenance": joined_provenance([row["provenance"], *bill.provenance]),
    }


def _evidence_row(
    declared: Declaration,
    bill: MasterBill,
    verdict: Verdict,
    rules: TransferSupplyRules,
    prices: ImpliedPrices,
    facts: Facts,
    key: DeclarationKey,
) -> TransferFeeCodeEvidenceV1Inside:
    implied = prices.of(key["supplier_customer_id"], key["billing_month"])
    return {
        "energy_kwh": declared.energy_kwh,
        "fee_cny": declared.fee_cny,
        "other_charge_cny": declared.other_charge_cny,
        "charged_cny": declared.charged_cny,
        "fee_price_cny_per_kwh": _price(declared.fee_price),
        "charged_price_cny_per_kwh": _price(declared.charged_price),
        "master_total_cny": bill.total_cny,
        "master_energy_kwh": bill.energy_kwh,
        "master_missing_days": bill.missing_days,
        "master_missing_inputs": list(bill.missing_inputs),
        "purchase_price_cny_per_kwh": _price(bill.purchase_price),
        "loss_cap_ratio": rules.loss_cap_ratio,
        "reference_price_cny_per_kwh": _price(bill.reference_price(rules.loss_cap_ratio)),
        "fair_fee_cny": _amount(verdict.fair_fee),
        "over_reference_cny": _amount(verdict.over_reference),
        "reference_fact_ids": list(bill.fact_ids),
        "reference_confidence_code": bill.confidence.value if bill.confidence else None,
        "is_illustrative": bill.is_illustrative,
        "green_max_ratio": rules.green_max_ratio,
        "red_min_ratio": rules.red_min_ratio,
        "colour_fact_id": facts.transfer_supply.colours.fact_id,
        "colour_confidence_code": rules.colour_confidence.value,
        "implied_price_cny_per_kwh": implied.price_cny_per_kwh,
        "implied_low_cny_per_kwh": implied.low_cny_per_kwh,
        "implied_high_cny_per_kwh": implied.high_cny_per_kwh,
        "implied_tenants": implied.tenants,
        "implied_tenants_inside": implied.tenants_inside,
        "is_single_price": implied.is_single_price,
        "is_inside_implied": prices.agrees(implied, float(declared.fee_cny), float(declared.energy_kwh)),
        "implied_note": implied.reason or None,
        "comparison": comparison_in_words(declared, bill, verdict, rules),
    }


def _price(value: Fraction | None) -> Decimal | None:
    return None if value is None else quantised(value, _PRICE_DECIMALS)


def _amount(value: Fraction | None) -> Decimal | None:
    return None if value is None else round_half_up(quantised(value, 2), FEN)


def _arrow(table: type[Table], rows: Sequence[Mapping[str, object]]) -> pa.Table:
    """Rows in the columns of the declaration, without those that a revision adds."""
    own = product_schema(table)
    return pa.Table.from_pylist(
        [{name: _fitted(row[name], own.field(name).type) for name in own.names} for row in rows], schema=own
    )


def _fitted(value: object, dtype: pa.DataType) -> object:
    """Arrow refuses a decimal whose scale differs; exact values take the declared scale."""
    if isinstance(value, Decimal) and pa.types.is_decimal(dtype):
        return round_half_up(value, Decimal(1).scaleb(-dtype.scale))
    return value
