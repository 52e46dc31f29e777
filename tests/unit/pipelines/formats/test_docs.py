"""The pages on formats name every format, column, code and reason that the readers know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.codes import RejectReason
from pipelines.formats import FORMATS, RefusalReason
from pipelines.formats.day_read import CHANNEL_OF_READ_TYPE
from pipelines.formats.day_read import COLUMNS as DAY_READ
from pipelines.formats.declared import DeclaredCsv
from pipelines.formats.mapped.stamp_keys import StampColumn
from pipelines.formats.mapping import LongMapping, mapping_schema
from pipelines.formats.nem.nem12 import CHANNEL_OF_SUFFIX
from pipelines.formats.power_curve import CHANNEL_OF_DATA_TYPE
from pipelines.formats.power_curve import COLUMNS as CURVE

DOCS = Path(__file__).resolve().parents[4] / "docs" / "formats"


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def test_the_index_names_every_reason_of_the_readers() -> None:
    index = page("README")
    for reason in RefusalReason:
        assert f"`{reason.value}`" in index
    for code in (
        RejectReason.TOO_FEW_FIELDS,
        RejectReason.BAD_DATE,
        RejectReason.BAD_NUMBER,
        RejectReason.OUT_OF_RANGE,
        RejectReason.NUL_BYTE,
    ):
        assert f"`{code.value}`" in index


def test_the_grid_pages_name_columns_and_channels() -> None:
    for column in (column for column in CURVE if column not in {f"P{number}" for number in range(2, 96)}):
        assert f"`{column}`" in page("e_mp_power_curve")
    for channel in CHANNEL_OF_DATA_TYPE.values():
        assert f"`{channel}`" in page("e_mp_power_curve")
    for column in (column for column in DAY_READ if column not in ("R2", "R3")):
        assert f"`{column}`" in page("e_mp_day_read")
    for code, channel in CHANNEL_OF_READ_TYPE.items():
        assert f"| {code} | `{channel}`" in page("e_mp_day_read")
    for letter, suffix_channel in CHANNEL_OF_SUFFIX.items():
        assert f"{letter} `{suffix_channel.value}`" in page("nem12")


def test_the_mapping_page_names_every_key_and_its_schema_is_the_generated_one() -> None:
    for model in (LongMapping, StampColumn):
        for key in model.model_fields:
            assert f"`{key}`" in page("mapping")
    assert json.loads((DOCS / "mapping.schema.json").read_text(encoding="utf-8")) == mapping_schema()


@pytest.mark.parametrize(
    "form", [form for form in FORMATS if isinstance(form, DeclaredCsv)], ids=lambda form: str(form.id)
)
def test_the_declared_page_lists_the_columns_in_order(form: DeclaredCsv) -> None:
    assert f"| `{form.id}` | `{', '.join(cell.name for cell in form.cells)}` |" in page("declared")
