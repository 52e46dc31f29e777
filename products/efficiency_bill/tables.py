"""The efficiency bill: what is due and why, line by line, with advice in yuan."""

from __future__ import annotations

from enum import StrEnum

import pyarrow as pa

from pipelines.codes import (
    Confidence,
    CustomerClass,
    DemandBasis,
    LineComponent,
    PricingScheme,
    TouPeriod,
    VoltageLevel,
)
from pipelines.tables.base import (
    AMOUNT,
    BOOLEAN,
    CUSTOMER,
    DATE,
    DOUBLE,
    ENERGY,
    INTEGER,
    PRICE,
    STRING,
    Field,
    Layer,
    Table,
)
from pipelines.tables.revised import Revised, RevisedResult
from pipelines.units import Unit
from products.efficiency_bill.comparison.grounds import PeersHidden, Praise


class BaselineVerdict(StrEnum):
    """Where a month's energy lies against its own baseline."""

    BELOW = "below"
    WITHIN = "within"
    ABOVE = "above"


class RecordQuestion(StrEnum):
    """What a bill asks the customer to look up in its record before it compares."""

    FLOOR_AREA = "floor_area"


class UnbilledReason(StrEnum):
    """Why a customer that is known in a month has no bill of it that could be issued."""

    LEFT_OUT = "left_out_by_setting"
    NO_TERMS = "no_terms"
    NO_METER_POINT = "no_meter_point"
    NO_READINGS = "no_readings"
    CONTRACT_INCOMPLETE = "contract_incomplete"
    """The terms lack what a price depends on; from here on there is a bill, which charges nothing."""
    INPUT_MISSING = "input_missing"
    CONTRACT_REFUSED = "contract_refused"
    PRICE_NOT_PUBLISHED = "price_not_published"
    ILLUSTRATIVE_PRICE = "illustrative_price"
    """The bill has a total, which rests on a price that stands in for one that is not published."""


class CorrectionCause(StrEnum):
    """What brought a correction of a bill's lines."""

    PRICES = "prices"
    """A notice that became known after the issue and reaches back, or a price entered late: the metering and
    the contract are as they were.
    """
    INPUTS = "inputs"
    """What was metered or agreed for the month; prices may have changed as well."""


