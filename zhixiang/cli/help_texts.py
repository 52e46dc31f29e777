"""Help of commands and of groups of them: what each does stands there whole, on the screen's width."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from typer.core import TyperGroup

from zhixiang.cli.table_writer import display_width, wrapped

_LEAST_ROOM = 10


class HelpWriter(TyperGroup.context_class.formatter_class):  # type: ignore[misc, name-defined]
    """Writes help in columns of a terminal, of which a Chinese character takes two."""

    def write_text(self, text: str) -> None:
        """Writes paragraphs, wrapped between their words."""
        indent = " " * self.current_indent
        paragraphs = [" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n")]
        for place, paragraph in enumerate(paragraphs):
            if place:
                self.write("\n")
            for line in wrapped(paragraph, self.width - len(indent)):
                self.write(f"{indent}{line}\n")

    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Writes terms with what they mean beside them, or below one that is wider than its column."""
        indent = " " * self.current_indent
        column = min(max(display_width(term) for term, _ in rows), col_max) + col_spacing
        room = max(self.width - self.current_indent - column, _LEAST_ROOM)
        for term, meaning in rows:
            lines = wrapped(" ".join(meaning.split()), room) if meaning else []
            blank = " " * (column - display_width(term))
            if lines and display_width(term) + col_spacing <= column:
                self.write(f"{indent}{term}{blank}{lines.pop(0)}\n")
            else:
                self.write(f"{indent}{term}\n")
            for line in lines:
                self.write(f"{indent}{' ' * column}{line}\n")


class _Context(TyperGroup.context_class):  # type: ignore[misc, valid-type]
    formatter_class = HelpWriter


class CommandGroup(TyperGroup):
    """A group whose help tells each command's first paragraph to its end; the library cuts it."""

    context_class = _Context

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name, whose help is written in columns of the terminal too."""
        found = super().get_command(ctx, cmd_name)
        if found is not None:
            found.context_class = _Context
        return found

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes the names of the commands with what they do, wrapped and never cut."""
        rows = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                rows.append((name, first_paragraph(command.help or "")))
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


def first_paragraph(text: str) -> str:
    """What stands before the first empty line, in one line.

    >>> first_paragraph("Does this\\n    and that.\\n\\n    Mind the rest.")
    'Does this and that.'
    """
    return " ".join(inspect.cleandoc(text).split("\n\n", 1)[0].split())
