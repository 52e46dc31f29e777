"""Outages on record as the checks of curves take them."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.codes import EventCode
from pipelines.transforms.curves.day_curves import Outages


def outages_of(events: pa.Table, points: pa.Table, today: date) -> Outages:
    """First and last local day of each outage, by meter point of the customer; one that lasts reaches to
    today.

    events  customer_id, event_code, started_date, ended_date; points: meter_point_id, customer_id.
    """
    of_customer: dict[str, list[tuple[date, date]]] = {}
    for event in events.filter(pc.equal(events["event_code"], EventCode.OUTAGE.value)).to_pylist():
        of_customer.setdefault(event["customer_id"], []).append(
            (event["started_date"], event["ended_date"] or today)
        )
    owners = zip(points["meter_point_id"].to_pylist(), points["customer_id"].to_pylist(), strict=True)
    return {point: sorted(of_customer[customer]) for point, customer in owners if customer in of_customer}
