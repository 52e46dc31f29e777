"""How far apart the values of a series stand in a long file: hourly values under a declaration of 15 minutes would be four times the power."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.formats.gridding import NOT_DELIVERED

LEAST_STEPS = 8
"""So many steps of one length, of a series or of the whole file, are no chance."""


def wrong_spacing(rows: pa.Table, slots: int) -> dict[str, int]:
    """Meter points that most often have another step from value to value than one interval, and that step. [intervals]

    rows  Day curves of one file as ``grid_days`` gives them, by value column, meter point, channel and day.

    Values that are lost at random leave single steps the most frequent ones, however many are lost.
    """
    part = np.flatnonzero(pc.is_valid(rows["present_flags"]).to_numpy())
    if not part.size:
        return {}
    names = pc.unique(rows["meter_point_id"])
    point = pc.index_in(rows["meter_point_id"], value_set=names).to_numpy().astype(np.int64)
    channels = pc.unique(rows["channel_code"])
    series = point * len(channels) + pc.index_in(rows["channel_code"], value_set=channels).to_numpy().astype(np.int64)
    flags = pc.binary_join(pa.array([rows["present_flags"].take(pa.array(part)).to_pylist()], pa.list_(pa.string())), "")[0].as_py()
    row, slot = np.nonzero(np.frombuffer(flags.encode("ascii"), np.uint8).reshape(part.size, slots) != ord(NOT_DELIVERED))
    at = part[row]
    day = rows["curve_date"].cast(pa.int32()).to_numpy().astype(np.int64)[at]
    # Between two rows that do not follow each other stands a whole day or another series.
    follows = (series[at[1:]] == series[at[:-1]]) & (at[1:] - at[:-1] <= 1)
    step = np.diff(day * slots + slot)[follows]
    packed, count = np.unique(series[at[1:]][follows] << 32 | step, return_counts=True)
    whole = np.bincount(np.delete(series, part), minlength=int(series.max()) + 1) * (slots - 1)
    of_series, length = packed >> 32, packed & 0xFFFF_FFFF
    single = whole.copy()
    np.add.at(single, of_series[length == 1], count[length == 1])
    usual = np.lexsort((-length, count, of_series))
    usual = usual[np.concatenate((of_series[usual[1:]] != of_series[usual[:-1]], [True]))] if usual.size else usual
    odd = usual[(length[usual] > 1) & (count[usual] > single[of_series[usual]])]
    together = np.bincount(np.minimum(length, slots), weights=count, minlength=slots + 1)
    together[1] += whole.sum()
    file_wide = int(together.argmax()) if together.max() >= LEAST_STEPS else 1
    sure = odd[(count[odd] >= LEAST_STEPS) | ((length[odd] == file_wide) & (file_wide > 1))]
    return {names[int(of_series[place]) // len(channels)].as_py(): int(length[place]) for place in sure.tolist()}
