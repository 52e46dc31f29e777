"""Help of a group of commands: what each command does stands there whole."""

from __future__ import annotations

import inspect
from typing import Any

from typer.core import TyperGroup


class CommandGroup(TyperGroup):
    """A group whose help tells each command's first paragraph to its end; the library cuts it."""

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
