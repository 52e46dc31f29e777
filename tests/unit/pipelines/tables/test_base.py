"""Declarations of tables: names, units, and rows that conform."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipelines.errors import (
    SchemaMismatchError,
    SettingsError,
    UnknownNameError,
)
from pipelines.tables.base import DOUBLE, Field, Layer, Table, conform, table_named
from pipelines.tables.gold import GoldDayEnergy
from pipelines.units import Unit


def test_a_column_of_energy_must_say_so_in_its_name() -> None:
    with pytest.raises((SettingsError, RuntimeError)) as caught:

        class _Unnamed(Table):
            """A table with a column whose name hides its unit."""

            name = "test_unnamed"
            layer = Layer.GOLD
            energy = Field(DOUBLE, "Energy.", unit=Unit.KWH)

    assert "_kwh" in str(caught.value.__cause__ or caught.value)


def test_an_unknown_table_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="gold_day_energy"):
        table_named("gold_day_enrgy")


def test_conforming_names_what_is_missing_and_what_is_too_much() -> None:
    rows = (
        GoldDayEnergy.arrow_schema()
        .empty_table()
        .drop_columns(["basis_code"])
        .append_column("colour", pa.array([], pa.string()))
    )
    with pytest.raises(SchemaMismatchError) as caught:
        conform(rows, GoldDayEnergy)
    assert (caught.value.missing, caught.value.surplus) == (["basis_code"], ["colour"])
