"""The commands that a page of the documentation names, and those that a call is one of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from typer.main import get_command

from zhixiang.cli.main import app

_ROOT: Any = get_command(app)
_CODE = re.compile(r"`([^`\n]+)`|^(zhixiang .+)$", re.MULTILINE)
Part = tuple[str, ...]


def every_path() -> list[Part]:
    """Each command and group of commands, the program itself first."""

    def below(command: Any, path: Part) -> list[Part]:
        children = getattr(command, "commands", {})
        return [path, *(found for name, child in children.items() for found in below(child, (*path, name)))]

    return below(_ROOT, ())


def of_call(words: Sequence[str]) -> set[Part]:
    """The command of a call, and the command with each of its options: ``("ledger",), ("ledger", "--all")``.

    >>> sorted(of_call(["table", "list", "--json"]))
    [('table', 'list'), ('table', 'list', '--json')]
    """
    path = _path(words, ())
    return {path} | {(*path, word) for word in words if word.startswith("--")} if path else set()


def named_commands(text: str) -> set[Part]:
    """What a page names between backticks or in a line of its own; ``show | open`` are two commands of one
    group.

    >>> sorted(named_commands("`zhixiang table list | hash`, `ledger [--all]`"))
    [('ledger',), ('ledger', '--all'), ('table', 'hash'), ('table', 'list')]
    """
    found: set[Part] = set()
    for quoted, line in _CODE.findall(text):
        group: Part = ()
        for part in re.split(r"\\?\|", re.sub(r"[\[\]]", "", quoted or line)):
            words = part.removeprefix("zhixiang ").split()
            path = _path(words, group)
            if path:
                found |= {path} | {(*path, word) for word in words if word.startswith("--")}
                group = path[:-1] if len(path) > 1 else path
            elif group and words and words[0].startswith("--"):
                found |= {(*group, word) for word in words if word.startswith("--")}
    return found - {(*path, "--json") for path in found}


def lacking_options(text: str) -> set[Part]:
    """Each required option that a page leaves out of a command which it shows with its arguments.

    >>> lacking_options("`tariff show | late-payment CLASS CNY --due DAY`, `tariff late-payment`")
    {('tariff', 'late-payment', '--paid')}
    """
    found: set[Part] = set()
    for quoted, line in _CODE.findall(text):
        group: Part = ()
        for part in re.split(r"\\?\|", re.sub(r"[\[\]]", "", quoted or line)):
            words = part.removeprefix("zhixiang ").split()
            if path := _path(words, group):
                group = path[:-1] if len(path) > 1 else path
                if len([word for word in words if word not in path]) > 0:
                    found |= {(*path, name) for name in _required(path) if name not in words}
    return found


def _required(path: Part) -> list[str]:
    command = _ROOT
    for name in path:
        command = command.commands[name]
    return [each.opts[-1] for each in command.params if each.required and each.opts[-1].startswith("--")]


def _path(words: Sequence[str], group: Part) -> Part:
    """The command that words begin with, in a group where they name one of it."""
    for begin in (group, ()):
        command, path = _ROOT, begin
        for name in begin:
            command = command.commands[name] if hasattr(command, "commands") else command
        for word in words:
            child = getattr(command, "commands", {}).get(word)
            if child is None:
                break
            command, path = child, (*path, word)
        if path != begin and not hasattr(command, "commands"):
            return path
    return ()
