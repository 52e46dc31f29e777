"""The rule says the same of a text and of a column, and every received identifier is declared."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.formats.contract import declared_columns
from pipelines.tables.base import Layer
from pipelines.tables.identifiers import LIMIT, breaks_rule, is_identifier, trimmed, trimmed_column
from tests.hostile_ids import LEGAL, REFUSED
from zhixiang.chain import declared_tables


@pytest.mark.parametrize("text", LEGAL)
def test_what_a_sender_may_call_a_customer_stays(text: str) -> None:
    assert is_identifier(text)
    assert not breaks_rule(pa.chunked_array([[text]]))[0].as_py()


@pytest.mark.parametrize("text", REFUSED)
def test_what_prints_nothing_or_too_much_is_none(text: str) -> None:
    assert not is_identifier(text)
    assert breaks_rule(pa.chunked_array([[text]]))[0].as_py()


def test_half_a_pair_is_none() -> None:
    assert not is_identifier("C\ud800")


@given(st.lists(st.none() | st.text(max_size=140), max_size=8))
def test_text_and_column_agree(texts: list[str | None]) -> None:
    texts = [text if text is None else text.encode("utf-8", "ignore").decode() for text in texts]
    column = pa.chunked_array([pa.array(texts, pa.string())])
    assert breaks_rule(column).to_pylist() == [text is not None and not is_identifier(text) for text in texts]
    expected = [None if text is None else trimmed(text) or None for text in texts]
    assert trimmed_column(column).to_pylist() == expected
    assert trimmed_column(column.dictionary_encode()).cast(pa.string()).to_pylist() == expected


def test_the_limit_counts_characters() -> None:
    assert is_identifier("甲" * LIMIT)
    assert not is_identifier("甲" * (LIMIT + 1))


def test_every_received_id_is_declared_an_identifier() -> None:
    for table in declared_tables():
        fields = {field.name: field for field in table.fields()}
        if table.layer is Layer.BRONZE and "sent_at_utc" in fields:
            for name in declared_columns(table):
                assert fields[name].identifier == name.endswith("_id"), (table.name, name)
