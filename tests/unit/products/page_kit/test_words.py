"""Words that pages share: every code has them in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import pytest

from pipelines.codes import Confidence, CustomerClass, PricingScheme, Provenance, TouPeriod
from products.page_kit import words


@pytest.mark.parametrize(
    ("said", "codes"),
    [
        (words.PROVENANCES, Provenance),
        (words.CONFIDENCES, Confidence),
        (words.CONFIDENCE_TAGS, Confidence),
        (words.CLASSES, CustomerClass),
        (words.SCHEMES, PricingScheme),
        (words.PERIODS, TouPeriod),
    ],
)
def test_every_code_is_said_in_both_languages(said: Mapping[str, words.Said], codes: type[StrEnum]) -> None:
    assert set(said) == set(codes)
    assert all(each.zh and each.en for each in said.values())
    assert len({each.zh for each in said.values()}) == len(said)


def test_each_confidence_has_a_mark_of_one_character() -> None:
    assert set(words.CONFIDENCE_MARKS) == set(Confidence)
    assert {len(mark) for mark in words.CONFIDENCE_MARKS.values()} == {1}


def test_tags_of_pages_are_the_provenances_and_the_illustrative() -> None:
    assert set(words.PROVENANCE_TAGS) == {kind.value for kind in Provenance} | {"illustrative"}


def test_chinese_comes_first() -> None:
    assert words.NOT_PRICED.both == "未计价 not priced"
    assert words.NOTHING.both == ""


def test_a_code_outside_the_list_stands_for_itself() -> None:
    assert words.word(words.PERIODS, TouPeriod, "peak").zh == "峰"
    assert words.word(words.PERIODS, TouPeriod, "noon") == words.Said("noon", "")
    assert words.word(words.PERIODS, TouPeriod, None) == words.NOTHING