class EfficiencyBillV1(RevisedResult, Table):
    """One bill per customer and month: the total, what it is made of, and what it is compared with."""

    name = "efficiency_bill_v1"
    layer = Layer.PRODUCT
    partition_by = ("billing_month",)
    subject = CUSTOMER
    customer_id = Field(STRING, "Customer.", key=True)
    billing_month = Field(STRING, "Month billed, YYYY-MM.", key=True)
    customer_name = Field(STRING, "Name; simulated names say so.", nullable=False)
    meter_point_ids = Field(pa.list_(STRING), "Meter points billed together.", nullable=False)
    customer_class_code = Field(STRING, "Price class.", codes=CustomerClass)
    pricing_scheme_code = Field(STRING, "One- or two-part.", codes=PricingScheme)
    voltage_level_code = Field(STRING, "Supply voltage level.", codes=VoltageLevel)
    is_time_of_use = Field(BOOLEAN, "Whether time-of-use prices apply.")
    contract_capacity_kva = Field(DOUBLE, "Capacity in the contract.", unit=Unit.KVA)
    demand_basis_code = Field(STRING, "Basis of the basic charge.", codes=DemandBasis)
    contract_demand_kw = Field(DOUBLE, "Contract maximum demand.", unit=Unit.KW)
    power_factor_standard_ratio = Field(
        DOUBLE, "Power factor to be reached; empty where not applied.", unit=Unit.RATIO
    )
    period_first_date = Field(
        DATE,
        "First day billed, of a customer who is read on another day than the month's last; empty: the "
        "calendar month.",
        later=True,
    )
    period_last_date = Field(DATE, "Last day billed, likewise.", later=True)
    energy_kwh = Field(ENERGY, "Energy settled by the registers.", unit=Unit.KWH, nullable=False, minimum=0)
    total_cny = Field(
        AMOUNT,
        "Sum of the lines; empty where the contract asks for what was not metered, or is not known.",
        unit=Unit.CNY,
    )
    average_price_cny_per_kwh = Field(
        PRICE, "Total over energy; empty without energy.", unit=Unit.CNY_PER_KWH
    )
    max_demand_kw = Field(DOUBLE, "Highest 15-minute mean power; empty without a curve.", unit=Unit.KW)
    max_demand_date = Field(DATE, "Local day of the highest mean power.")
    power_factor_ratio = Field(
        ENERGY, "Monthly mean power factor; empty without reactive registers.", unit=Unit.RATIO
    )
    adjustment_ratio = Field(ENERGY, "Power factor adjustment as a ratio of its base.", unit=Unit.RATIO)
    previous_energy_kwh = Field(ENERGY, "Energy of the month before.", unit=Unit.KWH)
    previous_total_cny = Field(
        AMOUNT, "Total of the month before; empty where its prices are not published.", unit=Unit.CNY
    )
    peer_group = Field(STRING, "Group within which the customer is compared.")
    peer_count = Field(
        INTEGER, "Peers with the same input in the month, the customer among them.", nullable=False, minimum=0
    )
    peer_percentile_pct = Field(
        DOUBLE,
        "Share of the other peers that use less per square metre; empty below the least number of peers.",
        unit=Unit.PERCENT,
        minimum=0,
        maximum=100,
    )
    intensity_kwh_per_m2 = Field(DOUBLE, "Energy of the month per floor area.", unit=Unit.KWH_PER_M2)
    peer_median_kwh_per_m2 = Field(DOUBLE, "Median of the peers.", unit=Unit.KWH_PER_M2)
    baseline_kwh = Field(
        DOUBLE, "Energy that the customer's own past and the weather let expect.", unit=Unit.KWH
    )
    baseline_low_kwh = Field(DOUBLE, "Lower edge of the band.", unit=Unit.KWH)
    baseline_high_kwh = Field(DOUBLE, "Upper edge of the band.", unit=Unit.KWH)
    baseline_verdict_code = Field(STRING, "Where the month lies.", codes=BaselineVerdict)
    band_coverage_ratio = Field(
        DOUBLE,
        (
            "Share of customers whose billed months really lay in their bands, as the model tells; below the "
            "limit of the settings there is no verdict. Empty where it was not measured."
        ),
        unit=Unit.RATIO,
        minimum=0,
        maximum=1,
        later=True,
    )
    record_question_code = Field(
        STRING,
        "What of the record to look at, as energy per floor area lies far from all peers; then no rank.",
        codes=RecordQuestion,
        later=True,
    )
    peers_hidden_code = Field(STRING, "Why nothing is compared with peers.", codes=PeersHidden, later=True)
    praise_codes = Field(
        pa.list_(STRING),
        "What the customer is praised for; empty up to 0.4.0.",
        codes=Praise,
        later=True,
    )
    joint_saving_cny = Field(
        AMOUNT,
        "What all of its advice together would have saved, priced once; empty with fewer than two.",
        unit=Unit.CNY,
        later=True,
    )
    baseline_kind = Field(
        STRING,
        "Form of the baseline: flat, cooling, heating, cooling_heating; day_type where there is no weather.",
    )
    day_kwh = Field(
        pa.list_(DOUBLE),
        "Energy of each local day of the month or period; null where a day has none.",
        unit=Unit.KWH,
        nullable=False,
    )
    day_expected_kwh = Field(
        pa.list_(DOUBLE), "What the baseline expects of each day.", unit=Unit.KWH, nullable=False
    )
    day_low_kwh = Field(pa.list_(DOUBLE), "Lower edge of the day's band.", unit=Unit.KWH, nullable=False)
    day_high_kwh = Field(pa.list_(DOUBLE), "Upper edge of the day's band.", unit=Unit.KWH, nullable=False)
    day_is_spread = Field(
        pa.list_(BOOLEAN),
        "Whether a day's energy is a share of what one read after missed ones settled; empty up to 0.4.0.",
        later=True,
    )
    emission_kg_co2 = Field(DOUBLE, "Energy times the emission factor.", unit=Unit.KG_CO2)
    emission_factor_kg_co2_per_kwh = Field(
        PRICE, "The factor, of the newest year published.", unit=Unit.KG_CO2_PER_KWH
    )
    estimated_ratio = Field(
        DOUBLE,
        "Share of the curve's energy that was estimated.",
        unit=Unit.RATIO,
        nullable=False,
        minimum=0,
        maximum=1,
    )
    is_estimated_above_limit = Field(
        BOOLEAN, "Whether that share is above the limit of the settings.", nullable=False
    )
    missing_inputs = Field(
        pa.list_(STRING),
        "What the bill cannot show and what its contract agrees beside the rules, by name.",
        nullable=False,
    )
    is_illustrative = Field(
        BOOLEAN,
        "Whether an illustrative price was used (示意电价); such a bill cannot be issued.",
        nullable=False,
    )
    lowest_confidence_code = Field(STRING, "The least sure fact behind the total.", codes=Confidence)
    model_name = Field(STRING, "Model of the baseline; an empty text where none was trained.", nullable=False)
    model_version = Field(STRING, "Its version; an empty text likewise.", nullable=False)
    provenance = Field(
        STRING, "real, dates_shifted, derived, assumed, simulated; joined by +.", nullable=False
    )


