"""Closed code lists. A code in a column is always a member of one of these."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Channel(StrEnum):
    """What a register or a curve counts at a meter point."""

    ACTIVE_FORWARD = "active_forward"
    ACTIVE_REVERSE = "active_reverse"
    REACTIVE_LAGGING = "reactive_lagging"
    REACTIVE_LEADING = "reactive_leading"
    REACTIVE_Q1 = "reactive_q1"
    REACTIVE_Q2 = "reactive_q2"
    REACTIVE_Q3 = "reactive_q3"
    REACTIVE_Q4 = "reactive_q4"
    ACTIVE_PHASE_A = "active_phase_a"
    ACTIVE_PHASE_B = "active_phase_b"
    ACTIVE_PHASE_C = "active_phase_c"
    REACTIVE_PHASE_A = "reactive_phase_a"
    REACTIVE_PHASE_B = "reactive_phase_b"
    REACTIVE_PHASE_C = "reactive_phase_c"
    OTHER = "other"

    @property
    def is_reactive(self) -> bool:
        """True where the channel counts kvarh.

        >>> [channel.value for channel in Channel if channel.is_reactive][:2]
        ['reactive_lagging', 'reactive_leading']
        """
        return self.value.startswith("reactive")


class CurveMeasure(StrEnum):
    """What the numbers of a received curve are."""

    MEAN_POWER = "mean_power"
    ENERGY = "energy"


class IntervalStatus(IntEnum):
    """Where the final value of one interval comes from."""

    MISSING = 0
    MEASURED = 1
    ESTIMATED_LINEAR = 2
    ESTIMATED_LIKE_DAY = 3
    EDITED = 4
    SUBSTITUTED_BY_SENDER = 5
    ESTIMATED_TIED_DAYS = 6
    ESTIMATED_HALFWAY = 7
    ESTIMATED_DAY_MEDIAN = 8
    ESTIMATED_CLASS_PROFILE = 9
    ESTIMATED_EVEN_SHARE = 10
    COUNTED_AS_ZERO = 11

    @property
    def is_estimated(self) -> bool:
        """True where the value is not what the meter measured."""
        return self in _ESTIMATED


_ESTIMATED = frozenset(IntervalStatus) - {
    IntervalStatus.MISSING,
    IntervalStatus.MEASURED,
    IntervalStatus.COUNTED_AS_ZERO,
}


class Severity(StrEnum):
    """What a failed check does to a row."""

    INFO = "info"
    WARN = "warn"
    INVALID = "invalid"
    QUARANTINE = "quarantine"
    HALT = "halt"


class RegisterRule(StrEnum):
    """How the energy between two register reads was found."""

    NORMAL = "normal"
    FIRST_READ = "first_read"
    ROLLOVER = "rollover"
    METER_EXCHANGE = "meter_exchange"
    DECREASE = "decrease"
    JUMP = "jump"
    OVER_CAPACITY = "over_capacity"
    RESTART = "restart"


class TouPeriod(StrEnum):
    """Time-of-use period: 尖, 峰, 平, 谷, 深谷."""

    SHARP = "sharp"
    PEAK = "peak"
    FLAT = "flat"
    VALLEY = "valley"
    DEEP_VALLEY = "deep_valley"


class DayType(StrEnum):
    """What kind of day it is for loads and prices; 调休 working days are weekends that are worked."""

    WORKING_DAY = "working_day"
    ADJUSTED_WORKING_DAY = "adjusted_working_day"
    WEEKEND = "weekend"
    PUBLIC_HOLIDAY = "public_holiday"
    SPRING_FESTIVAL = "spring_festival"


class CustomerClass(StrEnum):
    """Electricity price class: 大工业, 一般工商业, 居民, 农业."""

    LARGE_INDUSTRY = "large_industry"
    GENERAL_COMMERCIAL = "general_commercial"
    RESIDENTIAL = "residential"
    AGRICULTURE = "agriculture"


class TouSchedule(StrEnum):
    """Whose time-of-use hours hold: those of a price class, or of charging points of industry and commerce
    for electric vehicles.
    """

    LARGE_INDUSTRY = "large_industry"
    GENERAL_COMMERCIAL = "general_commercial"
    RESIDENTIAL = "residential"
    AGRICULTURE = "agriculture"
    EV_CHARGING = "ev_charging"

    @classmethod
    def of(cls, customer_class: str, is_ev_charging: bool | None) -> TouSchedule | None:
        """The hours of a customer's terms; None for residential charging points, whose prices are not known.

        >>> TouSchedule.of("large_industry", is_ev_charging=True).value
        'ev_charging'
        >>> TouSchedule.of("residential", is_ev_charging=True) is None
        True
        """
        if not is_ev_charging:
            return cls(customer_class)
        return cls.EV_CHARGING if customer_class in (cls.LARGE_INDUSTRY, cls.GENERAL_COMMERCIAL) else None


class SegmentBasis(StrEnum):
    """What the energy of a month is cut by where terms or prices change inside it."""

    CURVE = "curve"
    REGISTERS = "registers"


class PricingScheme(StrEnum):
    """单一制 or 两部制."""

    SINGLE_PART = "single_part"
    TWO_PART = "two_part"


class DemandBasis(StrEnum):
    """On what the basic charge of a two-part customer is raised: 容量, 合同需量, 实际需量."""

    CAPACITY = "capacity"
    CONTRACT_DEMAND = "contract_demand"
    ACTUAL_DEMAND = "actual_demand"


class VoltageLevel(StrEnum):
    """Supply voltage level of the price tables."""

    BELOW_1KV = "below_1kv"
    KV_1_TO_20 = "1_to_20kv"
    KV_35 = "35kv"
    KV_110 = "110kv"
    KV_220_UP = "220kv_up"


class LineComponent(StrEnum):
    """What a bill line charges; a closed list (ruling R5, with whole catalogue prices and energy fed into the
    grid).
    """

    ENERGY_BASE = "energy_base"
    TRANSMISSION = "transmission"
    FUNDS = "funds"
    BASIC_CAPACITY = "basic_capacity"
    BASIC_DEMAND = "basic_demand"
    DEMAND_EXCESS = "demand_excess"
    POWER_FACTOR_ADJUSTMENT = "power_factor_adjustment"
    TIER_1 = "tier_1"
    TIER_2 = "tier_2"
    TIER_3 = "tier_3"
    LATE_PAYMENT = "late_payment"
    REBATE = "rebate"
    CATALOGUE_ENERGY = "catalogue_energy"
    EXPORTED_ENERGY = "exported_energy"


class ContractNote(StrEnum):
    """What a month's price says beside its lines: what a contract agrees and the rules on prices do not know,
    though it is priced as agreed, and which reading of a rule a change inside the month was priced by.
    """

    TWO_PART_NOT_OPEN = "two_part_not_open"
    SINGLE_PART_NOT_OPEN = "single_part_not_open"
    TIME_OF_USE_MANDATORY = "time_of_use_mandatory"
    POWER_FACTOR_NOT_ADJUSTED = "power_factor_not_adjusted"
    SUSPENSION_TOO_SHORT = "suspension_too_short"
    HIGHEST_DEMAND_OF_MONTH = "highest_demand_of_month"
    PRICES_OF_EACH_DAY = "prices_of_each_day"
    PERIOD_BY_DAYS = "period_by_days"


class ChangeBegin(StrEnum):
    """With which span of the calendar a changed term of a contract begins."""

    MONTH = "month"
    QUARTER = "quarter"


class Confidence(StrEnum):
    """How sure a fact is."""

    OFFICIAL = "official"
    SECONDARY = "secondary"
    MEDIUM = "medium"
    DERIVED = "derived"
    UNVERIFIED = "unverified"
    ILLUSTRATIVE = "illustrative"


class FeeCodeColour(StrEnum):
    """Colour of a transfer-supply fee code; grey where nothing can be said."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
    GREY = "grey"


