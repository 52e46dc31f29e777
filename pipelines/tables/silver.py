"""Silver: typed, one row per key, multiplied, validated, estimated; the measured value is never
overwritten.
"""

from __future__ import annotations

import pyarrow as pa

from pipelines.codes import (
    Channel,
    CustomerClass,
    DemandBasis,
    EventCode,
    PricingScheme,
    Provenance,
    RegisterRule,
    RejectReason,
    VoltageLevel,
)
from pipelines.tables.base import BOOLEAN, DATE, DOUBLE, ENERGY, INTEGER, LONG, STRING, Field, Layer, Table
from pipelines.tables.bronze import LARGEST_CAPACITY_KVA, LARGEST_MULTIPLIER
from pipelines.units import Unit

PROVENANCE_DOC = "real, dates_shifted, derived, assumed, simulated; joined by +."


class SilverDayCurves(Table):
    """Load curves: one row per meter point, channel and local day, with measured value, final value and
    status of each interval.
    """

    name = "silver_day_curves"
    layer = Layer.SILVER
    partition_by = ("curve_month",)
    meter_point_id = Field(STRING, "Meter point.", key=True, identifier=True)
    channel_code = Field(STRING, "What is counted.", codes=Channel, key=True)
    curve_date = Field(DATE, "Local day.", key=True)
    interval_minutes = Field(
        INTEGER,
        "Length of an interval; arrays have 1440 / interval elements.",
        unit=Unit.MINUTES,
        nullable=False,
        minimum=1,
    )
    measured_kwh_or_kvarh = Field(
        pa.list_(DOUBLE),
        "Energy of each interval as measured, after the multiplier; null where nothing came. Never changed.",
        unit=Unit.KWH_OR_KVARH,
        nullable=False,
    )
    final_kwh_or_kvarh = Field(
        pa.list_(DOUBLE),
        "Energy of each interval after validation and estimation; null where nothing could be estimated.",
        unit=Unit.KWH_OR_KVARH,
        nullable=False,
    )
    interval_status_codes = Field(pa.list_(pa.int8()), "IntervalStatus of each interval.", nullable=False)
    expected_low_kwh_or_kvarh = Field(
        pa.list_(DOUBLE),
        (
            "Lower end of the expected-error band of each estimated interval; null elsewhere, and as a whole "
            "on days without one."
        ),
        unit=Unit.KWH_OR_KVARH,
    )
    expected_high_kwh_or_kvarh = Field(
        pa.list_(DOUBLE), "Upper end of the same band.", unit=Unit.KWH_OR_KVARH
    )
    failed_check_bits = Field(
        pa.list_(LONG),
        "Checks that each interval failed: bit i stands for the i-th check of the catalogue.",
        nullable=False,
    )
    failed_checks = Field(
        pa.list_(STRING), "Ids of all checks that any interval failed, in catalogue order.", nullable=False
    )
    measured_intervals = Field(
        INTEGER,
        "Intervals whose final value is the measured one, or counts as zero.",
        nullable=False,
        minimum=0,
    )
    estimated_intervals = Field(
        INTEGER, "Intervals whose final value is estimated or substituted.", nullable=False, minimum=0
    )
    missing_intervals = Field(INTEGER, "Intervals without a final value.", nullable=False, minimum=0)
    curve_month = Field(STRING, "Month of the local day, YYYY-MM.", nullable=False)
    computed_run_id = Field(STRING, "The run that computed the row.", run=True)


