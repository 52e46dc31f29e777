"""The hash of a table's content: independent of file layout, row order, null padding and run columns."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.tables.base import Table


def content_hash(rows: pa.Table, table: type[Table]) -> str:
    """SHA-256 over the business columns in key order.

    rows   Any Arrow table that holds at least the table's business columns.
    """
    business = rows.select(list(table.business_columns())).combine_chunks()
    order = table.key() or tuple(
        name for name in ("content_hash", "line_number", "channel_code") if name in business.column_names
    )
    keys = [(name, "ascending") for name in order] or [
        (name, "ascending")
        for name in business.column_names
        if not pa.types.is_nested(business.schema.field(name).type)
    ]
    ordered = business.take(pc.sort_indices(business, sort_keys=keys)) if business.num_rows else business
    digest = hashlib.sha256(f"{table.name}\0{ordered.num_rows}\0".encode())
    for field in table.fields():
        if field.name in business.column_names:
            column = ordered.column(field.name).cast(field.dtype).combine_chunks()
            digest.update(field.name.encode() + b"\0")
            for part in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
                _feed(digest, part)
    return digest.hexdigest()


def _feed(digest: hashlib._Hash, array: pa.Array) -> None:
    digest.update(np.packbits(np.asarray(array.is_valid())).tobytes())
    if pa.types.is_list(array.type):
        lengths = pc.fill_null(pc.list_value_length(array), 0)
        digest.update(np.asarray(lengths, dtype="<i8").tobytes())
        _feed(digest, pc.list_flatten(array))
    elif pa.types.is_string(array.type):
        filled = pc.fill_null(array, "")
        digest.update(np.asarray(pc.binary_length(filled), dtype="<i8").tobytes())
        digest.update("".join(filled.to_pylist()).encode())
    elif pa.types.is_decimal(array.type):
        digest.update("\0".join(pc.fill_null(pc.cast(array, pa.string()), "").to_pylist()).encode())
    elif pa.types.is_floating(array.type):
        digest.update((np.asarray(pc.fill_null(array, 0.0), dtype="<f8") + 0.0).tobytes())
    else:
        plain = (
            array.cast(pa.int32()).cast(pa.int64())
            if pa.types.is_date(array.type)
            else array.cast(pa.int64())
        )
        digest.update(np.asarray(pc.fill_null(plain, 0), dtype="<i8").tobytes())