class Provenance(StrEnum):
    """What kind of truth a customer or a row is. Several may hold at once, joined by ``+``."""

    REAL = "real"
    DATES_SHIFTED = "dates_shifted"
    DERIVED = "derived"
    ASSUMED = "assumed"
    SIMULATED = "simulated"


class EventCode(StrEnum):
    """Events of a customer that the marketing system reports."""

    THEFT = "theft"
    CONTRACT_VIOLATION = "contract_violation"
    OVER_CAPACITY = "over_capacity"
    SAFETY_NOTICE_OPEN = "safety_notice_open"
    CAPACITY_INCREASE = "capacity_increase"
    CAPACITY_DECREASE = "capacity_decrease"
    SUSPENSION = "suspension"
    OWNERSHIP_CHANGE = "ownership_change"
    CLOSURE = "closure"
    OUTAGE = "outage"
    COMPLAINT = "complaint"


class FileStatus(StrEnum):
    """What became of a received file."""

    ACCEPTED = "accepted"
    DUPLICATE_CONTENT = "duplicate_content"
    REFUSED = "refused"


class RejectReason(StrEnum):
    """Why one received record went to quarantine."""

    TOO_FEW_FIELDS = "too_few_fields"
    TOO_MANY_FIELDS = "too_many_fields"
    BAD_DATE = "bad_date"
    BAD_NUMBER = "bad_number"
    THOUSANDS_SEPARATOR = "thousands_separator"
    BAD_CODE = "bad_code"
    BAD_ID = "bad_id"
    MISSING_KEY = "missing_key"
    MISSING_VALUE = "missing_value"
    OUT_OF_RANGE = "out_of_range"
    NUL_BYTE = "nul_byte"
    BAD_ENCODING = "bad_encoding"
    BAD_STRUCTURE = "bad_structure"
    WRONG_SPACING = "wrong_spacing"
    COUNTER_READING = "counter_reading"
    SIGNED_VALUE = "signed_value"
    CUT_SHORT = "cut_short"
    UNKNOWN_METER_POINT = "unknown_meter_point"
    CONFLICTING_VALUES = "conflicting_values"
    REGISTER_DECREASE = "register_decrease"
    REGISTER_JUMP = "register_jump"
    FUTURE_DATED = "future_dated"
    PRE_INSTALLATION = "pre_installation"


class GreyReason(StrEnum):
    """Why a transfer-supply fee code is grey: nothing can be said."""

    NO_MASTER_ACCOUNT = "no_master_account"
    NO_MASTER_BILL = "no_master_bill"
    MASTER_NOT_PRICED = "master_not_priced"
    MASTER_INCOMPLETE = "master_incomplete"
    MASTER_ZERO_ENERGY = "master_zero_energy"
    ESTIMATED_TOO_MUCH = "estimated_too_much"
    NO_COLOUR_RULE = "no_colour_rule"
    ZERO_ENERGY = "zero_energy"
    IMPLAUSIBLE_PRICE = "implausible_price"
    ENERGY_ABOVE_MASTER = "energy_above_master"
    ENERGY_UNLIKE_BEFORE = "energy_unlike_before"
