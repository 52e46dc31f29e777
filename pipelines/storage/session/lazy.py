"""A Spark session that starts when a step first asks for it: a run in which nothing changed needs no Java."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from pipelines.timings import OTHER, carried, phase, waiting

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from pipelines.settings import Settings


class LazySession:
    """The one session of a command; several threads may ask for it, and one of them starts it.

    start  Starts it; called again where it failed and is asked for again.
    """

    def __init__(self, start: Callable[[], SparkSession]) -> None:
        self._start, self._lock = start, threading.Lock()
        self._session: SparkSession | None = None

    def __call__(self) -> SparkSession:
        """The session, started now if need be."""
        with waiting(), self._lock:
            if self._session is None:
                with phase(OTHER):
                    self._session = self._start()
            return self._session

    @property
    def is_started(self) -> bool:
        """Whether there is one to clear or to stop."""
        return self._session is not None

    def start_ahead(self) -> threading.Thread:
        """Starts it beside other work where it is sure to be needed; why it does not start, the first who
        asks for it is told.
        """

        def work() -> None:
            with suppress(Exception):
                self()

        thread = threading.Thread(target=carried(work, OTHER), daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """Stops it where it was started."""
        with self._lock:
            if self._session is not None:
                self._session.stop()
                self._session = None


def session_when_asked(settings: Settings, tell: Callable[[str], None] = lambda _text: None) -> LazySession:
    """The session of a command under the home's lock; what the machine lacks for it is made ready first.

    tell  Called with a line before each piece of that which takes long.
    """

    def start() -> SparkSession:
        from pipelines.storage.session.spark import prepare, start_session

        prepare(settings, tell)
        return start_session(settings)

    return LazySession(start)
