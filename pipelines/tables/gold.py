"""Gold: one grain per table, no judgement left."""

from __future__ import annotations

import pyarrow as pa

from pipelines.codes import Channel, SegmentBasis
from pipelines.tables.base import DATE, DOUBLE, ENERGY, INTEGER, STRING, Field, Layer, Table
from pipelines.units import Unit


class GoldDayEnergy(Table):
    """Energy of a meter point and channel on a local day: registers where they settle, else the curve."""

    name = "gold_day_energy"
    layer = Layer.GOLD
    partition_by = ("energy_month",)
    meter_point_id = Field(STRING, "Meter point.", key=True)
    channel_code = Field(STRING, "What is counted.", codes=Channel, key=True)
    energy_date = Field(DATE, "Local day.", key=True)
    customer_id = Field(
        STRING,
        (
            "Customer supplied; empty for a meter that is not billed, or whose energy the customer's main "
            "meter counts."
        ),
    )
    energy_kwh_or_kvarh = Field(DOUBLE, "Energy of the day.", unit=Unit.KWH_OR_KVARH, nullable=False)
    basis_code = Field(STRING, "register or curve.", nullable=False)
    curve_kwh_or_kvarh = Field(
        DOUBLE, "Energy of the day by the curve, where there is one.", unit=Unit.KWH_OR_KVARH
    )
    estimated_ratio = Field(
        DOUBLE,
        "Share of the day's energy that was estimated.",
        unit=Unit.RATIO,
        nullable=False,
        minimum=0,
        maximum=1,
    )
    energy_month = Field(STRING, "Month of the day, YYYY-MM.", nullable=False)
    deducted_customer_id = Field(
        STRING, "Customer whose main meter counts the energy as well and whose account it is deducted from."
    )
    computed_run_id = Field(STRING, "The run that computed the row.", run=True)


class GoldBillingDeterminants(Table):
    """What a bill needs of a meter point and month: settled energy, its time-of-use parts, maximum demand,
    reactive energy.
    """

    name = "gold_billing_determinants"
    layer = Layer.GOLD
    partition_by = ("billing_month",)
    meter_point_id = Field(STRING, "Meter point.", key=True)
    billing_month = Field(STRING, "Billing month, YYYY-MM.", key=True)
    customer_id = Field(STRING, "Customer supplied.", nullable=False)
    energy_kwh = Field(
        ENERGY, "Active energy that the registers settled.", unit=Unit.KWH, nullable=False, minimum=0
    )
    sharp_kwh = Field(ENERGY, "Part in 尖; empty without a curve.", unit=Unit.KWH, minimum=0)
    peak_kwh = Field(ENERGY, "Part in 峰.", unit=Unit.KWH, minimum=0)
    flat_kwh = Field(ENERGY, "Part in 平.", unit=Unit.KWH, minimum=0)
    valley_kwh = Field(ENERGY, "Part in 谷.", unit=Unit.KWH, minimum=0)
    deep_valley_kwh = Field(ENERGY, "Part in 深谷.", unit=Unit.KWH, minimum=0)
    resolution_kwh = Field(ENERGY, "Register resolution times multiplier.", unit=Unit.KWH, nullable=False)
    max_demand_kw = Field(
        DOUBLE,
        "Highest 15-minute mean power; empty without a curve of 15 minutes or less.",
        unit=Unit.KW,
        minimum=0,
    )
    max_demand_date = Field(DATE, "Local day of the highest mean power.")
    max_demand_slot = Field(INTEGER, "Slot of that day, 0 beginning at midnight.", minimum=0)
    lagging_kvarh = Field(ENERGY, "Lagging reactive energy by register.", unit=Unit.KVARH, minimum=0)
    leading_kvarh = Field(ENERGY, "Leading reactive energy by register.", unit=Unit.KVARH, minimum=0)
    power_factor_ratio = Field(
        ENERGY,
        "Monthly mean power factor, rounded half up to 0.01 (ruling R9).",
        unit=Unit.RATIO,
        minimum=0,
        maximum=1,
    )
    metered_days = Field(
        INTEGER, "Days of the month or period with settled energy.", unit=Unit.DAYS, nullable=False, minimum=0
    )
    month_days = Field(INTEGER, "Days of the month or period.", unit=Unit.DAYS, nullable=False)
    estimated_ratio = Field(
        DOUBLE,
        "Share of the curve's energy that was estimated; 0 without a curve.",
        unit=Unit.RATIO,
        nullable=False,
        minimum=0,
        maximum=1,
    )
    missing_inputs = Field(
        pa.list_(STRING),
        "What the bill cannot show, by name: curve, reactive_registers, missing_days, year_to_date.",
        nullable=False,
    )
    exported_kwh = Field(
        ENERGY,
        "Energy fed into the grid, by the active reverse register; empty without one.",
        unit=Unit.KWH,
        minimum=0,
    )
    transformer_loss_kwh = Field(
        ENERGY,
        (
            "Active loss of the transformer that is metered on its low side, not in energy_kwh; empty: high "
            "side."
        ),
        unit=Unit.KWH,
        minimum=0,
    )
    transformer_loss_kvarh = Field(
        ENERGY,
        "Its reactive loss, not in lagging_kvarh; empty: high side, or no lagging register.",
        unit=Unit.KVARH,
        minimum=0,
    )
    year_to_date_kwh = Field(
        ENERGY,
        (
            "Energy of the calendar year before the month, for residential tiers; where a share names the "
            "sub-meter, of its months; empty for others."
        ),
        unit=Unit.KWH,
        minimum=0,
    )
    parent_meter_point_id = Field(
        STRING, "The main meter point that counts this one's energy as well; empty for one of its own."
    )
    main_period_kwh = Field(
        pa.list_(ENERGY),
        (
            "Of a sub-meter with a curve: its energy in 尖, 峰, 平, 谷, 深谷 by the main meter's terms, to "
            "be deducted there."
        ),
        unit=Unit.KWH,
    )
    period_first_date = Field(
        DATE,
        "First day of the billing period, which ends in the month; empty: the calendar month.",
        later=True,
    )
    period_last_date = Field(DATE, "Last day of it, the reading day; empty: the calendar month.", later=True)
    computed_run_id = Field(STRING, "The run that computed the row.", run=True)


