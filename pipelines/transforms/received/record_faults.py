"""What records of customers, meter points and shares must agree on among their own columns."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.codes import CustomerClass, RejectReason
from pipelines.transforms.received.judged_records import Fault

_PLATE = ("transformer_no_load_kw", "transformer_load_kw")
_PLATE_EXTRAS = ("transformer_no_load_ratio", "transformer_short_circuit_ratio", "transformer_shape_ratio")
_SHARED_BY = ("share_ratio", "share_kwh", "sub_meter_point_id")


def customer_faults() -> Sequence[Fault]:
    """Charging hours need time-of-use prices."""
    return (_charging_fault(),)


def meter_point_faults() -> Sequence[Fault]:
    """A point is not its own parent; a transformer's plate is there whole or not at all."""
    from pyspark.sql import functions as F

    rated = F.col("transformer_rated_kva")
    found = [
        Fault(
            F.col("parent_meter_point_id") == F.col("meter_point_id"),
            RejectReason.BAD_STRUCTURE,
            "parent_meter_point_id",
            "A meter point cannot be its own parent.",
        )
    ]
    found.append(
        Fault(
            rated <= 0,
            RejectReason.OUT_OF_RANGE,
            "transformer_rated_kva",
            "A transformer's rated power is above 0.",
        )
    )
    for name in _PLATE:
        reason = "A transformer metered on its low side needs its rated power and both its losses."
        found.append(
            Fault(rated.isNotNull() & F.col(name).isNull(), RejectReason.MISSING_VALUE, name, reason)
        )
    for name in (*_PLATE, *_PLATE_EXTRAS):
        reason = "Losses of a transformer need its rated power."
        found.append(
            Fault(
                rated.isNull() & F.col(name).isNotNull(),
                RejectReason.MISSING_VALUE,
                "transformer_rated_kva",
                reason,
            )
        )
    return found


def share_faults() -> Sequence[Fault]:
    """Exactly one way of sharing; tiers need a sub-meter, whose year they count."""
    from functools import reduce

    from pyspark.sql import functions as F

    ways = reduce(
        lambda total, name: total + F.col(name).isNotNull().cast("int"),
        _SHARED_BY[1:],
        F.col(_SHARED_BY[0]).isNotNull().cast("int"),
    )
    residential = F.col("customer_class_code") == CustomerClass.RESIDENTIAL.value
    unmetered = F.col("sub_meter_point_id").isNull()
    return (
        Fault(
            ways != 1,
            RejectReason.BAD_STRUCTURE,
            _SHARED_BY[0],
            f"Exactly one of {', '.join(_SHARED_BY)} is needed.",
        ),
        Fault(
            F.trim(F.col("section_name")) == "",
            RejectReason.MISSING_VALUE,
            "section_name",
            "A name is needed here.",
        ),
        Fault(
            F.col("sub_meter_point_id") == F.col("main_meter_point_id"),
            RejectReason.BAD_STRUCTURE,
            "sub_meter_point_id",
            "A sub-meter is another meter point than the main one.",
        ),
        Fault(
            residential & unmetered & ~F.coalesce(F.col("is_combined_meter"), F.lit(False)),
            RejectReason.BAD_STRUCTURE,
            "is_combined_meter",
            "A residential part without a sub-meter has no tiers of its own; its price is that of a combined meter.",
        ),
        Fault(
            residential & unmetered & F.col("is_time_of_use"),
            RejectReason.BAD_STRUCTURE,
            "is_time_of_use",
            "Residential hours are not those of the main meter; only a sub-meter can tell them.",
        ),
        Fault(
            F.col("ended_date") < F.col("valid_from_date"),
            RejectReason.BAD_STRUCTURE,
            "ended_date",
            "The last day lies before the first.",
        ),
        _charging_fault(),
    )


def _charging_fault() -> Fault:
    from pyspark.sql import functions as F

    plain = ~F.coalesce(F.col("is_time_of_use"), F.lit(False))
    return Fault(
        F.col("is_ev_charging") & plain,
        RejectReason.BAD_STRUCTURE,
        "is_ev_charging",
        "Charging hours are hours of time-of-use prices.",
    )
