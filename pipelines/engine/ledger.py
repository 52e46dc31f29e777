"""The run ledger: which command ran when, which step read what and wrote what, and what need not run
again.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.engine.step import Coverage
from pipelines.errors import DamagedPartError
from pipelines.periods import RUN_INSTANT
from pipelines.storage.home_lock import is_held
from pipelines.timings import Shares

RUNNING, KILLED = "running", "killed"
_KILLED_MESSAGE = "Ended without a word: the process was killed, or the machine stopped."
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
  run_id TEXT PRIMARY KEY, command TEXT NOT NULL, started_at_utc TEXT NOT NULL, ended_at_utc TEXT,
  status TEXT NOT NULL, exit_code INTEGER, message TEXT);
CREATE TABLE IF NOT EXISTS steps (
  run_id TEXT NOT NULL, position INTEGER NOT NULL, step TEXT NOT NULL, status TEXT NOT NULL,
  seconds REAL NOT NULL, fingerprint TEXT NOT NULL, versions_read TEXT NOT NULL, versions_written TEXT NOT NULL,
  rows_written TEXT NOT NULL, gates TEXT NOT NULL, PRIMARY KEY (run_id, position));
CREATE TABLE IF NOT EXISTS step_bases (
  run_id TEXT NOT NULL, position INTEGER NOT NULL, basis TEXT NOT NULL, began_at_utc TEXT NOT NULL, table_ids TEXT NOT NULL,
  computed INTEGER, known INTEGER, unit TEXT, PRIMARY KEY (run_id, position));
CREATE TABLE IF NOT EXISTS run_rules (run_id TEXT PRIMARY KEY, rules_digest TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS run_timings (
  run_id TEXT NOT NULL, position INTEGER NOT NULL, part TEXT NOT NULL, phase TEXT NOT NULL, seconds REAL NOT NULL,
  PRIMARY KEY (run_id, position));
CREATE TABLE IF NOT EXISTS rebuilt_tables (table_name TEXT PRIMARY KEY, steps_before INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS standing_tables (table_name TEXT PRIMARY KEY, version INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS steps_by_name ON steps (step, status);
"""
_STANDING = "SELECT table_name, version FROM standing_tables"


@dataclass(frozen=True)
class ReuseKey:
    """What tells whether a later run of a step may leave alone what no change of its sources affects.

    digest     SHA-256 over all that the result depends on but the versions read: code, settings, facts.
    began      The instant at which the run began; the only clock that the step knew.
    table_ids  Table read -> its Delta id: versions of a table that was made anew say nothing about the one
               before.
    coverage      How much was computed; none where the step does not count it.
    """

    digest: str
    began: datetime
    table_ids: Mapping[str, str]
    coverage: Coverage | None = None


@dataclass(frozen=True)
class StepRecord:
    """One line of the ledger.

    status            done, unchanged, no input, no model or failed.
    fingerprint       SHA-256 over all that the result depends on.
    versions_read     Table -> Delta version.
    versions_written  Table or model -> version.
    rows_written      Table -> rows.
    gates             Table -> what the gate found; under ``note`` why there is no input or no model, in
                      words.
    reuse_key         Of a step that computes what was affected alone.
    """

    step: str
    status: str
    seconds: float
    fingerprint: str
    versions_read: Mapping[str, int]
    versions_written: Mapping[str, Any]
    rows_written: Mapping[str, int]
    gates: Mapping[str, Any]
    reuse_key: ReuseKey | None = None


@dataclass(frozen=True)
class DoneStep:
    """The newest success of a step; columns as in ``StepRecord``."""

    fingerprint: str
    versions_read: Mapping[str, int]
    versions_written: Mapping[str, Any]
    reuse_key: ReuseKey | None


