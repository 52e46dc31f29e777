"""Reading, writing and time travel of the Delta tables; one writer per home at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.dataset as ds

from pipelines.errors import SchemaMismatchError, UsageError
from pipelines.settings import Settings
from pipelines.storage.damage import damaged_table, first_line, log_fault
from pipelines.storage.scan import schema_of_files
from pipelines.storage.session.lazy import LazySession
from pipelines.storage.table_hash import content_hash
from pipelines.tables.base import Table
from pipelines.timings import phase

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType


class Store:
    """All tables of one home. Spark is needed for frames and writes only; reports read without it.

    settings  Where the tables are.
    spark     The session, one that starts when it is first asked for, or None where only reports are made.
    """

    def __init__(self, settings: Settings, spark: SparkSession | LazySession | None = None) -> None:
        self.settings, self._spark = settings, spark
        self._looked_at: set[str] = set()

    @property
    def spark(self) -> SparkSession:
        """The session, started now if need be; raises UsageError in a report that has none."""
        if self._spark is None:
            raise UsageError("This store was opened for reading; it has no Spark session.")
        return self._spark() if isinstance(self._spark, LazySession) else self._spark

    @property
    def has_started_spark(self) -> bool:
        """Whether there is a session already."""
        return self._spark.is_started if isinstance(self._spark, LazySession) else self._spark is not None

    def path(self, table: type[Table]) -> str:
        """Folder or prefix of a table."""
        return f"{self.settings.tables_location.rstrip('/')}/{table.name}"

    def delta(self, table: type[Table], version: int | None = None) -> DeltaTable | None:
        """The table as delta-rs sees it, or None where it does not exist yet.

        Raises DamagedPartError where its log is not whole.
        """
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        path = self.path(table)
        if table.name not in self._looked_at:
            if fault := log_fault(path):
                raise damaged_table(table, fault)
            self._looked_at.add(table.name)
        try:
            return DeltaTable(path, version=version) if DeltaTable.is_deltatable(path) else None
        except DeltaError as error:
            if version is not None and self.delta(table) is not None:
                raise  # the version asked for is not there; the table is
            raise damaged_table(table, f"its log cannot be read: {first_line(error)}") from error

    def version(self, table: type[Table]) -> int | None:
        """Newest version, or None where the table does not exist yet."""
        found = self.delta(table)
        return None if found is None else found.version()

    def versions(self, tables: Sequence[type[Table]]) -> dict[str, int]:
        """Newest version of each table; -1 where it does not exist yet."""
        return {table.name: -1 if (found := self.version(table)) is None else found for table in tables}

    @phase("read")
    def arrow(
        self,
        table: type[Table],
        columns: Sequence[str] | None = None,
        filters: list[tuple[str, str, Any]] | None = None,
        version: int | None = None,
    ) -> pa.Table:
        """Rows without Spark; an empty table where nothing was written yet. A column younger than the version
        is empty.
        """
        found = self.delta(table, version)
        wanted = list(columns or table.columns())
        if found is None:
            return table.empty().select(wanted)
        # File statistics that lack a column are taken for bounds of null, which no value meets: only
        # partitions may be left out by file.
        expression, later = None, []
        for column, operator, value in filters or []:
            field = ds.field(column)
            term = field.isin(value) if operator == "in" else field == value
            if column in table.partition_by:
                expression = term if expression is None else expression & term
            else:
                later.append((column, term))
        read = list(dict.fromkeys([*wanted, *dict(later)]))
        dataset = found.to_pyarrow_dataset(schema=schema_of_files(table))
        try:
            rows = dataset.to_table(columns=read, filter=expression)
        except (FileNotFoundError, pa.ArrowInvalid) as error:
            raise damaged_table(table, f"a data file cannot be read: {first_line(error)}") from error
        for _, term in later:
            rows = rows.filter(term)
        return rows.select(wanted).cast(pa.schema([table.arrow_schema().field(name) for name in wanted]))

    def head(self, table: type[Table], limit: int, version: int | None = None) -> list[dict[str, Any]]:
        """The first rows of whichever files come first."""
        found = self.delta(table, version)
        if found is None:
            return []
        known = {field.name for field in found.schema().fields}
        rows: list[dict[str, Any]] = (
            found.to_pyarrow_dataset()
            .head(limit, columns=[name for name in table.columns() if name in known])
            .to_pylist()
        )
        return rows

    @phase("read")
    def data_files(self, table: type[Table], version: int | None = None) -> list[str]:
        """Paths of a version's data files relative to the table's folder, in order; none where the table does
        not exist yet.
        """
        found = self.delta(table, version)
        if found is None:
            return []
        # delta-rs escapes paths as addresses; folders and files of the store bear their plain names.
        prefix = self.path(table) + "/"
        return sorted(unquote(path).removeprefix(prefix) for path in found.file_uris())

    def data_paths(self, table: type[Table], version: int | None = None) -> list[str]:
        """Addresses of a version's data files, as ``scan`` takes them."""
        return [f"{self.path(table)}/{path}" for path in self.data_files(table, version)]

    def data_sizes(self, table: type[Table]) -> dict[str, int]:
        """Address of each data file of the newest version -> its bytes, from the log alone."""
        found = self.delta(table)
        if found is None:
            return {}
        added = pa.table(found.get_add_actions(flatten=True)).select(["path", "size_bytes"]).to_pylist()
        return {f"{self.path(table)}/{unquote(row['path'])}": int(row["size_bytes"]) for row in added}

    @phase("read")
    def row_count(self, table: type[Table]) -> int:
        """Rows of the newest version, from the log alone."""
        found = self.delta(table)
        if found is None:
            return 0
        counts = pa.table(found.get_add_actions(flatten=True)).column("num_records")
        return int(sum(value or 0 for value in counts.to_pylist()))

    def content_hash(self, table: type[Table], version: int | None = None) -> str:
        """Hash of the business columns: equal for equal content, however it arrived."""
        return content_hash(self.arrow(table, table.business_columns(), version=version), table)

    @phase("read")
    def frame(self, table: type[Table], version: int | None = None) -> DataFrame:
        """Rows as a Spark frame; an empty frame of the declared schema where nothing was written yet."""
        if self.delta(table) is None:
            return self.spark.createDataFrame([], spark_schema(table))
        reader = self.spark.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        return reader.load(self.path(table)).select(*table.columns())

    @phase("write")
    def write(
        self,
        frame: DataFrame,
        table: type[Table],
        *,
        append: bool = False,
        note: str = "",
    ) -> int:
        """Writes a conformed frame in one transaction and returns the new version.

        append  Add rows, replace nothing.
        note    Kept as the commit's user metadata.
        """
        writer = conform_frame(frame, table).write.format("delta").option("userMetadata", note)
        writer = writer.mode("append" if append else "overwrite")
        if table.partition_by:
            writer = writer.partitionBy(*table.partition_by)
        writer.save(self.path(table))
        return self._written(table)

    def _written(self, table: type[Table]) -> int:
        version = self.version(table)
        if version is None:
            raise UsageError(f"{table.name} was not written.")
        return version


def spark_schema(table: type[Table], columns: Sequence[str] | None = None) -> StructType:
    """The declaration as a Spark schema; all columns, or those named."""
    from pyspark.sql.pandas.types import from_arrow_schema
    from pyspark.sql.types import StructField, StructType

    converted = from_arrow_schema(table.arrow_schema())
    return StructType(
        [
            StructField(field.name, field.dataType, field.nullable)
            for field in converted
            if columns is None or field.name in columns
        ]
    )


def conform_frame(frame: DataFrame, table: type[Table]) -> DataFrame:
    """Selects and casts to the declaration; raises SchemaMismatchError on missing or surplus columns."""
    from pyspark.sql import functions as F

    missing, surplus = set(table.columns()) - set(frame.columns), set(frame.columns) - set(table.columns())
    if missing or surplus:
        raise SchemaMismatchError(table.name, missing, surplus)
    return frame.select(
        *[F.col(field.name).cast(field.dataType).alias(field.name) for field in spark_schema(table)]
    )
