"""The stream over the inbox: which files are new, by Spark's own notes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.ingest.spark_paths import as_pattern
from pipelines.storage.store import Store

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_FOUND_SCHEMA = "path string, modificationTime timestamp, length long, content binary"
# Spark passes over files that are this much older than the newest it has seen; a late delivery may be older
# than its default of 7 days.
_MAX_FILE_AGE = "36500d"


def offer_files(
    store: Store, root: Path, checkpoint: Path, on_batch: Callable[[DataFrame, int], None]
) -> None:
    """Offers every file below the inbox that was not offered before, in batches.

    root        The inbox, absolute.
    checkpoint  Where Spark keeps its notes.
    on_batch    Called with path and length of a batch's files and the batch's number.
    """
    stream = (
        store.spark.readStream.format("binaryFile")
        .schema(_FOUND_SCHEMA)
        .option("recursiveFileLookup", "true")
        .option("pathGlobFilter", "[!.]*")
        .option("maxFileAge", _MAX_FILE_AGE)
        .option("maxFilesPerTrigger", store.settings.platform.ingest.max_files_per_batch)
        .load(as_pattern(root))
        # Selected before the stream is written, so that Spark never reads the content.
        .select("path", "length")
    )
    query = (
        stream.writeStream.foreachBatch(on_batch)
        .option("checkpointLocation", str(checkpoint))
        .trigger(availableNow=True)
        .start()
    )
    try:
        query.awaitTermination()
    finally:
        if query.isActive:  # interrupted: the home is let go only when nothing writes to it
            query.stop()
