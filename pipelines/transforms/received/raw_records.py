"""The text of a received record as quarantine shows it: its values in the order of the table, commas between."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.transforms.received.precedence import RAW_LIMIT

# Between these, numbers are written without an exponent.
_PLAIN_FROM, _PLAIN_BELOW = 1e-3, 1e7


def raw_records(rows: pa.Table, columns: Sequence[str]) -> pa.Array:
    """One text a row, cut at the limit; an empty value is an empty text.

    columns  The columns shown, at least one, in order.
    """
    shown = rows.select(list(columns)).combine_chunks()
    texts = [pc.fill_null(_texts(shown[name]), "") for name in columns]
    joined = pc.utf8_slice_codeunits(pc.binary_join_element_wise(*texts, ","), 0, RAW_LIMIT)
    return pa.concat_arrays(joined.chunks) if joined.num_chunks else pa.array([], pa.string())


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_floating(column.type):
        return column.cast(pa.string())
    return pa.chunked_array([_number_texts(chunk) for chunk in column.chunks], pa.string())


def _number_texts(numbers: pa.Array) -> pa.Array:
    """Shortest texts that give the number back: 10.0, 1.25E7, 1.0E-5, NaN, Infinity."""
    values = np.asarray(pc.fill_null(numbers, 0.0))
    size = np.abs(values)
    plain = (size == 0) | ((size >= _PLAIN_FROM) & (size < _PLAIN_BELOW))
    texts = numbers.cast(pa.string())
    whole = pc.if_else(pc.match_substring(texts, "."), texts, pc.binary_join_element_wise(texts, "0", "."))
    if plain.all():
        return whole
    # Rarely more than a few distinct ones: these numbers are those of held-back records.
    outside = pc.if_else(pa.array(plain), pa.scalar(None, numbers.type), numbers).dictionary_encode()
    words = pa.array([_exponent_text(value) for value in outside.dictionary.to_pylist()], pa.string())
    return pc.if_else(pa.array(plain), whole, words.take(outside.indices))


def _exponent_text(value: float) -> str:
    if not np.isfinite(value):
        return "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    number = Decimal(repr(value)).normalize().as_tuple()
    lead, *rest = map(str, number.digits)
    power = len(rest) + int(number.exponent)
    return f"{'-' * number.sign}{lead}.{''.join(rest) or '0'}E{power}"
