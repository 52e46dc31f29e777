"""Cells of a list carry the words of their heads."""

from __future__ import annotations

from products.page_kit.labels import with_labels


def test_every_cell_has_the_words_of_its_own_head() -> None:
    page = (
        '<div><table class="rows points"><thead><tr><th>用户<small>customer</small></th>'
        "<th class='n'>a &lt; \"b\"</th><th>c</th></tr></thead><tbody>"
        '<tr data-bad="0"><td>X</td><td class="n">1</td><td>2</td></tr>'
        '<tr><td colspan="2">withheld</td><td>3</td></tr></tbody></table></div>'
    )
    made = with_labels(page)
    assert made.count('data-label="用户 customer"') == 2
    assert '<td class="n" data-label="a &lt; &quot;b&quot;">1</td>' in made
    assert '<td data-label="c">3</td>' in made
    assert '<td colspan="2" data-label="用户 customer">withheld</td>' in made


def test_other_tables_stay_as_they_are() -> None:
    for page in (
        "<table><tr><th>a</th></tr><tr><td>1</td></tr></table>",
        '<table class="crows"><tr><th>a</th></tr><tr><td>1</td></tr></table>',
        '<table class="rows pairs"><tr><td>k</td><td>v</td></tr></table>',
    ):
        assert with_labels(page) == page


def test_a_list_may_have_an_id_before_its_class() -> None:
    page = '<table id="points" class="rows"><tr><th>a</th></tr><tr><td>1</td></tr></table>'
    assert '<td data-label="a">1</td>' in with_labels(page)
