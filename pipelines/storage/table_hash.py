"""When rows are the same, and the hash of a table's content: independent of file layout, row order, null
padding and run columns.

The canonical form of a cell is what the hash is fed: empty is a value of its own, -0.0 is 0.0, a number that
is none is itself, lists are their lengths and elements, records their fields. ``equal_cells`` compares in
that form, the hash sums it up.

The digests of revisions are of another form, ``row_texts``: they are kept in issued tables, so that form may
never change.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import BoolArray, FloatArray
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
            if field.later and column.null_count == len(column):
                continue
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
    elif pa.types.is_struct(array.type):
        for part in array.flatten():
            _feed(digest, part)
    elif pa.types.is_string(array.type):
        filled = pc.fill_null(array, "")
        digest.update(np.asarray(pc.binary_length(filled), dtype="<i8").tobytes())
        digest.update("".join(filled.to_pylist()).encode())
    elif pa.types.is_decimal(array.type):
        digest.update("\0".join(pc.fill_null(pc.cast(array, pa.string()), "").to_pylist()).encode())
    elif pa.types.is_floating(array.type):
        digest.update(_numbers(array).tobytes())
    else:
        plain = (
            array.cast(pa.int32()).cast(pa.int64())
            if pa.types.is_date(array.type)
            else array.cast(pa.int64())
        )
        digest.update(np.asarray(pc.fill_null(plain, 0), dtype="<i8").tobytes())


def _numbers(array: pa.Array) -> FloatArray:
    return np.asarray(pc.fill_null(array, 0.0), dtype="<f8") + 0.0


def equal_cells(left: pa.ChunkedArray, right: pa.ChunkedArray) -> BoolArray:
    """(rows) whether two columns of one type and length hold the same, cell by cell, in canonical form.

    Two values that are no number are the same only bit by bit, since the hash takes their bits; records that
    are
    judged (``judged_records``) are the same with any of them, so neither can stand for the other.
    """
    return _equal(_whole(left), _whole(right))


def _equal(left: pa.Array, right: pa.Array) -> BoolArray:
    if pa.types.is_list(left.type):
        return _equal_lists(left, right)
    if pa.types.is_struct(left.type):
        parts = [_equal(*each) for each in zip(left.flatten(), right.flatten(), strict=True)]
        parts.append(np.asarray(pc.equal(left.is_valid(), right.is_valid()), dtype=np.bool_))
        return np.asarray(np.logical_and.reduce(parts), dtype=np.bool_)
    same = pc.equal(left, right)
    if same.null_count:
        same = pc.or_(pc.fill_null(same, False), pc.and_(pc.is_null(left), pc.is_null(right)))
    found = np.array(same.to_numpy(zero_copy_only=False), dtype=np.bool_)
    differ = np.flatnonzero(~found) if pa.types.is_floating(left.type) else np.empty(0, np.int64)
    if differ.size:
        # Few are left to be brought into canonical form.
        one, other = (each.take(pa.array(differ)) for each in (left, right))
        valid = pc.and_(pc.is_valid(one), pc.is_valid(other)).to_numpy(zero_copy_only=False)
        found[differ] = valid & (_numbers(one).view("<i8") == _numbers(other).view("<i8"))
    return found


def _equal_lists(left: pa.Array, right: pa.Array) -> BoolArray:
    lengths = [
        pc.fill_null(pc.list_value_length(each), -1).to_numpy().astype(np.int64) for each in (left, right)
    ]
    same = lengths[0] == lengths[1]
    rows = np.flatnonzero(same & (lengths[0] > 0))
    if rows.size:
        elements = _equal(*(pc.list_flatten(each.take(pa.array(rows))) for each in (left, right)))
        counts = lengths[0][rows]
        same[rows] = np.logical_and.reduceat(elements, np.cumsum(counts) - counts)
    return np.asarray(same, dtype=np.bool_)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.array([], column.type)