class SilverRegisterEnergy(Table):
    """Energy between two frozen registers: what is settled."""

    name = "silver_register_energy"
    layer = Layer.SILVER
    partition_by = ("energy_month",)
    meter_point_id = Field(STRING, "Meter point.", key=True, identifier=True)
    channel_code = Field(STRING, "What is counted.", codes=Channel, key=True)
    energy_date = Field(DATE, "Local day the read closes.", key=True)
    span_days = Field(
        INTEGER, "Days since the read before; 1 where daily reads are whole.", unit=Unit.DAYS, minimum=0
    )
    start_register_unscaled = Field(ENERGY, "Register at the end of the read before.", unit=Unit.UNSCALED)
    end_register_unscaled = Field(
        ENERGY, "Register at the end of the day.", unit=Unit.UNSCALED, nullable=False
    )
    multiplier_ratio = Field(DOUBLE, "CT ratio x PT ratio.", unit=Unit.RATIO, nullable=False)
    energy_kwh_or_kvarh = Field(
        ENERGY,
        "(end - start) x multiplier, after rollover and exchange; null for a first read.",
        unit=Unit.KWH_OR_KVARH,
        minimum=0,
    )
    rate_energy_kwh_or_kvarh = Field(
        pa.list_(ENERGY),
        (
            "The same by rate r1, r2, ...; null for a rate that was not sent or cannot be known, and as a "
            "whole where none is known."
        ),
        unit=Unit.KWH_OR_KVARH,
    )
    resolution_kwh_or_kvarh = Field(
        ENERGY, "Smallest step of the register times the multiplier.", unit=Unit.KWH_OR_KVARH, nullable=False
    )
    register_rule_code = Field(STRING, "How the energy was found.", codes=RegisterRule, nullable=False)
    energy_month = Field(STRING, "Month of the day, YYYY-MM.", nullable=False)
    computed_run_id = Field(STRING, "The run that computed the row.", run=True)


class SilverCustomers(Table):
    """Customers and contracts with their history: one row per customer and day from which its terms hold."""

    name = "silver_customers"
    layer = Layer.SILVER
    customer_id = Field(STRING, "Customer number.", key=True, identifier=True)
    valid_from_date = Field(DATE, "First day on which these terms hold.", key=True)
    valid_to_date = Field(DATE, "Day before the next terms; empty while they hold.")
    customer_name = Field(STRING, "Name; simulated names say so.", nullable=False)
    city = Field(STRING, "Prefecture city.")
    industry_code = Field(STRING, "GB/T 4754-2017 two-digit class.")
    peer_group = Field(STRING, "Group within which customers are compared.")
    customer_class_code = Field(STRING, "Price class.", codes=CustomerClass)
    pricing_scheme_code = Field(STRING, "One- or two-part.", codes=PricingScheme)
    voltage_level_code = Field(STRING, "Supply voltage level.", codes=VoltageLevel)
    contract_capacity_kva = Field(DOUBLE, "Capacity in the contract.", unit=Unit.KVA, minimum=0)
    running_capacity_kva = Field(DOUBLE, "Capacity in operation.", unit=Unit.KVA, minimum=0)
    demand_basis_code = Field(STRING, "Basis of the basic charge.", codes=DemandBasis)
    contract_demand_kw = Field(DOUBLE, "Contract maximum demand.", unit=Unit.KW, minimum=0)
    power_factor_standard_ratio = Field(
        DOUBLE, "Power factor to be reached; empty where not applied.", unit=Unit.RATIO, minimum=0, maximum=1
    )
    is_time_of_use = Field(BOOLEAN, "Whether time-of-use prices apply.")
    floor_area_m2 = Field(DOUBLE, "Floor area.", unit=Unit.SQUARE_METRE, minimum=0)
    weather_station_id = Field(STRING, "Station whose weather applies.", identifier=True)
    opened_date = Field(DATE, "Day the account was opened.")
    closed_date = Field(DATE, "Day the account was closed.")
    provenance = Field(STRING, PROVENANCE_DOC, nullable=False, parts=Provenance)
    household_persons = Field(INTEGER, "Residential: persons of the household, where registered.", minimum=1)
    is_combined_meter = Field(
        BOOLEAN, "Residential: one price without tiers, for several dwellings behind one meter (合表)."
    )
    is_ev_charging = Field(
        BOOLEAN, "Whether the time-of-use hours of charging points for electric vehicles apply."
    )
    market_price_cny_per_kwh = Field(
        ENERGY, "Energy price agreed on the market; empty: agent purchase.", unit=Unit.CNY_PER_KWH, minimum=0
    )
    export_price_cny_per_kwh = Field(
        ENERGY,
        "What the grid pays for energy fed in; empty where nothing is bought.",
        unit=Unit.CNY_PER_KWH,
        minimum=0,
    )
    reading_day = Field(
        INTEGER,
        "Day of the month on which the meters are read (抄表例日) and its bill ends; empty: its last day.",
        minimum=1,
        maximum=31,
        later=True,
    )
    computed_run_id = Field(STRING, "The run that computed the row.", run=True)


