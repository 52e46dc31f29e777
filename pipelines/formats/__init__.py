"""One reader per received format: bytes in, Arrow out. No Spark, no store, no clock."""

from __future__ import annotations

from pipelines.formats.contract import Format, FormatSettings, ReadResult, RefusalReason
from pipelines.formats.detection import FORMATS, detect
from pipelines.formats.long_form import LongForm
from pipelines.formats.mapping import LongMapping
from pipelines.formats.mapping_files import load_mapping, load_mappings
from pipelines.formats.unpack import unpack

__all__ = [
    "FORMATS",
    "Format",
    "FormatSettings",
    "LongForm",
    "LongMapping",
    "ReadResult",
    "RefusalReason",
    "detect",
    "load_mapping",
    "load_mappings",
    "unpack",
]
