"""Writing sample files so that the same input always gives the same bytes, and keeping account of them."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True)
class SampleFile:
    """One line of the manifest.

    path        Below ``samples/``.
    sha256      Of the file as committed.
    rows        Records in it.
    format_id   The reader that takes it, or None where it is no received file.
    source      The public data set behind it.
    licence     Licence of that data set.
    provenance  Kinds of truth in it: real, dates_shifted, derived, assumed.
    """

    path: str
    sha256: str
    rows: int
    format_id: str | None
    source: str
    licence: str
    provenance: tuple[str, ...]


@dataclass(frozen=True)
class Origin:
    """Where the content of a sample comes from and under which licence."""

    source: str
    licence: str
    provenance: tuple[str, ...]


class SampleFolder:
    """The folder that samples are written to; remembers what was written."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: list[SampleFile] = []

    def csv(
        self,
        path: str,
        header: Sequence[str],
        rows: Iterable[Sequence[str]],
        origin: Origin,
        format_id: str | None,
    ) -> None:
        """Writes UTF-8 CSV with line feeds; a name in .gz is compressed without a time stamp."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        count = 0
        for row in rows:
            writer.writerow(row)
            count += 1
        content = text.getvalue().encode("utf-8")
        self.content(path, _gzip(content) if path.endswith(".gz") else content, count, origin, format_id)

    def parquet(self, path: str, table: pa.Table, origin: Origin) -> None:
        """Writes a Parquet file."""
        sink = io.BytesIO()
        pq.write_table(table, sink, compression="zstd", compression_level=19, row_group_size=1 << 20)
        self.content(path, sink.getvalue(), table.num_rows, origin, None)

    def content(self, path: str, content: bytes, rows: int, origin: Origin, format_id: str | None) -> None:
        """Writes bytes and notes them for the manifest."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        self.files.append(
            SampleFile(path, digest, rows, format_id, origin.source, origin.licence, origin.provenance)
        )

    def manifest(self) -> None:
        """Writes ``manifest.json``: every file with hash, rows, source, licence and provenance."""
        files = [asdict(file) for file in sorted(self.files, key=lambda file: file.path)]
        text = json.dumps({"files": files}, ensure_ascii=False, indent=1, sort_keys=True)
        (self.root / "manifest.json").write_text(text + "\n", encoding="utf-8")


def _gzip(content: bytes) -> bytes:
    sink = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=sink, mtime=0) as packed:
        packed.write(content)
    return sink.getvalue()