class SilverMeterPoints(Table):
    """Meter points with the meter installed there, its multiplier and registers, by day of installation."""

    name = "silver_meter_points"
    layer = Layer.SILVER
    meter_point_id = Field(STRING, "Meter point.", key=True, identifier=True)
    valid_from_date = Field(DATE, "First day on which this meter counts here.", key=True)
    valid_to_date = Field(DATE, "Day before the next meter; empty while it counts.")
    customer_id = Field(
        STRING, "Customer supplied through it; empty for a meter that is not billed.", identifier=True
    )
    meter_id = Field(STRING, "The device.", nullable=False, identifier=True)
    multiplier_ratio = Field(
        DOUBLE, "CT ratio x PT ratio.", unit=Unit.RATIO, nullable=False, above=0, maximum=LARGEST_MULTIPLIER
    )
    register_digits = Field(INTEGER, "Digits before the point.", minimum=1, maximum=12)
    register_decimals = Field(INTEGER, "Digits after the point.", minimum=0, maximum=6)
    start_register_unscaled = Field(
        ENERGY, "Active forward register when the meter was installed.", unit=Unit.UNSCALED
    )
    previous_end_register_unscaled = Field(
        ENERGY, "Last active forward register of the meter it replaces.", unit=Unit.UNSCALED
    )
    capacity_kva = Field(
        DOUBLE, "Limit for the over-capacity check.", unit=Unit.KVA, above=0, maximum=LARGEST_CAPACITY_KVA
    )
    provenance = Field(STRING, PROVENANCE_DOC, nullable=False, parts=Provenance)
    parent_meter_point_id = Field(
        STRING,
        "The main meter point that counts this one's energy as well; empty for one of its own.",
        identifier=True,
    )
    transformer_rated_kva = Field(
        DOUBLE,
        "Rated power of the transformer metered on its low side; empty: high side.",
        unit=Unit.KVA,
        minimum=0,
    )
    transformer_no_load_kw = Field(DOUBLE, "Its loss without load.", unit=Unit.KW, minimum=0)
    transformer_load_kw = Field(DOUBLE, "Its loss at rated load.", unit=Unit.KW, minimum=0)
    transformer_no_load_ratio = Field(
        DOUBLE, "Its no-load current over the rated one; empty: 0.", unit=Unit.RATIO, minimum=0, maximum=1
    )
    transformer_short_circuit_ratio = Field(
        DOUBLE,
        "Its short-circuit voltage over the rated one; empty: 0.",
        unit=Unit.RATIO,
        minimum=0,
        maximum=1,
    )
    transformer_shape_ratio = Field(
        DOUBLE, "Mean square over square of mean of its load; empty: 1.", unit=Unit.RATIO, minimum=1
    )
    computed_run_id = Field(STRING, "The run that computed the row.", run=True)


