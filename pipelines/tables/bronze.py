"""Bronze: as received, append-only; nothing is dropped."""

from __future__ import annotations

import pyarrow as pa

from pipelines.codes import Channel, CurveMeasure, FileStatus
from pipelines.tables.base import (
    BOOLEAN,
    DATE,
    DOUBLE,
    ENERGY,
    INTEGER,
    LONG,
    STRING,
    TIMESTAMP,
    Field,
    Layer,
    Table,
)
from pipelines.units import Unit

# What no meter exceeds, so that only a slip of the sender does: 1,000 kV over 100 V times 10,000 A over 1 A;
# and 100 GVA, several
# times the largest power station.
LARGEST_MULTIPLIER = 100_000_000
LARGEST_CAPACITY_KVA = 100_000_000


class Received:
    """The columns every received row carries."""

    content_hash = Field(STRING, "SHA-256 of the file's bytes.", nullable=False)
    line_number = Field(LONG, "Line in the file, the first being 1.", nullable=False, minimum=1)
    sent_at_utc = Field(
        TIMESTAMP, "The time the sender put in the row; decides between two values for one key."
    )
    source_file = Field(STRING, "Name under which the file arrived.", run=True)
    received_at_utc = Field(TIMESTAMP, "When the file was ingested.", run=True)
    run_id = Field(STRING, "The run that wrote the row.", run=True)


class BronzeFiles(Table):
    """The file ledger: one row per arrival of a file, whatever became of it."""

    name = "bronze_files"
    layer = Layer.BRONZE
    content_hash = Field(STRING, "SHA-256 of the file's bytes.", key=True)
    source_file = Field(STRING, "Path below the inbox.", key=True)
    status_code = Field(STRING, "Accepted, known content, or refused.", codes=FileStatus, nullable=False)
    format_id = Field(STRING, "The reader that took it.")
    table_name = Field(STRING, "The bronze table its rows went to.")
    reason = Field(
        STRING,
        (
            "Why it was refused, which file brought the same content first, or which lines of a long file "
            "gave way to others of it."
        ),
    )
    size_bytes = Field(LONG, "Length of the file.", unit=Unit.BYTES, nullable=False)
    received_rows = Field(LONG, "Records in the file, good and bad.", nullable=False, minimum=0)
    quarantined_rows = Field(LONG, "Records that could not be read.", nullable=False, minimum=0)
    modified_at_utc = Field(
        TIMESTAMP,
        (
            "When the file was last changed where it lies; with name and size it tells a changed file from a "
            "known one."
        ),
        run=True,
    )
    batch_id = Field(
        LONG, "Micro-batch that found the file; 0 of its own where a listing found it.", run=True
    )
    received_at_utc = Field(TIMESTAMP, "When it was ingested.", run=True)
    run_id = Field(STRING, "The run that ingested it.", run=True)


class BronzeLoadCurves(Received, Table):
    """Load curves as received: one row per meter point, channel and day, values before the multiplier."""

    name = "bronze_load_curves"
    layer = Layer.BRONZE
    partition_by = ("curve_month",)
    meter_point_id = Field(STRING, "Meter point.", nullable=False, identifier=True)
    channel_code = Field(STRING, "What is counted.", codes=Channel, nullable=False)
    curve_date = Field(DATE, "Local day.", nullable=False)
    interval_minutes = Field(INTEGER, "Length of an interval.", unit=Unit.MINUTES, nullable=False)
    measure_code = Field(
        STRING, "Whether the values are mean power or energy.", codes=CurveMeasure, nullable=False
    )
    values_unscaled = Field(
        pa.list_(DOUBLE),
        "Values in slot order, slot 0 beginning at local midnight; null where nothing came.",
        unit=Unit.UNSCALED,
        nullable=False,
    )
    present_flags = Field(
        STRING,
        (
            "The sender's completeness flags, one character a slot; of long files - not delivered, = told by "
            "several lines, ! told differently by several lines without a sender's time."
        ),
    )
    sender_quality_codes = Field(
        pa.list_(STRING), "The sender's quality flag of each slot (NEM12), null where the format has none."
    )
    curve_month = Field(STRING, "Month of the local day, YYYY-MM.", nullable=False)


