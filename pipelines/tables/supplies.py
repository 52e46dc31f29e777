"""Gold: the month of a supply as the tariff engine takes it, with the meters behind it."""

from __future__ import annotations

import pyarrow as pa

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, VoltageLevel
from pipelines.tables.base import (
    BOOLEAN,
    CUSTOMER,
    DATE,
    DOUBLE,
    ENERGY,
    INTEGER,
    STRING,
    Field,
    Layer,
    Nested,
    Table,
)
from pipelines.units import Unit

DEMAND = pa.decimal128(18, 4)
"""Powers in steps of ``DEMAND_STEP_KW``."""


class SupplySegment(Nested):
    """Days of a month on which one contract prices one part of a supply."""

    section_name = Field(
        STRING, "Part behind the main meter; an empty text for the main part.", nullable=False
    )
    first_date = Field(DATE, "First day.", nullable=False)
    last_date = Field(DATE, "Last day.", nullable=False)
    energy_kwh = Field(ENERGY, "Active energy.", unit=Unit.KWH, nullable=False, minimum=0)
    period_kwh = Field(
        pa.list_(ENERGY), "Of it in 尖, 峰, 平, 谷, 深谷; empty where no periods are priced.", unit=Unit.KWH
    )
    max_demand_kw = Field(DEMAND, "Highest 15-minute mean power.", unit=Unit.KW, minimum=0)
    running_days = Field(INTEGER, "Days in operation; empty: all.", unit=Unit.DAYS, minimum=0)
    customer_class_code = Field(STRING, "Price class.", codes=CustomerClass, nullable=False)
    pricing_scheme_code = Field(STRING, "Pricing scheme.", codes=PricingScheme, nullable=False)
    voltage_level_code = Field(STRING, "Voltage level of the prices.", codes=VoltageLevel, nullable=False)
    is_time_of_use = Field(BOOLEAN, "Whether time-of-use prices apply.", nullable=False)
    contract_capacity_kva = Field(DOUBLE, "Capacity in the contract.", unit=Unit.KVA, minimum=0)
    running_capacity_kva = Field(DOUBLE, "Capacity in operation.", unit=Unit.KVA, minimum=0)
    demand_basis_code = Field(STRING, "What the basic charge is raised on.", codes=DemandBasis)
    contract_demand_kw = Field(DOUBLE, "Contract maximum demand.", unit=Unit.KW, minimum=0)
    power_factor_standard_ratio = Field(
        DOUBLE, "Power factor to be reached.", unit=Unit.RATIO, minimum=0, maximum=1
    )
    household_persons = Field(INTEGER, "Residential: persons of the household.", minimum=1)
    is_combined_meter = Field(BOOLEAN, "Residential: one price without tiers.", nullable=False)
    supply_began_date = Field(DATE, "Residential: day the supply began.")
    market_price_cny_per_kwh = Field(
        ENERGY, "Energy price agreed on the market.", unit=Unit.CNY_PER_KWH, minimum=0
    )
    export_price_cny_per_kwh = Field(
        ENERGY, "What the grid pays for energy fed in.", unit=Unit.CNY_PER_KWH, minimum=0
    )
    is_ev_charging = Field(BOOLEAN, "Whether the hours of charging points split the energy.", nullable=False)


class MainMeter(Nested):
    """A main meter point of the account in the month, as gold_billing_determinants has it."""

    meter_point_id = Field(STRING, "Meter point.", nullable=False)
    energy_kwh = Field(
        ENERGY, "Active energy that its registers settled.", unit=Unit.KWH, nullable=False, minimum=0
    )
    estimated_ratio = Field(
        DOUBLE, "Share of its curve's energy that was estimated.", unit=Unit.RATIO, nullable=False, minimum=0
    )
    max_demand_kw = Field(DOUBLE, "Highest 15-minute mean power.", unit=Unit.KW, minimum=0)
    max_demand_date = Field(DATE, "Local day of it.")
    transformer_loss_kwh = Field(ENERGY, "Active loss of its transformer.", unit=Unit.KWH, minimum=0)
    metered_days = Field(INTEGER, "Days with settled energy.", unit=Unit.DAYS, nullable=False, minimum=0)
    month_days = Field(INTEGER, "Days of the month or period.", unit=Unit.DAYS, nullable=False, minimum=1)
    missing_inputs = Field(pa.list_(STRING), "What the bill cannot show, by name.", nullable=False)


