"""The kit's page: closed by its policy, strict about names, written whole or not at all."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import jinja2
import pytest

from products.page_kit.palette import DOCUMENT, PAGE
from products.page_kit.site import Site, write_bytes

PAGES = {
    "plain.html.j2": '{% extends "page_kit/base.html.j2" %}{% block title %}{{ title }}{% endblock %}'
    "{% block body %}<p>{{ said }}</p>{% endblock %}",
    "styled.html.j2": '{% extends "plain.html.j2" %}'
    "{% block style %}{{ super() }}p{color:var(--ink)}{% endblock %}"
    "{% block script %}alert('a < b'){% endblock %}{% block body_class %}wide{% endblock %}",
}
NAMES = {"title": "T", "said": "<b>"}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"pages_of_{tmp_path.name.replace('-', '_')}"
    folder = tmp_path / name / "templates"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("")
    for file, text in PAGES.items():
        (folder / file).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def hash_of(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def policy_of(page: str) -> str:
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_the_policy_names_the_style_and_nothing_else(package: str) -> None:
    page = Site(package).page("plain.html.j2", **NAMES)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    assert policy_of(page) == (
        f"default-src 'none'; style-src '{hash_of(style[1])}'; base-uri 'none'; form-action 'none'"
    )
    assert "<script" not in page


def test_a_script_runs_because_its_hash_is_named(package: str) -> None:
    page = Site(package).page("styled.html.j2", **NAMES)
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)
    assert script is not None
    assert script[1] == "alert('a < b')"
    assert f"script-src '{hash_of(script[1])}'" in policy_of(page)
    style = page[page.index("<style>") + 7 : page.index("</style>")]
    assert style.endswith("p{color:var(--ink)}")
    assert hash_of(style) in policy_of(page)
    assert '<body class="wide">' in page


def test_pictures_are_loaded_only_where_asked_for(package: str) -> None:
    assert "img-src 'self'" in policy_of(Site(package).page("plain.html.j2", **NAMES, has_pictures=True))


def test_values_are_escaped_and_a_missing_one_is_refused(package: str) -> None:
    assert "<p>&lt;b&gt;</p>" in Site(package).page("plain.html.j2", **NAMES)
    with pytest.raises(jinja2.UndefinedError):
        Site(package).page("plain.html.j2", title="T")


def test_a_theme_colours_the_same_sheet(package: str) -> None:
    page, document = (Site(package, theme).page("plain.html.j2", **NAMES) for theme in (PAGE, DOCUMENT))
    assert f"--ink:{PAGE.ink}" in page
    assert page.replace(PAGE.ink, DOCUMENT.ink) != page
    assert f"--ink:{DOCUMENT.ink}" in document


def test_a_page_is_written_whole(package: str, tmp_path: Path) -> None:
    target = tmp_path / "out" / "a" / "page.html"
    Site(package).write_page(target, "plain.html.j2", **NAMES)
    assert target.read_text().startswith("<!doctype html>")
    write_bytes(target, b"new")
    assert target.read_bytes() == b"new"
    assert [path.name for path in target.parent.iterdir()] == ["page.html"]