class SilverSupplyShares(Table):
    """Parts of what a main meter counts that another price class pays, with their history: one row per share
    and day its terms hold from.
    """

    name = "silver_supply_shares"
    layer = Layer.SILVER
    share_id = Field(STRING, "The share.", key=True, identifier=True)
    valid_from_date = Field(DATE, "First day on which these terms hold.", key=True)
    valid_to_date = Field(DATE, "Day before the next terms; empty while they hold.")
    main_meter_point_id = Field(STRING, "The main meter point.", nullable=False, identifier=True)
    section_name = Field(STRING, "Name of the part on the bill.", nullable=False)
    share_ratio = Field(
        ENERGY, "Fixed share (定比) of the main meter's energy.", unit=Unit.RATIO, minimum=0, maximum=1
    )
    share_kwh = Field(ENERGY, "Fixed energy of a month (定量).", unit=Unit.KWH, minimum=0)
    sub_meter_point_id = Field(STRING, "Sub-meter that counts the part.", identifier=True)
    customer_class_code = Field(
        STRING, "Price class of the part; its price is single-part.", codes=CustomerClass, nullable=False
    )
    voltage_level_code = Field(STRING, "Voltage level of its prices.", codes=VoltageLevel, nullable=False)
    is_time_of_use = Field(BOOLEAN, "Whether time-of-use prices apply to it.", nullable=False)
    power_factor_standard_ratio = Field(
        DOUBLE, "Power factor to be reached; empty where not applied.", unit=Unit.RATIO, minimum=0, maximum=1
    )
    ended_date = Field(DATE, "Last day of the share; empty while it lasts.")
    provenance = Field(STRING, PROVENANCE_DOC, nullable=False, parts=Provenance)
    household_persons = Field(INTEGER, "Residential: persons of the household, where registered.", minimum=1)
    is_combined_meter = Field(BOOLEAN, "Residential: one price without tiers.")
    is_ev_charging = Field(
        BOOLEAN, "Whether the time-of-use hours of charging points for electric vehicles apply."
    )
    market_price_cny_per_kwh = Field(
        ENERGY, "Energy price agreed on the market; empty: agent purchase.", unit=Unit.CNY_PER_KWH, minimum=0
    )
    computed_run_id = Field(STRING, "The run that computed the row.", run=True)


class SilverPayments(Table):
    """Bills of the settlement system and how they were paid, one row per customer and month."""

    name = "silver_payments"
    layer = Layer.SILVER
    customer_id = Field(STRING, "Customer number.", key=True, identifier=True)
    billing_month = Field(STRING, "Month billed, YYYY-MM.", key=True)
    billed_cny = Field(DOUBLE, "Amount billed.", unit=Unit.CNY, nullable=False, minimum=0)
    due_date = Field(DATE, "Last day to pay without penalty.", nullable=False)
    paid_date = Field(DATE, "Day the bill was paid in full; empty while it is not.")
    paid_cny = Field(DOUBLE, "Amount paid so far.", unit=Unit.CNY, minimum=0)
    provenance = Field(STRING, PROVENANCE_DOC, nullable=False, parts=Provenance)
    computed_run_id = Field(STRING, "The run that computed the row.", run=True)


class SilverEvents(Table):
    """Events of a customer, one row each."""

    name = "silver_events"
    layer = Layer.SILVER
    event_id = Field(STRING, "Event.", key=True, identifier=True)
    customer_id = Field(STRING, "Customer number.", nullable=False, identifier=True)
    event_code = Field(STRING, "Kind of event.", codes=EventCode, nullable=False)
    started_date = Field(DATE, "First day.", nullable=False)
    ended_date = Field(DATE, "Last day; empty while it lasts.")
    detail = Field(STRING, "Free text.")
    provenance = Field(STRING, PROVENANCE_DOC, nullable=False, parts=Provenance)
    computed_run_id = Field(STRING, "The run that computed the row.", run=True)


