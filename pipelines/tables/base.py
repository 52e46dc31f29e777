"""The declaration of a table, from which schema, gate, catalogue and test builders derive."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum, StrEnum
from functools import cache
from typing import ClassVar, TypeVar

import pyarrow as pa

from pipelines.codes import Severity
from pipelines.errors import SettingsError, UnknownNameError
from pipelines.units import Unit

Row = TypeVar("Row")
_NAME = re.compile(r"[a-z][a-z0-9_]*")

STRING = pa.string()
DATE = pa.date32()
TIMESTAMP = pa.timestamp("us", tz="UTC")
INTEGER = pa.int32()
LONG = pa.int64()
DOUBLE = pa.float64()
BOOLEAN = pa.bool_()
ENERGY = pa.decimal128(18, 6)
AMOUNT = pa.decimal128(18, 2)
PRICE = pa.decimal128(18, 10)

POINT, CUSTOMER = "meter_point_id", "customer_id"
"""Columns that say, in whichever table they stand, whose rows these are."""


class Layer(StrEnum):
    """Where in the way of the data a table stands."""

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"
    PRODUCT = "product"


class Role(Enum):
    """What a column is for. RUN columns say how a row came about and are left out of a table's hash."""

    KEY = "key"
    BUSINESS = "business"
    RUN = "run"


