"""Codes of the simulated malls, computed without a store."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from pipelines.facts import Facts
from pipelines.models.model import ModelBundle, TrainedModel
from pipelines.periods import BillingMonth
from pipelines.publication import PublicationSettings
from pipelines.settings import Settings
from pipelines.transforms.billing.supply import Accounts
from products.transfer_fee_code.coded_rows import coded_rows
from products.transfer_fee_code.price.lawful_reference import master_bills
from products.transfer_fee_code.served_model import MODEL
from products.transfer_fee_code.settings import TransferFeeCodeSettings
from tests.unit.products.transfer_fee_code.malls import Malls


def fee_codes(
    declarations: list[Any],
    accounts: Accounts,
    bundle: ModelBundle,
    month: BillingMonth,
    facts: Facts,
    settings: TransferFeeCodeSettings,
    limits: PublicationSettings,
) -> dict[Any, pa.Table]:
    suppliers = {row["supplier_customer_id"] for row in declarations}
    bills = master_bills(suppliers, accounts, month, facts, settings, limits)
    return coded_rows(declarations, bills, bundle, month, facts, settings, limits)


def compute(
    malls: Malls, model: TrainedModel, house: tuple[Settings, Facts], month: BillingMonth
) -> dict[Any, pa.Table]:
    bundle = ModelBundle(MODEL, "1", "champion", model.files, "digest")
    settings = house[0].section(TransferFeeCodeSettings)
    return fee_codes(
        malls.of(month),
        Accounts(malls.customers, malls.determinants),
        bundle,
        month,
        house[1],
        settings,
        house[0].section(PublicationSettings),
    )