class EfficiencyBillLinesV1(Revised, Table):
    """The lines of a bill: quantity times price is the amount, rounded once; the lines sum to the total."""

    name = "efficiency_bill_lines_v1"
    layer = Layer.PRODUCT
    partition_by = ("billing_month",)
    subject = CUSTOMER
    customer_id = Field(STRING, "Customer.", key=True)
    billing_month = Field(STRING, "Month billed, YYYY-MM.", key=True)
    line_number = Field(INTEGER, "Place on the bill.", key=True, minimum=1)
    component_code = Field(STRING, "What is charged.", codes=LineComponent, nullable=False)
    period_code = Field(STRING, "Time-of-use period; empty where it does not matter.", codes=TouPeriod)
    quantity = Field(
        ENERGY,
        "How much, in the unit beside it; shown to six decimals, in a part of a month it may have more.",
        nullable=False,
    )
    quantity_unit = Field(STRING, "Unit of the quantity.", nullable=False)
    unit_price = Field(PRICE, "Exact price, never rounded.", nullable=False)
    price_unit = Field(STRING, "Unit of the price.", nullable=False)
    amount_cny = Field(
        AMOUNT, "The exact quantity times price, rounded once, half up.", unit=Unit.CNY, nullable=False
    )
    fact_id = Field(STRING, "The fact behind the price.", nullable=False)
    fact_confidence_code = Field(STRING, "How sure that fact is.", codes=Confidence, nullable=False)
    formula = Field(STRING, "How the line comes about.", nullable=False)
    first_date = Field(
        DATE, "First day that the line covers where it is not the whole month; empty: the whole month."
    )
    last_date = Field(DATE, "Last day that the line covers; empty: the whole month.")
    section_name = Field(
        STRING, "Part of the supply behind the main meter that the line belongs to; empty for the main part."
    )
    rests_on_fact_ids = Field(
        pa.list_(STRING),
        "Every fact that quantity or price come from; empty on lines issued before it was kept.",
    )
    power_factor_standard_ratio = Field(
        ENERGY, "Power factor to be reached, of an adjustment.", unit=Unit.RATIO
    )


class EfficiencyBillAdviceV1(Revised, Table):
    """Advice with what it would have saved in the month, each found by pricing the month again."""

    name = "efficiency_bill_advice_v1"
    layer = Layer.PRODUCT
    partition_by = ("billing_month",)
    subject = CUSTOMER
    customer_id = Field(STRING, "Customer.", key=True)
    billing_month = Field(STRING, "Month billed, YYYY-MM.", key=True)
    rank = Field(INTEGER, "1 for the largest saving.", key=True, minimum=1)
    advice_id = Field(STRING, "Advice of the catalogue, EB-A...", nullable=False)
    saving_cny = Field(
        AMOUNT, "What the month would have cost less.", unit=Unit.CNY, nullable=False, minimum=0
    )
    advice_zh = Field(STRING, "The advice in Chinese.", nullable=False)
    advice_en = Field(STRING, "The advice in English.", nullable=False)
    assumption_zh = Field(STRING, "What it takes for granted, in Chinese.", nullable=False)
    assumption_en = Field(STRING, "What it takes for granted, in English.", nullable=False)
    advice_inputs = Field(STRING, "The figures used, as JSON.", nullable=False)