class Ledger:
    """SQLite file of the home. The time is passed in, never read here.

    A file that is not there is read as an empty one and made by what writes to it first. Raises
    DamagedPartError where it is no ledger any more.
    """

    def __init__(self, home: Path) -> None:
        self.path = self.place(home)
        if self.path.is_file():
            with self._open() as connection:
                connection.executescript(_SCHEMA)

    @staticmethod
    def place(home: Path) -> Path:
        """Where a home keeps its ledger."""
        return home / "ledger.sqlite"

    @contextmanager
    def _open(self, *, writing: bool = False) -> Iterator[sqlite3.Connection]:
        is_new = not self.path.is_file()
        if is_new and writing:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(":memory:" if is_new and not writing else self.path, timeout=30)
        connection.row_factory = sqlite3.Row
        try:
            with connection:
                if is_new:
                    connection.executescript(_SCHEMA)
                yield connection
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:  # a lock, a full disk: not the file's fault
                raise
            raise DamagedPartError(
                "ledger",
                f"The run ledger {self.path} cannot be read ({error}).",
                (
                    "`zhixiang repair ledger --yes` puts it aside and begins a new one: nothing issued is lost, "
                    "the next run computes every step once more."
                ),
            ) from error
        finally:
            connection.close()

    def begin(self, command: str, now: datetime) -> str:
        """Opens a run and returns its id: the instant and a random part. Call it under the home's lock: what
        stands as running then has been killed, and is marked so.
        """
        run_id = f"{now:{RUN_INSTANT}}-{uuid.uuid4().hex[:6]}"
        with self._open(writing=True) as connection:
            connection.execute(
                "UPDATE runs SET status = ?, message = ? WHERE status = ?", (KILLED, _KILLED_MESSAGE, RUNNING)
            )
            connection.execute(
                "INSERT INTO runs VALUES (?, ?, ?, NULL, 'running', NULL, NULL)",
                (run_id, command, now.isoformat()),
            )
        return run_id

    def note_timings(self, run_id: str, shares: Shares) -> None:
        """Says where the seconds of a run went; what was said of it before is replaced."""
        told = [
            (part, phase, seconds) for part, phases in shares.items() for phase, seconds in phases.items()
        ]
        with self._open(writing=True) as connection:
            connection.execute("DELETE FROM run_timings WHERE run_id = ?", (run_id,))
            connection.executemany(
                "INSERT INTO run_timings VALUES (?, ?, ?, ?, ?)",
                [(run_id, position, *each) for position, each in enumerate(told)],
            )

    def timings(self, run_id: str) -> dict[str, dict[str, float]]:
        """Seconds of a run by part and phase, adding up to its wall time; empty for a run of an earlier
        version.
        """
        found: dict[str, dict[str, float]] = {}
        with self._open() as connection:
            query = "SELECT part, phase, seconds FROM run_timings WHERE run_id = ? ORDER BY position"
            for row in connection.execute(query, (run_id,)):
                found.setdefault(row["part"], {})[row["phase"]] = row["seconds"]
        return found

    def note_rules(self, run_id: str, rules_digest: str) -> None:
        """Says under which kept rules a run computes."""
        with self._open(writing=True) as connection:
            connection.execute("INSERT OR REPLACE INTO run_rules VALUES (?, ?)", (run_id, rules_digest))

    def rules_of(self, run_id: str) -> str | None:
        """The digest of the rules of a run; None for a run that kept none."""
        with self._open() as connection:
            row = connection.execute(
                "SELECT rules_digest FROM run_rules WHERE run_id = ?", (run_id,)
            ).fetchone()
        return None if row is None else str(row["rules_digest"])

    def end(self, run_id: str, now: datetime, exit_code: int, message: str = "") -> None:
        """Closes a run."""
        with self._open(writing=True) as connection:
            connection.execute(
                "UPDATE runs SET ended_at_utc = ?, status = ?, exit_code = ?, message = ? WHERE run_id = ?",
                (now.isoformat(), "done" if exit_code == 0 else "failed", exit_code, message, run_id),
            )

    def record(self, run_id: str, record: StepRecord) -> None:
        """Adds a step to a run."""
        with self._open(writing=True) as connection:
            position = connection.execute(
                "SELECT count(*) FROM steps WHERE run_id = ?", (run_id,)
            ).fetchone()[0]
            connection.execute(
                "INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    run_id,
                    position,
                    record.step,
                    record.status,
                    record.seconds,
                    record.fingerprint,
                    *(
                        json.dumps(part, sort_keys=True)
                        for part in (
                            record.versions_read,
                            record.versions_written,
                            record.rows_written,
                            record.gates,
                        )
                    ),
                ),
            )
            if record.reuse_key is not None:
                coverage = record.reuse_key.coverage
                counted = (
                    (None, None, None)
                    if coverage is None
                    else (coverage.computed, coverage.known, coverage.unit)
                )
                ids = json.dumps(record.reuse_key.table_ids, sort_keys=True)
                connection.execute(
                    "INSERT INTO step_bases VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        run_id,
                        position,
                        record.reuse_key.digest,
                        record.reuse_key.began.isoformat(),
                        ids,
                        *counted,
                    ),
                )

    def newest_done(self, step: str) -> DoneStep | None:
        """The newest success of a step; None where it never had one. That nothing reached it counts as one:
        its result is that of the versions it read then.
        """
        with self._open() as connection:
            row = connection.execute(
                "SELECT steps.rowid AS place, fingerprint, versions_read, versions_written, basis, "
                "began_at_utc, table_ids, computed, known, unit FROM steps"
                " LEFT JOIN step_bases USING (run_id, position) WHERE step = ? AND (status = 'done' "
                "OR (status = 'unchanged' AND basis IS NOT NULL)) ORDER BY steps.rowid DESC LIMIT 1",
                (step,),
            ).fetchone()
            rebuilt = _rebuilt(connection)
        if row is None or any(
            row["place"] <= rebuilt.get(name, 0) for name in json.loads(row["versions_written"])
        ):
            return None
        reuse_key = None
        if row["basis"] is not None:
            coverage = None if row["unit"] is None else Coverage(row["unit"], row["computed"], row["known"])
            reuse_key = ReuseKey(
                row["basis"],
                datetime.fromisoformat(row["began_at_utc"]),
                json.loads(row["table_ids"]),
                coverage,
            )
        return DoneStep(
            row["fingerprint"],
            json.loads(row["versions_read"]),
            json.loads(row["versions_written"]),
            reuse_key,
        )

    def left_out(self, step: str) -> str | None:
        """Why the newest run that came to a step left it out, for want of a model or of input, in words; None
        where it did not.
        """
        with self._open() as connection:
            row = connection.execute(
                "SELECT status, gates FROM steps WHERE step = ? ORDER BY rowid DESC LIMIT 1", (step,)
            ).fetchone()
        if row is None or row["status"] not in ("no model", "no input"):
            return None
        return str(json.loads(row["gates"]).get("note", row["status"]))

    def newest_versions(self) -> dict[str, int]:
        """The newest Delta version of each table that a step wrote or read, in a step's newest success, or
        that was noted as standing.

        A table that was rebuilt counts from then on.
        """
        with self._open() as connection:
            rows = connection.execute(
                "SELECT rowid AS place, versions_read, versions_written FROM steps WHERE rowid IN"
                " (SELECT max(rowid) FROM steps WHERE status IN ('done', 'unchanged') GROUP BY step)"
                " ORDER BY rowid"
            ).fetchall()
            rebuilt = _rebuilt(connection)
            stood = {name: int(version) for name, version in connection.execute(_STANDING)}
        written: dict[str, int] = {}
        read: dict[str, int] = {}
        for row in rows:
            for found, column in ((read, "versions_read"), (written, "versions_written")):
                for name, version in json.loads(row[column]).items():
                    if isinstance(version, int) and version >= 0 and row["place"] > rebuilt.get(name, 0):
                        found[name] = (
                            version if column == "versions_written" else max(version, found.get(name, 0))
                        )
        found = read | written
        return found | {name: max(version, found.get(name, 0)) for name, version in stood.items()}

    def note_standing(self, versions: Mapping[str, int]) -> None:
        """Says at which Delta versions tables stand that no step writes; from then on their loss shows, also
        where they began anew before. Versions below 0, of tables that do not stand, are passed over.
        """
        with self._open(writing=True) as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO standing_tables VALUES (?, ?)",
                [(name, version) for name, version in versions.items() if version >= 0],
            )

    def note_rebuilt(self, tables: Sequence[str]) -> None:
        """Says that tables begin anew: steps that wrote them run again, and their earlier versions tell
        nothing.
        """
        with self._open(writing=True) as connection:
            last = connection.execute("SELECT coalesce(max(rowid), 0) FROM steps").fetchone()[0]
            connection.executemany(
                "INSERT OR REPLACE INTO rebuilt_tables VALUES (?, ?)", [(name, last) for name in tables]
            )
            connection.executemany(
                "DELETE FROM standing_tables WHERE table_name = ?", [(name,) for name in tables]
            )

    def rebuilt_tables(self) -> set[str]:
        """Tables that were ever made to begin anew."""
        with self._open() as connection:
            return set(_rebuilt(connection))

    def last_done(self, step: str, fingerprint: str) -> dict[str, Any] | None:
        """What the newest successful run of a step wrote, if its fingerprint was this one."""
        done = self.newest_done(step)
        return None if done is None or done.fingerprint != fingerprint else dict(done.versions_written)

    def runs(self, limit: int = 20) -> list[dict[str, Any]]:
        """The newest runs, newest first; one that stands as running while nobody writes to the home was
        killed.
        """
        with self._open() as connection:
            query = "SELECT * FROM runs ORDER BY rowid DESC LIMIT ?"
            found = [dict(row) for row in connection.execute(query, (limit,))]
        if any(run["status"] == RUNNING for run in found) and not is_held(self.path.parent):
            for run in found:
                if run["status"] == RUNNING:
                    run.update(status=KILLED, message=_KILLED_MESSAGE)
        return found

    def steps(self, run_id: str) -> list[dict[str, Any]]:
        """The steps of a run in their order; ``computed`` says how much of what there is, where a step counts
        it.
        """
        with self._open() as connection:
            joined = "FROM steps LEFT JOIN step_bases USING (run_id, position) WHERE run_id = ?"
            query = f"SELECT steps.*, computed, known, unit {joined} ORDER BY position"
            rows = [dict(row) for row in connection.execute(query, (run_id,))]
        for row in rows:
            for column in ("versions_read", "versions_written", "rows_written", "gates"):
                row[column] = json.loads(row[column])
            computed, known, unit = (row.pop(name) for name in ("computed", "known", "unit"))
            row["computed"] = None if unit is None else str(Coverage(unit, computed, known))
        return rows

    def table_id(self, run_id: str, table: str) -> str | None:
        """The Delta id of a table when a run was over, by the last step that noted it; None: none did."""
        query = "SELECT table_ids FROM step_bases JOIN steps USING (run_id, position) WHERE steps.rowid <= "
        query += "(SELECT max(rowid) FROM steps WHERE run_id = ?) ORDER BY steps.rowid DESC"
        with self._open() as connection:
            noted = (json.loads(row["table_ids"]) for row in connection.execute(query, (run_id,)))
            return next((str(ids[table]) for ids in noted if table in ids), None)


def readable_ledger(home: Path) -> Ledger | None:
    """The ledger of a home; None where it cannot be read."""
    try:
        return Ledger(home)
    except DamagedPartError:
        return None


def _rebuilt(connection: sqlite3.Connection) -> dict[str, int]:
    """Table -> the last step before it was rebuilt."""
    return {row[0]: int(row[1]) for row in connection.execute("SELECT * FROM rebuilt_tables")}
