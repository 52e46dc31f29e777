"""Codes of a month as result and evidence: each declaration against the lawful reference of its supplier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypedDict

import pyarrow as pa

from pipelines.facts import Facts
from pipelines.facts.transfer_supply import TransferSupplyRules
from pipelines.models.model import ModelBundle
from pipelines.money import FEN, round_half_up
from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings, is_publishable
from pipelines.tables.base import Table
from pipelines.tables.revised import product_schema
from pipelines.tables.rows.silver import SilverTransferDeclarationsRow
from products.provenance import joined_provenance
from products.transfer_fee_code.page.words import comparison_in_words
from products.transfer_fee_code.price.colour import Declaration, Verdict, judge, quantised, usual_energy
from products.transfer_fee_code.price.lawful_reference import MasterBill
from products.transfer_fee_code.rows import (
    TransferFeeCodeEvidenceV1Computed,
    TransferFeeCodeEvidenceV1Inside,
    TransferFeeCodeV1Computed,
)
from products.transfer_fee_code.served_model import FILE, ImpliedPrices, SupplierPrice
from products.transfer_fee_code.settings import TransferFeeCodeSettings
from products.transfer_fee_code.tables import TransferFeeCodeEvidenceV1, TransferFeeCodeV1


class DeclarationKey(TypedDict):
    """Which declaration a row of a result or of its evidence is about."""

    tenant_id: str
    supplier_customer_id: str
    billing_month: str


_PRICE_DECIMALS = 10


def coded_rows(
    declarations: Sequence[SilverTransferDeclarationsRow],
    bills: Mapping[str, MasterBill],
    bundle: ModelBundle | None,
    month: BillingMonth,
    facts: Facts,
    settings: TransferFeeCodeSettings,
    limits: PublicationSettings,
) -> dict[type[Table], pa.Table]:
    """Result and evidence of one month, sorted by supplier and tenant, without the columns of a revision.

    declarations  Rows of silver_transfer_declarations of the month and those before, of the suppliers whole.
    bills         The master bill of every supplier.
    bundle        The champion of ``transfer_fee_implied_price``; None where none was trained: no code has an
                  implied price then, and each says so.
    """
    rules = facts.transfer_supply.on(month.last_day)
    prices = None if bundle is None else ImpliedPrices.from_json(bundle.files[FILE])
    implied = prices or ImpliedPrices.none(settings)
    results: list[TransferFeeCodeV1Computed] = []
    evidence: list[TransferFeeCodeEvidenceV1Computed] = []
    of_month = [row for row in declarations if row["billing_month"] == str(month)]
    ordered = sorted(of_month, key=lambda row: (row["supplier_customer_id"], row["tenant_id"]))
    usual = _usual(declarations, month, settings)
    groups = _groups(ordered, limits)
    of_suppliers = [implied.of(row["supplier_customer_id"], row["billing_month"]) for row in ordered]
    agreeing = implied.agreeing(
        of_suppliers,
        [float(row["fee_cny"]) for row in ordered],
        [float(row["energy_kwh"]) for row in ordered],
    )
    for row, price, agrees in zip(ordered, of_suppliers, agreeing, strict=True):
        bill = bills[row["supplier_customer_id"]]
        declared = Declaration(
            row["energy_kwh"],
            row["fee_cny"],
            row["other_charge_cny"] or Decimal(0),
            usual.get((row["tenant_id"], row["supplier_customer_id"])),
        )
        group = groups[row["supplier_customer_id"]]
        verdict = judge(declared, bill, rules, settings)
        key: DeclarationKey = {
            "tenant_id": row["tenant_id"],
            "supplier_customer_id": row["supplier_customer_id"],
            "billing_month": row["billing_month"],
        }
        results.append(_result_row(row, declared, bill, verdict, rules, bundle))
        reading_day = _of_reading_day(declared, month, settings)
        inside = _evidence_row(declared, bill, verdict, rules, price, agrees, facts, group, reading_day)
        evidence.append({**key, **inside})
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
    implied: SupplierPrice,
    agrees: bool | None,
    facts: Facts,
    group: _Group,
    reading_day: Fraction,
) -> TransferFeeCodeEvidenceV1Inside:
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
        "usual_kwh": declared.usual_kwh,
        "tenants_energy_kwh": group.energy_kwh,
        "reading_day_cny": _amount(reading_day),
        "is_group_publishable": group.is_publishable,
        "implied_price_cny_per_kwh": implied.price_cny_per_kwh,
        "implied_low_cny_per_kwh": implied.low_cny_per_kwh,
        "implied_high_cny_per_kwh": implied.high_cny_per_kwh,
        "implied_tenants": implied.tenants,
        "implied_tenants_inside": implied.tenants_inside,
        "is_single_price": implied.is_single_price,
        "is_inside_implied": agrees,
        "implied_note": implied.reason or None,
        "comparison": comparison_in_words(declared, bill, verdict, rules),
    }


@dataclass(frozen=True)
class _Group:
    """The tenants of a supplier in a month.

    energy_kwh      Declared by all of them. [kWh]
    is_publishable  Whether figures of all together may be shown to one of them.
    """

    energy_kwh: Decimal
    is_publishable: bool


def _groups(rows: Sequence[SilverTransferDeclarationsRow], limits: PublicationSettings) -> dict[str, _Group]:
    energies: dict[str, list[Decimal]] = {}
    for row in rows:
        energies.setdefault(row["supplier_customer_id"], []).append(row["energy_kwh"])
    return {
        name: _Group(sum(found, Decimal(0)), is_publishable(found, limits))
        for name, found in energies.items()
    }


def _usual(
    rows: Sequence[SilverTransferDeclarationsRow], month: BillingMonth, settings: TransferFeeCodeSettings
) -> dict[tuple[str, str], Decimal | None]:
    """Tenant and supplier -> what the months before tell, see ``usual_energy``."""
    before: dict[tuple[str, str], list[Decimal]] = {}
    for row in rows:
        if row["billing_month"] < str(month):
            key = row["tenant_id"], row["supplier_customer_id"]
            before.setdefault(key, []).append(row["energy_kwh"])
    return {key: usual_energy(found, settings) for key, found in before.items()}


def _of_reading_day(
    declared: Declaration, month: BillingMonth, settings: TransferFeeCodeSettings
) -> Fraction:
    """The fee of as much of a day as a tenant's reading may lie beside the supplier's. [CNY]"""
    days = Fraction(settings.implied_price.reading_date_tolerance_days)
    return Fraction(declared.fee_cny) * days / month.day_count


def _price(value: Fraction | None) -> Decimal | None:
    return None if value is None else quantised(value, _PRICE_DECIMALS)


def _amount(value: Fraction | None) -> Decimal | None:
    return None if value is None else round_half_up(quantised(value, 2), FEN)


def _arrow(table: type[Table], rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows in the columns of the declaration, without those that a revision adds."""
    own = product_schema(table)
    columns = [_column([row[field.name] for row in rows], field.type) for field in own]
    return pa.table(columns, schema=own)


def _column(values: list[Any], dtype: pa.DataType) -> pa.Array:
    """Arrow refuses a decimal whose scale differs; exact values take the declared scale."""
    if pa.types.is_decimal(dtype):
        step = Decimal(1).scaleb(-dtype.scale)
        values = [None if value is None else round_half_up(value, step) for value in values]
    return pa.array(values, dtype)
