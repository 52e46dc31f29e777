"""Rows that are found by a key."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import IntArray


def place_of(wanted: IntArray, keys: IntArray) -> IntArray:
    """Place of each wanted key among distinct keys, -1 where it is not there."""
    if not keys.size:
        return np.full(wanted.size, -1, dtype=np.int64)
    order = np.argsort(keys)
    place = np.minimum(np.searchsorted(keys[order], wanted), keys.size - 1)
    return np.where(keys[order][place] == wanted, order[place], -1)


def ranks(strings: pa.ChunkedArray | pa.Array) -> tuple[IntArray, list[str]]:
    """Each string's place in the sorted list of the distinct ones, and that list."""
    encoded = pc.dictionary_encode(strings)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = (
            encoded.unify_dictionaries().combine_chunks()
            if encoded.num_chunks
            else pa.array([], pa.string()).dictionary_encode()
        )
    words = encoded.dictionary.to_pylist()
    order = sorted(range(len(words)), key=words.__getitem__)
    place = np.empty(len(words), dtype=np.int64)
    place[order] = np.arange(len(words))
    return place[encoded.indices.to_numpy(zero_copy_only=False)], [words[index] for index in order]