class Field:
    """One column: type, unit, code list, nullability, range and prose.

    dtype     Arrow type.
    unit      Physical or monetary unit; the column's name must end in its suffix.
    codes     Closed list that the values (or the elements of a list) come from.
    parts     Closed list of which the text joins some by ``+``; a record with another word is held back.
    minimum   Smallest value allowed; becomes an expectation.
    above     Bound that every value must exceed; becomes an expectation.
    maximum   Largest value allowed; becomes an expectation.
    severity  What breaking codes or bounds does: halt the run, quarantine the row, or warn.
    optional  Whether a received file may lack the column; its rows then hold nothing there.
    identifier  Whether the values obey the rule of ``identifiers``; a record that breaks it is held back.
    later     Whether it is younger than rows of its table: while it is empty throughout, their hash stays.
    nested    What each element of a list holds, see ``Nested``; ``dtype`` is then ``Nested.list_type()``.
    """

    name: str

    def __init__(
        self,
        dtype: pa.DataType,
        doc: str,
        *,
        unit: Unit | None = None,
        codes: type[Enum] | None = None,
        parts: type[Enum] | None = None,
        key: bool = False,
        run: bool = False,
        nullable: bool | None = None,
        minimum: float | None = None,
        above: float | None = None,
        maximum: float | None = None,
        severity: Severity = Severity.HALT,
        optional: bool = False,
        identifier: bool = False,
        later: bool = False,
        nested: type[Nested] | None = None,
    ) -> None:
        self.identifier, self.later = identifier, later
        self.parts, self.nested = parts, nested
        self.dtype, self.doc, self.unit, self.codes = dtype, doc, unit, codes
        self.role = Role.KEY if key else Role.RUN if run else Role.BUSINESS
        self.nullable = (not key) if nullable is None else nullable
        self.minimum, self.above, self.maximum, self.severity, self.optional = (
            minimum,
            above,
            maximum,
            severity,
            optional,
        )

    def __set_name__(self, owner: type, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise SettingsError(f"Column {owner.__name__}.{name} is not in snake_case.")
        if self.unit is not None and name != self.unit.suffix and not name.endswith("_" + self.unit.suffix):
            raise SettingsError(
                f"Column {owner.__name__}.{name} is in {self.unit.value}; its name must end in "
                f"_{self.unit.suffix}."
            )
        self.name = name


class Nested:
    """Base of the records that lie in a list inside a row; a subclass lists their Fields as class attributes.

    The fields are gated as those of a table are. In Arrow each may be empty: it cannot narrow what a file's
    records may hold.
    """

    @classmethod
    @cache
    def fields(cls) -> tuple[Field, ...]:
        """All fields in the order of their declaration."""
        return _declared(cls)

    @classmethod
    def list_type(cls) -> pa.DataType:
        """The type of a list of such records."""
        return pa.list_(pa.struct([pa.field(field.name, field.dtype) for field in cls.fields()]))


class Table:
    """Base of every declared table; a subclass lists its Fields as class attributes.

    name          Name in the store, ``{layer}_{thing}`` with the grain in it.
    layer         Bronze, silver, gold or product.
    partition_by  The column the files are laid out by, as a tuple of one; empty: by none.
    keeps_versions  Whether each version stays readable for ten years, because reports go back to it.
    subject       The column by whose hash workers are dealt the rows, and by which these lie in their files.
    doc           The subclass's docstring, shown in the catalogue.
    """

    name: ClassVar[str]
    layer: ClassVar[Layer]
    partition_by: ClassVar[tuple[str, ...]] = ()
    subject: ClassVar[str] = POINT
    keeps_versions: ClassVar[bool] = False
    max_rows_without_key: ClassVar[int] = 0

    def __init_subclass__(cls) -> None:
        if not cls.__doc__:
            raise SettingsError(f"Table {cls.__name__} has no prose.")
        surplus = [column for column in cls.partition_by if column not in cls.columns()]
        if surplus:
            raise SettingsError(
                f"Table {cls.__name__} is partitioned by {surplus}, which it does not declare."
            )
        if len(cls.partition_by) > 1:
            raise SettingsError(f"Table {cls.__name__} is partitioned by more than one column.")
        if cls.name in _TABLES:
            raise SettingsError(f"Two tables are named {cls.name}.")
        _TABLES[cls.name] = cls

    @classmethod
    @cache
    def fields(cls) -> tuple[Field, ...]:
        """All columns in the order of their declaration, inherited ones last."""
        return _declared(cls)

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Names of all columns."""
        return tuple(field.name for field in cls.fields())

    @classmethod
    def key(cls) -> tuple[str, ...]:
        """Names of the columns that identify a row."""
        return tuple(field.name for field in cls.fields() if field.role is Role.KEY)

    @classmethod
    def business_columns(cls) -> tuple[str, ...]:
        """Key and business columns: what the table's hash is taken over."""
        return tuple(field.name for field in cls.fields() if field.role is not Role.RUN)

    @classmethod
    def partition_column(cls) -> str:
        """The column that the files are laid out by, nearly always the month; raises SettingsError where
        there is none.
        """
        if not cls.partition_by:
            raise SettingsError(f"Table {cls.__name__} is not partitioned.")
        return cls.partition_by[0]

    @classmethod
    def arrow_schema(cls) -> pa.Schema:
        """The declared columns as an Arrow schema."""
        return pa.schema([pa.field(field.name, field.dtype, field.nullable) for field in cls.fields()])

    @classmethod
    def empty(cls) -> pa.Table:
        """A table of no rows."""
        return cls.arrow_schema().empty_table()


_TABLES: dict[str, type[Table]] = {}


def _declared(owner: type) -> tuple[Field, ...]:
    """The Fields of a class in the order of their declaration, inherited ones last."""
    found: dict[str, Field] = {}
    for base in owner.__mro__:
        for attribute in vars(base).values():
            if isinstance(attribute, Field):
                found.setdefault(attribute.name, attribute)
    return tuple(found.values())


def all_tables() -> tuple[type[Table], ...]:
    """Every table declared so far, by layer and name."""
    order = list(Layer)
    return tuple(sorted(_TABLES.values(), key=lambda table: (order.index(table.layer), table.name)))


def table_named(name: str) -> type[Table]:
    """The table of that name; raises UnknownNameError with the nearest one."""
    if name not in _TABLES:
        raise UnknownNameError("table", name, _TABLES, "`zhixiang table list` names them.")
    return _TABLES[name]


def conform(rows: pa.Table, table: type[Table], *, is_judged: bool = True) -> pa.Table:
    """Orders and casts an Arrow table to the declaration; raises SchemaMismatchError on missing or surplus
    columns.

    is_judged  False before the gate: it is the one to find what is empty where nothing may be.
    """
    from pipelines.errors import SchemaMismatchError

    declared: Iterable[str] = table.columns()
    missing, surplus = set(declared) - set(rows.column_names), set(rows.column_names) - set(declared)
    if missing or surplus:
        raise SchemaMismatchError(table.name, missing, surplus)
    schema = table.arrow_schema()
    if not is_judged:
        schema = pa.schema([field.with_nullable(True) for field in schema])
    return rows.select(list(declared)).cast(schema)


def rows_of_table(rows: pa.Table, kind: type[Row]) -> list[Row]:
    """The rows of an Arrow table as Python values, typed for mypy.

    kind  The generated type of a row of ``pipelines.tables.rows`` or of a product's ``rows``, or of a part of
          it; nothing is checked, and a table read in a few columns holds those alone.
    """
    found: list[Row] = rows.to_pylist()
    return found
