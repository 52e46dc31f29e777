"""The transfer-supply fee code: its colour, and the comparison behind it under the same key."""

from __future__ import annotations

import pyarrow as pa

from pipelines.codes import Confidence, FeeCodeColour, GreyReason
from pipelines.tables.base import AMOUNT, BOOLEAN, DOUBLE, ENERGY, INTEGER, PRICE, STRING, Field, Layer, Table
from pipelines.tables.revised import Revised, RevisedResult
from pipelines.units import Unit

SHOWN_PERCENT = pa.decimal128(18, 4)
SUPPLIER = "supplier_customer_id"


class TransferFeeCodeV1(RevisedResult, Table):
    """One fee code per tenant, supplier and month: a risk flag with its number, no legal finding."""

    name = "transfer_fee_code_v1"
    layer = Layer.PRODUCT
    partition_by = ("billing_month",)
    subject = SUPPLIER
    tenant_id = Field(STRING, "Tenant.", key=True)
    supplier_customer_id = Field(STRING, "Customer number of the supplier's master account.", key=True)
    billing_month = Field(STRING, "Month charged, YYYY-MM.", key=True)
    tenant_name = Field(STRING, "Name; simulated names say so.", nullable=False)
    supplier_name = Field(STRING, "Name of the supplier; empty where the master account is not known.")
    declaration_id = Field(STRING, "The declaration that the code answers.", nullable=False)
    colour_code = Field(
        STRING, "Green, yellow, red; grey where nothing can be said.", codes=FeeCodeColour, nullable=False
    )
    grey_reason_code = Field(STRING, "Why the code is grey; empty for the other colours.", codes=GreyReason)
    mark_up_ratio = Field(
        PRICE, "Charged price over the lawful reference, less one; empty where grey.", unit=Unit.RATIO
    )
    mark_up_pct = Field(
        SHOWN_PERCENT,
        "The same as shown: two decimals, more where two would cross the edge of a band.",
        unit=Unit.PERCENT,
    )
    charged_price_cny_per_kwh = Field(
        PRICE,
        "Everything charged for electricity, over the energy; empty without energy.",
        unit=Unit.CNY_PER_KWH,
        minimum=0,
    )
    reference_price_cny_per_kwh = Field(
        PRICE, "Lawful reference of the month; empty without one.", unit=Unit.CNY_PER_KWH, minimum=0
    )
    over_reference_cny = Field(
        AMOUNT,
        "Charged above the lawful reference, whatever the colour; 0 at or below it, empty without one.",
        unit=Unit.CNY,
        minimum=0,
    )
    energy_kwh = Field(ENERGY, "Energy declared.", unit=Unit.KWH, nullable=False, minimum=0)
    estimated_ratio = Field(
        DOUBLE,
        "Share of the master account's energy that was estimated; empty without a master account.",
        unit=Unit.RATIO,
        minimum=0,
        maximum=1,
    )
    is_illustrative = Field(
        BOOLEAN, "Whether an illustrative price stands behind the reference (示意电价).", nullable=False
    )
    model_name = Field(
        STRING, "Model of the supplier's implied price; an empty text where none was trained.", nullable=False
    )
    model_version = Field(STRING, "Its version; an empty text likewise.", nullable=False)
    provenance = Field(
        STRING, "real, dates_shifted, derived, assumed, simulated; joined by +.", nullable=False
    )


