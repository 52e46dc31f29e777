"""Formula texts of a batch: numbers written as the single engine writes them, joined with one text for each
distinct shape.

A decimal is written with the digits that it came with, and Arrow columns hold one scale for all; so bills
carry beside their numbers how
many decimals each has (``decimals`` in ``BILLS_SCHEMA``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import IntArray
from pipelines.errors import UsageError
from pipelines.tariff.batch.exact import MICRO, decimal_column

_WIDEST = 18


def plain_numbers(values: IntArray, scale: int, decimals: IntArray) -> pa.Array:
    """Numbers as ``format(value, "f")`` writes a Decimal with so many decimals.

    values    In units of 10^-scale.
    decimals  Of each number; raises UsageError where it has more digits than that.

    >>> plain_numbers(np.array([1_500_000, 1_500_000]), 6, np.array([2, 1])).to_pylist()
    ['1.50', '1.5']
    """
    kinds = np.unique(decimals)
    if kinds.size == 1:
        return _of_one_kind(values, scale, int(kinds[0]))
    rows = [np.flatnonzero(decimals == kind) for kind in kinds]
    if not rows:
        return pa.array([], pa.string())
    parts = [_of_one_kind(values[mine], scale, int(kind)) for mine, kind in zip(rows, kinds, strict=True)]
    place = np.empty(values.size, dtype=np.int64)
    place[np.concatenate(rows)] = np.arange(values.size)
    return pa.concat_arrays(parts).take(pa.array(place))


def _of_one_kind(values: IntArray, scale: int, decimals: int) -> pa.Array:
    if decimals >= scale:
        factor = 10 ** (decimals - scale)
        if decimals > _WIDEST or bool((np.abs(values) > np.iinfo(np.int64).max // factor).any()):
            raise OverflowError("a decimal has too many digits for exact arithmetic in 64 bits")
        digits = values * factor
    else:
        step = 10 ** (scale - decimals)
        digits = values // step
        if bool((digits * step != values).any()):
            raise UsageError(
                f"A number has more than the {decimals} decimals that stand beside it.",
                "Say how many it has, or leave it empty.",
            )
    if decimals == 0:
        return pa.array(digits).cast(pa.string())
    texts = decimal_column(digits, pa.decimal128(38, decimals)).cast(pa.string())
    # Below 0.000001 Arrow writes a power of ten.
    tiny = (
        np.abs(digits) < 10 ** (decimals - MICRO)
        if decimals > MICRO
        else np.zeros(digits.size, dtype=np.bool_)
    )
    if not tiny.any():
        return texts
    distinct, place = np.unique(digits[tiny], return_inverse=True)
    written = pa.array(
        [f"{'-' if value < 0 else ''}0.{abs(value):0{decimals}d}" for value in distinct.tolist()], pa.string()
    )
    return pc.replace_with_mask(texts, pa.array(tiny), written.take(pa.array(place)))


def joined(*parts: pa.Array | str) -> pa.Array:
    """Texts side by side; a plain one stands in every row."""
    return pc.binary_join_element_wise(
        *[pa.scalar(part, pa.string()) if isinstance(part, str) else part for part in parts], ""
    )


def chosen_texts(texts: Sequence[str], places: IntArray) -> pa.Array:
    """Of a few texts the one at each place."""
    return pa.array(texts, pa.string()).take(pa.array(places))
