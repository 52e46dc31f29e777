"""Who defaulted within the horizon after a month; only labels whose whole horizon was observed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import FloatArray, IntArray
from pipelines.periods import BillingMonth

_NEVER = np.iinfo(np.int64).max


def _day(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def default_days(payments: pa.Table, overdue_days: int, known_until: date) -> IntArray:
    """Day (from 1970) on which each bill became a default, or a day that never comes.

    A bill defaults on the day it is overdue by more than ``overdue_days``: on the 30th day it does not yet,
    on the 31st it does.
    """
    due = payments["due_date"].cast(pa.int32()).to_numpy().astype(np.int64)
    paid = pc.fill_null(payments["paid_date"].cast(pa.int32()).cast(pa.int64()), _NEVER).to_numpy()
    turned = due + overdue_days + 1
    return np.where((paid >= turned) & (turned <= _day(known_until)), turned, _NEVER)


def label_customers(
    payments: pa.Table,
    customers: Sequence[str],
    months: Sequence[BillingMonth],
    overdue_days: int,
    horizon_months: int,
    known_until: date,
) -> FloatArray:
    """1 for a default within the horizon after each month, 0 for none, NaN where the horizon was not fully
    observed or the customer is in
    default already on the month's last day. (customers x months)
    """
    row = (
        pc.index_in(payments["customer_id"], pa.array(customers))
        .to_numpy(zero_copy_only=False)
        .astype(np.int64)
    )
    turned = default_days(payments, overdue_days, known_until)
    paid = pc.fill_null(payments["paid_date"].cast(pa.int32()).cast(pa.int64()), _NEVER).to_numpy()
    labels = np.full((len(customers), len(months)), np.nan)
    for column, month in enumerate(months):
        begin, end = _day(month.last_day), _day(month.plus(horizon_months).last_day)
        if end > _day(known_until):
            continue
        hit = (turned > begin) & (turned <= end)
        already = (turned <= begin) & (paid > begin)
        label = (np.bincount(row[hit], minlength=len(customers)) > 0).astype(float)
        label[np.bincount(row[already], minlength=len(customers)) > 0] = np.nan
        labels[:, column] = label
    return labels