class BronzeRegisterReads(Received, Table):
    """Frozen registers as received: the counter at the end of a local day, before the multiplier."""

    name = "bronze_register_reads"
    layer = Layer.BRONZE
    partition_by = ("read_month",)
    meter_point_id = Field(STRING, "Meter point.", nullable=False, identifier=True)
    channel_code = Field(STRING, "What is counted.", codes=Channel, nullable=False)
    read_date = Field(DATE, "Local day at whose end the register was frozen.", nullable=False)
    collected_at_utc = Field(TIMESTAMP, "When the terminal took the read.")
    register_unscaled = Field(ENERGY, "Total register.", unit=Unit.UNSCALED, minimum=0)
    rate_registers_unscaled = Field(
        pa.list_(ENERGY), "Registers of the rates r1, r2, ... where sent.", unit=Unit.UNSCALED
    )
    sender_status = Field(STRING, "The sender's status field, as received.")
    read_month = Field(STRING, "Month of the local day, YYYY-MM.", nullable=False)


class BronzeCustomers(Received, Table):
    """Customers and their contracts as the marketing system reports them."""

    name = "bronze_customers"
    layer = Layer.BRONZE
    customer_id = Field(STRING, "Customer number.", nullable=False, identifier=True)
    valid_from_date = Field(DATE, "First day on which these terms hold.", nullable=False)
    customer_name = Field(STRING, "Name; simulated names say so.")
    city = Field(STRING, "Prefecture city.")
    industry_code = Field(STRING, "GB/T 4754-2017 two-digit class, or empty.")
    peer_group = Field(STRING, "Group within which customers are compared.")
    customer_class_code = Field(STRING, "Price class.")
    pricing_scheme_code = Field(STRING, "One- or two-part.")
    voltage_level_code = Field(STRING, "Supply voltage level.")
    contract_capacity_kva = Field(DOUBLE, "Capacity in the contract.", unit=Unit.KVA)
    running_capacity_kva = Field(DOUBLE, "Capacity in operation.", unit=Unit.KVA)
    demand_basis_code = Field(STRING, "Basis of the basic charge.")
    contract_demand_kw = Field(DOUBLE, "Contract maximum demand.", unit=Unit.KW)
    power_factor_standard_ratio = Field(
        DOUBLE, "Power factor to be reached; empty where not applied.", unit=Unit.RATIO
    )
    is_time_of_use = Field(BOOLEAN, "Whether time-of-use prices apply.")
    floor_area_m2 = Field(DOUBLE, "Floor area.", unit=Unit.SQUARE_METRE)
    weather_station_id = Field(STRING, "Station whose weather applies.", identifier=True)
    opened_date = Field(DATE, "Day the account was opened.")
    closed_date = Field(DATE, "Day the account was closed.")
    provenance = Field(STRING, "real, dates_shifted, derived, assumed, simulated; joined by +.")
    household_persons = Field(
        INTEGER, "Residential: persons of the household, where registered.", optional=True
    )
    is_combined_meter = Field(
        BOOLEAN,
        "Residential: one price without tiers, for several dwellings behind one meter (合表).",
        optional=True,
    )
    is_ev_charging = Field(
        BOOLEAN,
        "Whether the time-of-use hours of charging points for electric vehicles apply.",
        optional=True,
    )
    market_price_cny_per_kwh = Field(
        ENERGY,
        "Energy price agreed on the market; empty: the grid company's purchase (代理购电).",
        unit=Unit.CNY_PER_KWH,
        optional=True,
    )
    export_price_cny_per_kwh = Field(
        ENERGY,
        "What the grid pays for energy fed in; empty where nothing is bought.",
        unit=Unit.CNY_PER_KWH,
        optional=True,
    )
    reading_day = Field(
        INTEGER,
        "Day of the month on which the meters are read (抄表例日); empty: its last day.",
        optional=True,
        later=True,
    )


