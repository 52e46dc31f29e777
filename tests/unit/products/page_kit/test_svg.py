"""Inline pictures: nothing that is put in can become a shape, and equal numbers give equal bytes."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from products.page_kit.svg import bar, circle, grid, legend, line, number, svg, swatch, text

HOSTILE = '"/><script>alert(1)</script>&'


def test_words_and_attributes_are_escaped() -> None:
    drawn = svg(10, 10, [text(0, 0, HOSTILE, size=9), bar(0, 0, 1, 1, HOSTILE, title=HOSTILE)], HOSTILE)
    root = ElementTree.fromstring(drawn)
    assert [child.tag for child in root] == ["text", "rect"]
    assert root.attrib["aria-label"] == root[0].text == root[1][0].text == HOSTILE
    assert root[1].attrib["fill"] == HOSTILE


def test_a_part_that_was_not_made_here_is_text() -> None:
    foreign: list[Any] = ["<script>"]
    assert "&lt;script&gt;" in svg(1, 1, foreign)


@pytest.mark.parametrize(
    ("value", "said"), [(3, "3"), (3.10, "3.1"), (2.999, "3"), (-0.004, "0"), (100.0, "100"), (1e-9, "0")]
)
def test_numbers_have_two_decimals_at_most(value: float, said: str) -> None:
    assert number(value) == said


def test_a_picture_says_what_it_shows_or_hides_from_readers() -> None:
    assert 'role="img" aria-label="days"' in svg(1, 1, [], "days")
    assert 'aria-hidden="true"' in svg(1, 1, [])


def test_only_a_picture_alone_names_its_language_and_font() -> None:
    inline, alone = svg(1, 1, []), svg(1, 1, [], is_alone=True)
    assert "xmlns" not in inline
    assert "font-family" not in inline
    assert 'xmlns="http://www.w3.org/2000/svg"' in alone
    assert "Noto Sans SC" in alone


def test_level_lines_are_as_thick_as_asked_around_their_height() -> None:
    lines = grid([(100, "0"), (50, "5")], 40, 240, size=11, base_stroke="#000000", width=0.8)
    assert lines[0] == '<rect x="40" y="99.6" width="200" height="0.8" fill="#000000"/>'
    assert 'y="49.6"' in lines[2]
    assert "#000000" not in lines[2]
    assert lines[3].endswith('text-anchor="end">5</text>')


def test_a_legend_stands_side_by_side() -> None:
    first, _, second, words = legend(10, 0, [("a", "#000001"), ("b", "#000002")], step=50)
    assert 'x="10"' in first
    assert 'x="60"' in second
    assert words.endswith(">b</text>")


@pytest.mark.parametrize(("shape", "tag"), [("box", "<rect"), ("line", "<path"), ("dot", "<circle")])
def test_swatches_have_one_size_and_a_shape_of_their_own(shape: str, tag: str) -> None:
    made = swatch("#123456", shape)
    assert tag in made
    assert made.startswith('<svg class="swatch" viewBox="0 0 14 10"')


def test_what_is_not_asked_for_is_not_written() -> None:
    assert circle(1, 2, 3, "#000000") == Markup('<circle cx="1" cy="2" r="3" fill="#000000"/>')
    assert "dasharray" not in line((0, 0), (1, 1), "#000000")
