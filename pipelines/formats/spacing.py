"""How far apart the values of a series stand in a long file.

Hourly values under a declaration of 15 minutes would be four times the power, and every fourth of 15 minutes
under one of an hour a quarter of the energy.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import IntArray
from pipelines.formats.gridding import NOT_DELIVERED


def finer_points(meter: IntArray, starts: IntArray, length: int, least_steps: int) -> dict[int, int]:
    """Meters whose stamps also stand regularly between those of the declared intervals, and the step from one
    to the next. [unit of ``length``]

    meter        Number of each line's meter; starts: begin of its interval.
    length       The declared interval.
    least_steps  So many steps of one length are no chance.

    What is read of such a meter would be one value in several, and its energy a fraction. Stamps that stray
    are no step: there must be ``least_steps``
    of them, and half as many as stand on the grid.
    """
    off = starts % length
    astray = off != 0
    if not astray.any():
        return {}
    size = int(meter.max()) + 1
    count, on = np.bincount(meter[astray], minlength=size), np.bincount(meter[~astray], minlength=size)
    odd = np.flatnonzero((count >= least_steps) & (on > 0) & (2 * count >= on))
    return {int(place): int(np.gcd.reduce(off[astray & (meter == place)], initial=length)) for place in odd}


def wrong_spacing(rows: pa.Table, slots: int, least_steps: int) -> dict[str, int]:
    """Meter points that most often have another step from value to value than one interval, and that step.
    [intervals]

    rows         Day curves of one file as ``grid_days`` gives them, by value column, meter point, channel and
                 day.
    least_steps  So many steps of one length, of a series or of the whole file, are no chance.

    Values that are lost at random leave single steps the most frequent ones, however many are lost.
    """
    part = np.flatnonzero(pc.is_valid(rows["present_flags"]).to_numpy())
    if not part.size:
        return {}
    names = pc.unique(rows["meter_point_id"])
    point = pc.index_in(rows["meter_point_id"], value_set=names).to_numpy().astype(np.int64)
    channels = pc.unique(rows["channel_code"])
    series = point * len(channels) + pc.index_in(rows["channel_code"], value_set=channels).to_numpy().astype(
        np.int64
    )
    flags = pc.binary_join(
        pa.array([rows["present_flags"].take(pa.array(part)).to_pylist()], pa.list_(pa.string())), ""
    )[0].as_py()
    row, slot = np.nonzero(
        np.frombuffer(flags.encode("ascii"), np.uint8).reshape(part.size, slots) != ord(NOT_DELIVERED)
    )
    at = part[row]
    day = rows["curve_date"].cast(pa.int32()).to_numpy().astype(np.int64)[at]
    # Between two rows that do not follow each other stands a whole day or another series.
    follows = (series[at[1:]] == series[at[:-1]]) & (at[1:] - at[:-1] <= 1)
    step, of_step = np.diff(day * slots + slot)[follows], series[at[1:]][follows]
    size = int(series.max()) + 1
    single = np.bincount(np.delete(series, part), minlength=size) * (slots - 1) + np.bincount(
        of_step[step == 1], minlength=size
    )
    longer = np.flatnonzero(step > 1)
    if not longer.size:
        return {}
    packed, count = np.unique(of_step[longer] << 32 | step[longer], return_counts=True)
    of_series, length = packed >> 32, packed & 0xFFFF_FFFF
    usual = np.lexsort((-length, count, of_series))
    usual = usual[np.concatenate((of_series[usual[1:]] != of_series[usual[:-1]], [True]))]
    odd = usual[count[usual] > single[of_series[usual]]]
    together = np.bincount(np.minimum(length, slots), weights=count, minlength=slots + 1)
    together[1] = single.sum()
    file_wide = int(together.argmax()) if together.max() >= least_steps else 1
    sure = odd[(count[odd] >= least_steps) | ((length[odd] == file_wide) & (file_wide > 1))]
    return {
        names[int(of_series[place]) // len(channels)].as_py(): int(length[place]) for place in sure.tolist()
    }