class BronzeMeterPoints(Received, Table):
    """Meter points with the meter installed there, its multiplier and its registers."""

    name = "bronze_meter_points"
    layer = Layer.BRONZE
    meter_point_id = Field(STRING, "Meter point.", nullable=False, identifier=True)
    valid_from_date = Field(DATE, "First day on which this meter counts here.", nullable=False)
    customer_id = Field(
        STRING, "Customer supplied through it; empty for a meter that is not billed.", identifier=True
    )
    meter_id = Field(STRING, "The device.", nullable=False, identifier=True)
    multiplier_ratio = Field(
        DOUBLE, "CT ratio x PT ratio.", unit=Unit.RATIO, nullable=False, above=0, maximum=LARGEST_MULTIPLIER
    )
    register_digits = Field(INTEGER, "Digits before the point; the register rolls over at 10 to that power.")
    register_decimals = Field(INTEGER, "Digits after the point: the register's resolution.")
    start_register_unscaled = Field(
        ENERGY, "Active forward register when the meter was installed.", unit=Unit.UNSCALED
    )
    previous_end_register_unscaled = Field(
        ENERGY, "Last active forward register of the meter it replaces.", unit=Unit.UNSCALED
    )
    capacity_kva = Field(
        DOUBLE, "Limit for the over-capacity check.", unit=Unit.KVA, above=0, maximum=LARGEST_CAPACITY_KVA
    )
    provenance = Field(STRING, "real, dates_shifted, derived, assumed, simulated; joined by +.")
    parent_meter_point_id = Field(
        STRING,
        "The main meter point that counts this one's energy as well; empty for one of its own.",
        optional=True,
        identifier=True,
    )
    transformer_rated_kva = Field(
        DOUBLE,
        "Rated power of the transformer that is metered on its low side; empty: metered on the high side.",
        unit=Unit.KVA,
        optional=True,
    )
    transformer_no_load_kw = Field(
        DOUBLE, "Its loss without load, by the plate.", unit=Unit.KW, optional=True
    )
    transformer_load_kw = Field(DOUBLE, "Its loss at rated load, by the plate.", unit=Unit.KW, optional=True)
    transformer_no_load_ratio = Field(
        DOUBLE, "Its no-load current over the rated one; empty: 0.", unit=Unit.RATIO, optional=True
    )
    transformer_short_circuit_ratio = Field(
        DOUBLE, "Its short-circuit voltage over the rated one; empty: 0.", unit=Unit.RATIO, optional=True
    )
    transformer_shape_ratio = Field(
        DOUBLE, "Mean square over square of mean of its load; empty: 1.", unit=Unit.RATIO, optional=True
    )


class BronzeSupplyShares(Received, Table):
    """Parts of what a main meter counts that another price class pays: a fixed share (定比), a fixed quantity
    (定量), or a sub-meter's own.
    """

    name = "bronze_supply_shares"
    layer = Layer.BRONZE
    share_id = Field(STRING, "The share; its rows are its history.", nullable=False, identifier=True)
    valid_from_date = Field(DATE, "First day on which these terms hold.", nullable=False)
    main_meter_point_id = Field(STRING, "The main meter point.", nullable=False, identifier=True)
    section_name = Field(STRING, "Name of the part on the bill.")
    share_ratio = Field(ENERGY, "Fixed share (定比) of the main meter's energy.", unit=Unit.RATIO)
    share_kwh = Field(ENERGY, "Fixed energy of a month (定量).", unit=Unit.KWH)
    sub_meter_point_id = Field(STRING, "Sub-meter that counts the part.", identifier=True)
    customer_class_code = Field(STRING, "Price class of the part.")
    voltage_level_code = Field(STRING, "Voltage level of its prices.")
    is_time_of_use = Field(BOOLEAN, "Whether time-of-use prices apply to it.")
    power_factor_standard_ratio = Field(
        DOUBLE, "Power factor to be reached; empty where not applied.", unit=Unit.RATIO
    )
    ended_date = Field(DATE, "Last day of the share; empty while it lasts.")
    provenance = Field(STRING, "real, dates_shifted, derived, assumed, simulated; joined by +.")
    household_persons = Field(
        INTEGER, "Residential: persons of the household, where registered.", optional=True
    )
    is_combined_meter = Field(BOOLEAN, "Residential: one price without tiers.", optional=True)
    is_ev_charging = Field(
        BOOLEAN,
        "Whether the time-of-use hours of charging points for electric vehicles apply.",
        optional=True,
    )
    market_price_cny_per_kwh = Field(
        ENERGY,
        "Energy price agreed on the market; empty: the grid company's purchase (代理购电).",
        unit=Unit.CNY_PER_KWH,
        optional=True,
    )


