"""Which row of a history holds on a day."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

_DAY_SPAN = 1 << 20


def row_in_force(
    subject: pa.ChunkedArray,
    day: pa.ChunkedArray,
    history_subject: pa.ChunkedArray,
    history_from: pa.ChunkedArray,
) -> pa.Array:
    """Index of the history row of each subject that began last on or before its day; null where there is
    none.

    subject, day                   What is asked, row by row.
    history_subject, history_from  The history; each row holds until the day before the subject's next one.
    """
    names = pa.array(sorted(set(history_subject.to_pylist())), pa.string())
    known = pa.compute.index_in(history_subject, names).to_numpy(zero_copy_only=False).astype(np.int64)
    begins = known * _DAY_SPAN + history_from.cast(pa.int32()).to_numpy().astype(np.int64)
    order = np.argsort(begins, kind="stable")
    code = (
        pa.compute.fill_null(pa.compute.index_in(subject, names), -1)
        .to_numpy(zero_copy_only=False)
        .astype(np.int64)
    )
    asked = code * _DAY_SPAN + day.cast(pa.int32()).to_numpy().astype(np.int64)
    place = np.searchsorted(begins[order], asked, side="right") - 1
    if not len(order):
        return pa.nulls(len(asked), pa.int64())
    found = order[np.maximum(place, 0)]
    holds = (place >= 0) & (code >= 0) & (known[found] == code)
    return pa.array(found, pa.int64(), mask=~holds)
