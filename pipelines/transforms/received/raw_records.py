"""The text of a received record as quarantine shows it: its values in the order of the table, commas
between.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.tables.silver import RAW_RECORD_LIMIT

# Between these, numbers are written without an exponent.
_PLAIN_FROM, _PLAIN_BELOW = 1e-3, 1e7


def raw_records(rows: pa.Table, columns: Sequence[str]) -> pa.Array:
    """One text a row, cut at the limit; an empty value is an empty text.

    columns  The columns shown, at least one, in order.
    """
    shown = rows.select(list(columns)).combine_chunks()
    texts = [pc.fill_null(_texts(shown[name]), "") for name in columns]
    joined = pc.utf8_slice_codeunits(pc.binary_join_element_wise(*texts, ","), 0, RAW_RECORD_LIMIT)
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
    with_point = pc.if_else(
        pc.match_substring(texts, "."), texts, pc.binary_join_element_wise(texts, "0", ".")
    )
    if plain.all():
        return with_point
    outside = _exponent_texts(pc.if_else(pa.array(plain), pa.scalar("1", pa.string()), texts))
    for value, word in (
        (np.isnan(values), "NaN"),
        (values == np.inf, "Infinity"),
        (values == -np.inf, "-Infinity"),
    ):
        outside = pc.if_else(pa.array(value), word, outside)
    return pc.if_else(pc.or_(pa.array(plain), pc.is_null(numbers)), with_point, outside)


def _exponent_texts(texts: pa.Array) -> pa.Array:
    """Texts like 12345678.9, 0.000015 or 1.5e+22 as 1.23456789E7, 1.5E-5 and 1.5E22."""
    sizes = pc.utf8_ltrim(texts, "-")
    mantissas = pc.replace_substring_regex(sizes, "e.*$", "")
    given = pc.replace_substring_regex(pc.replace_substring_regex(sizes, "^[^e]*(e[+]?)?", ""), "^$", "0")
    digits = pc.replace_substring(mantissas, ".", "")
    leading = pc.utf8_ltrim(digits, "0")
    whole = pc.utf8_length(pc.replace_substring_regex(mantissas, r"[.].*$", ""))
    powers = pc.subtract(pc.subtract(whole, 1), pc.subtract(pc.utf8_length(digits), pc.utf8_length(leading)))
    powers = pc.add(powers, pc.replace_substring_regex(given, "^(nan|-?inf)$", "0").cast(pa.int32()))
    rest = pc.replace_substring_regex(pc.utf8_rtrim(pc.utf8_slice_codeunits(leading, 1), "0"), "^$", "0")
    size = pc.binary_join_element_wise(pc.utf8_slice_codeunits(leading, 0, 1), rest, ".")
    signs = pc.if_else(pc.starts_with(texts, "-"), "-", "")
    return pc.binary_join_element_wise(signs, size, "E", powers.cast(pa.string()), "")
