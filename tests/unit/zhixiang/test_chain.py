"""How a run ends that fails before its steps."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pipelines.engine.ledger import Ledger
from pipelines.engine.runner import Reporter
from pipelines.errors import UsageError
from pipelines.ingest import file_ledger
from pipelines.settings import Settings
from zhixiang import chain


@pytest.mark.parametrize(("error", "waits"), [(UsageError("no"), 1), (KeyboardInterrupt(), 0)])
def test_what_was_begun_ahead_ends_with_a_run_that_fails(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, waits: int
) -> None:
    """A session that starts beside a run that has ended would write into its home still."""
    waited: list[str] = []
    monkeypatch.setattr(chain, "_begun_ahead", lambda *_given: lambda: waited.append("to the end"))

    def refuse() -> None:
        raise error

    inbox = tmp_path / "inbox"
    inbox.mkdir()
    stages, nobody = ("ingest",), cast(Reporter, None)
    with pytest.raises(type(error)):
        chain.run_chain(
            settings, (), stages, inbox, "test", nobody, lambda *_told: None, chain.Outcome(), before=refuse
        )
    assert len(waited) == waits
    (run,) = Ledger(settings.home).runs(1)
    assert run["exit_code"] is not None


@pytest.mark.parametrize(
    ("version", "files", "size_bytes", "starts"),
    [(None, 1, 10, True), (4, 0, 0, False), (4, 8, 10, False), (4, 9, 10, True), (4, 1, 5 << 20, True)],
)
def test_java_starts_ahead_where_more_than_a_few_files_wait(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    version: int | None,
    files: int,
    size_bytes: int,
    starts: bool,
) -> None:
    path = str(settings.home / "there is none")
    waiting = [SimpleNamespace(size_bytes=size_bytes, path=path)] * files
    started: list[str] = []
    monkeypatch.setattr(file_ledger, "news", lambda *_given: waiting)
    monkeypatch.setattr(chain, "warm_up", lambda *_given: Thread())
    store: Any = SimpleNamespace(version=lambda _table: version, settings=settings)
    spark: Any = SimpleNamespace(start_ahead=lambda: started.append("java"))
    chain._begun_ahead(store, settings.home, ("ingest",), spark)
    assert bool(started) is starts