class TransferFeeCodeEvidenceV1(Revised, Table):
    """The comparison behind a fee code: what was charged, what the supplier paid, the bands, the supplier's
    implied price.
    """

    name = "transfer_fee_code_evidence_v1"
    layer = Layer.PRODUCT
    partition_by = ("billing_month",)
    subject = SUPPLIER
    tenant_id = Field(STRING, "Tenant.", key=True)
    supplier_customer_id = Field(STRING, "Customer number of the supplier's master account.", key=True)
    billing_month = Field(STRING, "Month charged, YYYY-MM.", key=True)
    energy_kwh = Field(ENERGY, "Energy declared.", unit=Unit.KWH, nullable=False, minimum=0)
    fee_cny = Field(
        ENERGY, "Electricity fee declared, tax included.", unit=Unit.CNY, nullable=False, minimum=0
    )
    other_charge_cny = Field(
        ENERGY,
        "Charges on top under other names; 0 where none was declared.",
        unit=Unit.CNY,
        nullable=False,
        minimum=0,
    )
    charged_cny = Field(ENERGY, "Fee and charges on top.", unit=Unit.CNY, nullable=False, minimum=0)
    fee_price_cny_per_kwh = Field(PRICE, "The fee alone over the energy.", unit=Unit.CNY_PER_KWH, minimum=0)
    charged_price_cny_per_kwh = Field(
        PRICE, "Fee and charges on top over the energy.", unit=Unit.CNY_PER_KWH, minimum=0
    )
    master_total_cny = Field(
        AMOUNT, "What the master account pays for the month, tax included.", unit=Unit.CNY
    )
    master_energy_kwh = Field(ENERGY, "Energy that the master account bought.", unit=Unit.KWH, minimum=0)
    master_missing_days = Field(
        INTEGER, "Days of the month without settled energy of the master account.", unit=Unit.DAYS, minimum=0
    )
    master_missing_inputs = Field(
        pa.list_(STRING), "What the master account's bill cannot show, by name.", nullable=False
    )
    purchase_price_cny_per_kwh = Field(
        PRICE, "Master total over master energy.", unit=Unit.CNY_PER_KWH, minimum=0
    )
    loss_cap_ratio = Field(
        PRICE,
        "Loss that may be added; the reference is the purchase price over one less this.",
        unit=Unit.RATIO,
        minimum=0,
        maximum=1,
    )
    reference_price_cny_per_kwh = Field(PRICE, "Lawful reference.", unit=Unit.CNY_PER_KWH, minimum=0)
    fair_fee_cny = Field(AMOUNT, "Energy declared at the lawful reference.", unit=Unit.CNY, minimum=0)
    over_reference_cny = Field(AMOUNT, "Charged above the lawful reference.", unit=Unit.CNY, minimum=0)
    reference_fact_ids = Field(
        pa.list_(STRING), "Facts behind the master account's bill, by name.", nullable=False
    )
    reference_confidence_code = Field(STRING, "The least sure of them.", codes=Confidence)
    is_illustrative = Field(BOOLEAN, "Whether one of them is illustrative (示意电价).", nullable=False)
    green_max_ratio = Field(PRICE, "Green up to and including this mark-up.", unit=Unit.RATIO)
    red_min_ratio = Field(PRICE, "Red at or above this mark-up.", unit=Unit.RATIO)
    colour_fact_id = Field(STRING, "Fact that holds the bands.", nullable=False)
    colour_confidence_code = Field(STRING, "How sure the bands are.", codes=Confidence, nullable=False)
    usual_kwh = Field(
        ENERGY,
        "Median energy that the tenant declared in the months before; empty where they are too few.",
        unit=Unit.KWH,
        minimum=0,
        later=True,
    )
    tenants_energy_kwh = Field(
        ENERGY,
        "Energy that all tenants of the supplier declared for the month.",
        unit=Unit.KWH,
        minimum=0,
        later=True,
    )
    reading_day_cny = Field(
        AMOUNT,
        "What a reading of the sub-meter beside the supplier's own day may explain by itself.",
        unit=Unit.CNY,
        minimum=0,
        later=True,
    )
    is_group_publishable = Field(
        BOOLEAN,
        "Whether figures of all the supplier's tenants together may be shown to one of them (15/15 rule).",
        later=True,
    )
    implied_price_cny_per_kwh = Field(
        DOUBLE,
        "The supplier's price by its tenants' fees; empty from fewer tenants than needed.",
        unit=Unit.CNY_PER_KWH,
        minimum=0,
    )
    implied_low_cny_per_kwh = Field(DOUBLE, "Lower end of its band.", unit=Unit.CNY_PER_KWH, minimum=0)
    implied_high_cny_per_kwh = Field(DOUBLE, "Upper end of its band.", unit=Unit.CNY_PER_KWH, minimum=0)
    implied_tenants = Field(INTEGER, "Tenants that the implied price rests on.", nullable=False, minimum=0)
    implied_tenants_inside = Field(
        INTEGER, "Of them, those whose fee agrees with it.", nullable=False, minimum=0
    )
    is_single_price = Field(
        BOOLEAN, "Whether one price explains most of the energy; empty without an implied price."
    )
    is_inside_implied = Field(
        BOOLEAN, "Whether this tenant's fee agrees with the implied price; empty without one."
    )
    implied_note = Field(STRING, "Why there is no implied price; empty where there is one.")
    comparison = Field(STRING, "The comparison in words.", nullable=False)
