"""Where events go: one line a step and a received file, into the home. The terminal stays as it is."""

from __future__ import annotations

import json
import logging
from collections.abc import MutableMapping
from pathlib import Path
from threading import Lock
from typing import Any

import structlog

FOLDER = "logs"
AS_JSON, AS_TEXT = "events.jsonl", "events.log"


def configure_events() -> None:
    """Sends the events of this process to the home; once, before any command begins.

    Settings are read at the first event, so that a command without events needs none of them.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            EventFile(),
        ],
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )


class EventFile:
    """The last processor: writes each event at or above the level of the settings as one line."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._least = logging.NOTSET
        self._path: Path | None = None
        self._render: Any = None

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        """Writes the event and answers its line; raises DropEvent below the level."""
        with self._lock:
            if self._path is None:
                self._path = self._open()
            if logging.getLevelNamesMapping()[event["level"].upper()] < self._least:
                raise structlog.DropEvent
            line = str(self._render(logger, method, event))
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        return line

    def _open(self) -> Path:
        from pipelines.settings import load_settings

        settings = load_settings()
        chosen = settings.platform.logging
        self._least = logging.getLevelNamesMapping()[chosen.level.upper()]
        self._render = (
            structlog.processors.JSONRenderer(serializer=json.dumps, ensure_ascii=False, default=str)
            if chosen.json_lines
            else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
        )
        folder = settings.home / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        return folder / (AS_JSON if chosen.json_lines else AS_TEXT)