class GoldBillingSegments(Table):
    """What a meter point counted in each part of a month that is cut: terms, shares or a price change inside
    it, of its customer or of one
    whose meters lie before or behind. A month that is not cut has no rows."""

    name = "gold_billing_segments"
    layer = Layer.GOLD
    partition_by = ("billing_month",)
    meter_point_id = Field(STRING, "Meter point.", key=True)
    billing_month = Field(STRING, "Billing month, YYYY-MM.", key=True)
    first_date = Field(DATE, "First day of the part.", key=True)
    last_date = Field(DATE, "Last day of the part.", nullable=False)
    customer_id = Field(STRING, "Customer supplied.", nullable=False)
    energy_kwh = Field(
        ENERGY,
        "Part of the active energy that the registers settled; the parts sum to the month.",
        unit=Unit.KWH,
        nullable=False,
        minimum=0,
    )
    sharp_kwh = Field(
        ENERGY, "Of it in 尖, by the terms of the part; empty without a curve.", unit=Unit.KWH, minimum=0
    )
    peak_kwh = Field(ENERGY, "Of it in 峰.", unit=Unit.KWH, minimum=0)
    flat_kwh = Field(ENERGY, "Of it in 平.", unit=Unit.KWH, minimum=0)
    valley_kwh = Field(ENERGY, "Of it in 谷.", unit=Unit.KWH, minimum=0)
    deep_valley_kwh = Field(ENERGY, "Of it in 深谷.", unit=Unit.KWH, minimum=0)
    max_demand_kw = Field(
        DOUBLE, "Highest 15-minute mean power of the part; empty without a curve.", unit=Unit.KW, minimum=0
    )
    max_demand_date = Field(DATE, "Local day of it.")
    max_demand_slot = Field(INTEGER, "Slot of that day, 0 beginning at midnight.", minimum=0)
    basis_code = Field(STRING, "What the month's energy is cut by.", codes=SegmentBasis, nullable=False)
    main_period_kwh = Field(
        pa.list_(ENERGY),
        "Of a sub-meter with a curve: its energy by period of the main meter's terms.",
        unit=Unit.KWH,
    )
    computed_run_id = Field(STRING, "The run that computed the row.", run=True)