class SupplyMeter(Nested):
    """Days on which one meter, at one multiplier and under one row of a share, counts for a part."""

    section_name = Field(STRING, "Part that it counts for; an empty text for the main part.", nullable=False)
    meter_point_id = Field(STRING, "Meter point.", nullable=False)
    is_taken_out = Field(
        BOOLEAN, "Whether its energy is taken out of the part instead of counted for it.", nullable=False
    )
    customer_id = Field(STRING, "Customer supplied through it; empty where the records name none.")
    share_id = Field(STRING, "The share that gives the part its energy.")
    share_ratio = Field(
        ENERGY, "Fixed share of the main meter's energy.", unit=Unit.RATIO, minimum=0, maximum=1
    )
    share_kwh = Field(ENERGY, "Fixed energy of a month.", unit=Unit.KWH, minimum=0)
    main_meter_point_id = Field(STRING, "Of a share: the main meter point that it is a part of.")
    share_from_date = Field(DATE, "First day of the share's terms: its row of silver_supply_shares.")
    first_date = Field(DATE, "First day.", nullable=False)
    last_date = Field(DATE, "Last day.", nullable=False)
    multiplier_ratio = Field(
        DOUBLE, "CT ratio x PT ratio; empty where no record of the meter holds.", unit=Unit.RATIO, above=0
    )


class GoldBillingSupplies(Table):
    """What a customer is billed from in a month: the month in segments and sections, the meters behind each,
    and what it lacks. A customer with readings has a row, one without terms too.
    """

    name = "gold_billing_supplies"
    layer = Layer.GOLD
    partition_by = ("billing_month",)
    subject = CUSTOMER
    keeps_versions = True
    customer_id = Field(STRING, "Customer billed.", key=True)
    billing_month = Field(STRING, "Billing month, YYYY-MM.", key=True)
    terms_from_date = Field(
        DATE, "First day of the newest terms of the month: their row of silver_customers; empty without any."
    )
    lacks = Field(
        pa.list_(STRING),
        (
            "Why it cannot be priced: columns that the terms lack, or terms, sub_meter, meter_reassigned, "
            "shares_above_main, residential_tiers, reading_days; empty where it can."
        ),
        nullable=False,
    )
    is_whole = Field(
        BOOLEAN, "Whether one contract prices the month whole, without parts of any kind.", nullable=False
    )
    energy_kwh = Field(
        ENERGY,
        "Active energy of the account with losses, without what is others' behind it.",
        unit=Unit.KWH,
        nullable=False,
        minimum=0,
    )
    metered_kwh = Field(
        ENERGY,
        "Active energy of its main meters with losses: what the power factor is of.",
        unit=Unit.KWH,
        nullable=False,
        minimum=0,
    )
    period_kwh = Field(
        pa.list_(ENERGY), "Of energy_kwh in 尖, 峰, 平, 谷, 深谷; empty without a curve.", unit=Unit.KWH
    )
    max_demand_kw = Field(
        DEMAND, "Highest powers of the main meters, added; empty without a curve.", unit=Unit.KW, minimum=0
    )
    lagging_kvarh = Field(ENERGY, "Lagging reactive energy with losses.", unit=Unit.KVARH, minimum=0)
    leading_kvarh = Field(ENERGY, "Leading reactive energy.", unit=Unit.KVARH, minimum=0)
    resolution_kwh = Field(ENERGY, "Smallest step of the energies.", unit=Unit.KWH, nullable=False, minimum=0)
    running_days = Field(
        INTEGER,
        "Days in operation where one contract prices the month whole; empty: all.",
        unit=Unit.DAYS,
        minimum=0,
    )
    year_to_date_kwh = Field(
        ENERGY,
        "Energy of the calendar year before the month; empty where none is counted.",
        unit=Unit.KWH,
        minimum=0,
    )
    exported_kwh = Field(
        ENERGY, "Energy fed into the grid; empty without a register.", unit=Unit.KWH, minimum=0
    )
    segments = Field(
        SupplySegment.list_type(),
        "The month part by part; none where it cannot be priced.",
        nullable=False,
        nested=SupplySegment,
    )
    mains = Field(MainMeter.list_type(), "The main meter points, by name.", nullable=False, nested=MainMeter)
    meters = Field(
        SupplyMeter.list_type(),
        "Which meter counts for which part on which days, and which is taken out of it.",
        nullable=False,
        nested=SupplyMeter,
    )
    behind_lacks = Field(
        pa.list_(STRING), "What sub-meters behind the main ones lack, by name.", nullable=False
    )
    behind_unread_days = Field(
        INTEGER, "The most days that one of them was not read.", unit=Unit.DAYS, nullable=False, minimum=0
    )
    provenances = Field(
        pa.list_(STRING),
        "Provenances of the meter points and shares that the energy comes from, each text once.",
        nullable=False,
    )
    period_first_date = Field(
        DATE,
        "First day of the billing period, which ends in the month; empty: the calendar month.",
        later=True,
    )
    period_last_date = Field(DATE, "Last day of it, the reading day; empty: the calendar month.", later=True)
    computed_run_id = Field(STRING, "The run that computed the row.", run=True)