class BronzePayments(Received, Table):
    """Bills of the settlement system and how they were paid."""

    name = "bronze_payments"
    layer = Layer.BRONZE
    customer_id = Field(STRING, "Customer number.", nullable=False, identifier=True)
    billing_month = Field(STRING, "Month billed, YYYY-MM.", nullable=False)
    billed_cny = Field(DOUBLE, "Amount billed.", unit=Unit.CNY)
    due_date = Field(DATE, "Last day to pay without penalty.")
    paid_date = Field(DATE, "Day the bill was paid in full; empty while it is not.")
    paid_cny = Field(DOUBLE, "Amount paid so far.", unit=Unit.CNY)
    provenance = Field(STRING, "real or simulated.")


class BronzeEvents(Received, Table):
    """Events of a customer: violations, capacity changes, outages."""

    name = "bronze_events"
    layer = Layer.BRONZE
    event_id = Field(STRING, "Event.", nullable=False, identifier=True)
    customer_id = Field(STRING, "Customer number.", nullable=False, identifier=True)
    event_code = Field(STRING, "Kind of event.")
    started_date = Field(DATE, "First day.")
    ended_date = Field(DATE, "Last day; empty while it lasts.")
    detail = Field(STRING, "Free text.")
    provenance = Field(STRING, "real or simulated.")


class BronzeTransferDeclarations(Received, Table):
    """What a tenant behind a master meter declares that the supplier charged."""

    name = "bronze_transfer_declarations"
    layer = Layer.BRONZE
    declaration_id = Field(STRING, "Declaration.", nullable=False, identifier=True)
    tenant_id = Field(STRING, "Tenant.", nullable=False, identifier=True)
    tenant_name = Field(STRING, "Name; simulated names say so.")
    supplier_customer_id = Field(
        STRING, "Customer number of the transfer supplier's master account.", nullable=False, identifier=True
    )
    billing_month = Field(STRING, "Month charged, YYYY-MM.", nullable=False)
    energy_kwh = Field(ENERGY, "Energy on the supplier's sub-meter.", unit=Unit.KWH)
    fee_cny = Field(ENERGY, "Electricity fee charged, tax included.", unit=Unit.CNY)
    other_charge_cny = Field(
        ENERGY, "Charges on top under other names (capacity, service, loss).", unit=Unit.CNY
    )
    provenance = Field(STRING, "real or simulated.")


class BronzeWeather(Received, Table):
    """Daily weather of a station."""

    name = "bronze_weather"
    layer = Layer.BRONZE
    station_id = Field(STRING, "Station.", nullable=False, identifier=True)
    weather_date = Field(DATE, "Local day.", nullable=False)
    mean_celsius = Field(DOUBLE, "Mean temperature.", unit=Unit.CELSIUS)
    min_celsius = Field(DOUBLE, "Lowest temperature.", unit=Unit.CELSIUS)
    max_celsius = Field(DOUBLE, "Highest temperature.", unit=Unit.CELSIUS)
    observed_hours = Field(INTEGER, "Hours observed.", unit=Unit.HOURS)
    provenance = Field(STRING, "real, dates_shifted.")
