"""One page for all that is shown: strict content policy, no script but the one it names, Chinese first.

A package's templates extend ``page_kit/base.html.j2`` and fill its blocks: ``title``, ``style`` (with
``super()`` the kit's own sheet), ``body``, and where they need it ``script``. Style and script stand once in
the page; its policy names their hashes and forbids everything else: no other script, no style attribute,
nothing loaded from anywhere but, where ``has_pictures`` is set, pictures beside the page.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from pipelines.file_modes import put_file
from products.page_kit import words
from products.page_kit.labels import with_labels
from products.page_kit.palette import PAGE, Theme, custom_properties
from products.page_kit.svg import CHART_WIDTHS, swatch

if TYPE_CHECKING:
    from jinja2 import Environment

Filters = Mapping[str, Callable[..., Any]]


class Site:
    """The templates of one package, set on the kit's page in one theme."""

    def __init__(self, package: str, theme: Theme = PAGE, filters: Filters | None = None) -> None:
        """Of the package's folder ``templates``; ``filters`` are added to the kit's."""
        self._package, self._theme, self._filters = package, theme, filters or {}

    @property
    def templates(self) -> Path:
        """The folder of the package's templates."""
        return templates_of(self._package)

    def page(self, template: str, **values: Any) -> str:
        """The text of a page.

        Raises jinja2.UndefinedError for a name that is not given.
        """
        return with_labels(self._environment.get_template(template).render(**values))

    def write_page(self, path: Path, template: str, **values: Any) -> None:
        """Makes a page and puts it in place at once."""
        write_bytes(path, self.page(template, **values).encode())

    @cached_property
    def _environment(self) -> Environment:
        from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined

        kit = PrefixLoader({"page_kit": FileSystemLoader(templates_of("products.page_kit"))})
        made = Environment(
            loader=ChoiceLoader([FileSystemLoader(self.templates), kit]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        made.filters |= {"thousands": lambda value: f"{value:,}", "content_hash": content_hash}
        made.filters |= self._filters
        made.globals |= {
            "custom_properties": Markup(custom_properties(self._theme)),  # noqa: S704  the palette's own text
            "swatch": swatch,
            "chart_widths": CHART_WIDTHS,
            "words": words,
            "has_pictures": False,
        }
        return made


def templates_of(package: str) -> Path:
    """The folder of a package's templates; they are its files, in a checkout as in a wheel."""
    return Path(str(files(package) / "templates"))


def content_hash(text: str) -> str:
    """What a content policy names to allow this style or script, and no other.

    >>> content_hash("")
    'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def write_bytes(path: Path, content: bytes) -> None:
    """Writes beside the target and renames, so that no reader ever sees half a file; its owner's group may
    read it, nobody else.
    """
    put_file(path, content)