class SilverTransferDeclarations(Table):
    """What a tenant behind a master meter declares that the supplier charged, one row per tenant and
    month.
    """

    name = "silver_transfer_declarations"
    layer = Layer.SILVER
    tenant_id = Field(STRING, "Tenant.", key=True, identifier=True)
    supplier_customer_id = Field(
        STRING, "Customer number of the supplier's master account.", key=True, identifier=True
    )
    billing_month = Field(STRING, "Month charged, YYYY-MM.", key=True)
    declaration_id = Field(STRING, "The declaration that holds.", nullable=False, identifier=True)
    tenant_name = Field(STRING, "Name; simulated names say so.", nullable=False)
    energy_kwh = Field(
        ENERGY, "Energy on the supplier's sub-meter.", unit=Unit.KWH, nullable=False, minimum=0
    )
    fee_cny = Field(
        ENERGY, "Electricity fee charged, tax included.", unit=Unit.CNY, nullable=False, minimum=0
    )
    other_charge_cny = Field(
        ENERGY, "Charges on top under other names (capacity, service, loss).", unit=Unit.CNY, minimum=0
    )
    provenance = Field(STRING, PROVENANCE_DOC, nullable=False, parts=Provenance)
    computed_run_id = Field(STRING, "The run that computed the row.", run=True)


class SilverWeather(Table):
    """Daily weather of a station."""

    name = "silver_weather"
    layer = Layer.SILVER
    station_id = Field(STRING, "Station.", key=True, identifier=True)
    weather_date = Field(DATE, "Local day.", key=True)
    mean_celsius = Field(
        DOUBLE, "Mean temperature.", unit=Unit.CELSIUS, nullable=False, minimum=-60, maximum=60
    )
    min_celsius = Field(DOUBLE, "Lowest temperature.", unit=Unit.CELSIUS)
    max_celsius = Field(DOUBLE, "Highest temperature.", unit=Unit.CELSIUS)
    observed_hours = Field(INTEGER, "Hours observed.", unit=Unit.HOURS)
    provenance = Field(STRING, PROVENANCE_DOC, nullable=False, parts=Provenance)
    computed_run_id = Field(STRING, "The run that computed the row.", run=True)


RAW_RECORD_LIMIT = 4000
"""Characters of a received record that are kept of it; no threshold, it is the declared width of the column.
"""


class SilverQuarantine(Table):
    """Received records that could not be used, with the reason; they can be replayed after a rule is
    mended.
    """

    name = "silver_quarantine"
    layer = Layer.SILVER
    content_hash = Field(STRING, "SHA-256 of the file's bytes.", key=True)
    line_number = Field(LONG, "Line in the file, the first being 1.", key=True)
    table_name = Field(STRING, "The bronze table the record was meant for.", key=True)
    reason_code = Field(STRING, "Why it could not be used.", codes=RejectReason, nullable=False)
    column_name = Field(STRING, "The column at fault, as the file names it.")
    reason = Field(STRING, "What was found and what was expected.", nullable=False)
    raw_record = Field(
        STRING,
        (
            "The record as received, at most 4,000 characters; the records that one line gave, joined by a "
            "semicolon."
        ),
    )
    stage = Field(STRING, "Where it was held back: read, or the silver step.", nullable=False)
    source_file = Field(STRING, "Name under which the file arrived.", run=True)
    run_id = Field(STRING, "The run that held it back.", run=True)


class SilverFileAccounts(Table):
    """What became of each received record, per file: kept + duplicate + superseded + quarantined =
    received.
    """

    name = "silver_file_accounts"
    layer = Layer.SILVER
    content_hash = Field(STRING, "SHA-256 of the file's bytes.", key=True)
    table_name = Field(STRING, "The bronze table its records went to.", key=True)
    stage = Field(STRING, "The silver step that settled them.", nullable=False)
    received_rows = Field(LONG, "Records in the file.", nullable=False, minimum=0)
    kept_rows = Field(LONG, "Records whose values stand in silver.", nullable=False, minimum=0)
    duplicate_rows = Field(LONG, "Records that repeat a kept one.", nullable=False, minimum=0)
    superseded_rows = Field(
        LONG, "Records that a later value of the sender replaced.", nullable=False, minimum=0
    )
    quarantined_rows = Field(LONG, "Records that could not be used.", nullable=False, minimum=0)
    computed_run_id = Field(STRING, "The run that counted.", run=True)
