"""Whose the numbers of a long file are, and what its codes mean: keys of a mapping."""

from __future__ import annotations

from pydantic import Field, model_validator

from pipelines.settings import FrozenSettings
from pipelines.tables.identifiers import EXPECTED, LIMIT, is_identifier


class MeterPointColumn(FrozenSettings):
    """Whose the numbers are."""

    column: str = Field(
        default="", description="Name of the column; empty where the whole file is of one meter point."
    )
    constant: str = Field(default="", description="The meter point of the whole file.")
    prefix: str = Field(
        default="", description="Put before each name, so that two senders' numbers never meet."
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> MeterPointColumn:
        if bool(self.column) == bool(self.constant):
            raise ValueError("give either a column or a constant")
        name = self.prefix + (self.constant or "0")
        if not is_identifier(name):
            raise ValueError(f"{name!r} cannot name a meter point; expected {EXPECTED}")
        return self

    @property
    def longest(self) -> int:
        """Characters that a received name may have beside the prefix."""
        return LIMIT - len(self.prefix)


class CodedColumn(FrozenSettings):
    """A column of codes and what each means."""

    column: str = Field(min_length=1, description="Name of the column.")
    codes: dict[str, str] = Field(min_length=1, description="Code in the file -> what it means here.")