class EfficiencyBillInputsV1(Revised, Table):
    """All that a bill was made from: with the rules kept under their digest it gives the bill again, whatever
    became of the other tables.
    """

    name = "efficiency_bill_inputs_v1"
    layer = Layer.PRODUCT
    partition_by = ("billing_month",)
    subject = CUSTOMER
    customer_id = Field(STRING, "Customer.", key=True)
    billing_month = Field(STRING, "Month billed, YYYY-MM.", key=True)
    case_inputs = Field(
        STRING,
        "Terms, supplies of the month and the one before, peers, baseline and days of the bill, as JSON.",
        nullable=False,
    )


class EfficiencyBillCorrectionsV1(Revised, Table):
    """The correction sheet (退补单) of a revision: line by line what it charges more or less than the
    revision that it corrects, which stays
    as issued. The differences sum to the difference of the totals; a first issue has none.
    """

    name = "efficiency_bill_corrections_v1"
    layer = Layer.PRODUCT
    partition_by = ("billing_month",)
    subject = CUSTOMER
    customer_id = Field(STRING, "Customer.", key=True)
    billing_month = Field(STRING, "Month billed, YYYY-MM.", key=True)
    correction_number = Field(INTEGER, "Place on the sheet.", key=True, minimum=1)
    corrected_revision = Field(INTEGER, "The revision that is corrected.", nullable=False, minimum=1)
    corrected_date = Field(
        DATE, "Local day on which that revision was issued; empty where its run does not tell."
    )
    cause_code = Field(
        STRING,
        "What brought the correction; the same on all rows of a sheet.",
        codes=CorrectionCause,
        nullable=False,
    )
    component_code = Field(STRING, "What is charged.", codes=LineComponent, nullable=False)
    period_code = Field(STRING, "Time-of-use period; empty where it does not matter.", codes=TouPeriod)
    issued_line_number = Field(INTEGER, "Line of the corrected revision; empty where it had none.", minimum=1)
    now_line_number = Field(INTEGER, "Line of this revision; empty where it has none.", minimum=1)
    issued_quantity = Field(ENERGY, "Quantity as issued, in the unit beside it.")
    now_quantity = Field(ENERGY, "Quantity now, in the same unit.")
    quantity_unit = Field(STRING, "Unit of the quantities.", nullable=False)
    issued_unit_price = Field(PRICE, "Price as issued.")
    now_unit_price = Field(PRICE, "Price now.")
    price_unit = Field(STRING, "Unit of the prices.", nullable=False)
    issued_amount_cny = Field(
        AMOUNT, "Amount as issued; 0 where the line was not there.", unit=Unit.CNY, nullable=False
    )
    now_amount_cny = Field(AMOUNT, "Amount now; 0 where the line is gone.", unit=Unit.CNY, nullable=False)
    difference_cny = Field(
        AMOUNT,
        "Now less issued: above 0 to be collected, below 0 to be refunded.",
        unit=Unit.CNY,
        nullable=False,
    )
    issued_fact_id = Field(STRING, "The fact behind the price as issued.")
    now_fact_id = Field(STRING, "The fact behind the price now.")
    issued_documents = Field(
        pa.list_(STRING),
        "Documents of the prices as issued; empty where no known version gives them.",
        nullable=False,
    )
    now_documents = Field(pa.list_(STRING), "Documents of the prices now.", nullable=False)
    notices = Field(
        pa.list_(STRING),
        "Documents that came in between and set the price; empty where the line follows from others.",
        nullable=False,
    )


class EfficiencyBillUnbilledV1(Table):
    """Who has no bill of a month that could be issued, and why: one row each, replaced with the month."""

    name = "efficiency_bill_unbilled_v1"
    layer = Layer.PRODUCT
    partition_by = ("billing_month",)
    billing_month = Field(STRING, "Month, YYYY-MM.", key=True)
    customer_id = Field(STRING, "Customer.", key=True)
    customer_name = Field(STRING, "Name; empty where no record of customers names it.")
    reason_code = Field(STRING, "Why.", codes=UnbilledReason, nullable=False)
    detail_zh = Field(STRING, "The same in words, in Chinese.", nullable=False)
    detail_en = Field(STRING, "The same in words, in English.", nullable=False)
    computed_run_id = Field(STRING, "The run that computed the row.", run=True)
