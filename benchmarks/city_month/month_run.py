"""The timed process: ``python -m benchmarks.city_month.month_run HOME RESULT`` runs the chain's steps of a
month in a home that holds determinants, one after another, and says when each ended.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.engine.ledger import StepRecord

STEPS = ("gold-supplies", "gold-indicators", "credit-index", "efficiency-bill", "fee-code")


class Silent:
    """Nobody is told of progress; the records are kept."""

    def __init__(self) -> None:
        self.records: list[StepRecord] = []

    def begin(self, step: str) -> None:
        """A step begins."""

    def end(self, record: StepRecord) -> None:
        """A step has ended."""
        self.records.append(record)


def main() -> None:
    """Entry point of the timed process."""
    home, result = Path(sys.argv[1]), Path(sys.argv[2])
    ended: dict[str, float] = {}
    records = run_month(home, ended)
    result.write_text(
        json.dumps(
            {
                "ended": ended,
                "statuses": {record.step: record.status for record in records},
                "rows": {name: count for record in records for name, count in record.rows_written.items()},
            }
        )
    )


def run_month(home: Path, ended: dict[str, float]) -> list[StepRecord]:
    """Runs the steps as the chain does, under the home's lock and with a ledger, but one by one, so that
    what each costs can be told apart.

    ended  Is told when each part ended, by the monotonic clock. [s]
    """
    from benchmarks.city_month.city import BILLED
    from pipelines.engine.ledger import Ledger
    from pipelines.engine.rule_archive import keep_rules
    from pipelines.engine.runner import Runner
    from pipelines.facts import load_facts
    from pipelines.models.registry import Registry
    from pipelines.periods import utc_now
    from pipelines.settings import Settings, packaged
    from pipelines.storage.home_lock import sole_writer
    from pipelines.storage.issued_numbers import issued_numbers
    from pipelines.storage.session.lazy import session_when_asked
    from pipelines.storage.store import Store
    from zhixiang.chain import all_steps, declared_tables

    settings, reporter = Settings(packaged("conf"), home), Silent()
    facts = load_facts(settings.facts_dir)
    declared_tables()
    steps = {step.name: step for step in all_steps()}
    with sole_writer(home):
        ledger, now = Ledger(home), utc_now()
        run_id = ledger.begin("bench city-month", now)
        ledger.note_rules(run_id, keep_rules(settings, facts))
        spark = session_when_asked(settings)
        spark()
        runner = Runner(
            settings,
            facts,
            Store(settings, spark),
            Registry(settings, issued_numbers),
            ledger,
            reporter,
            run_id,
            [BILLED],
            now,
        )
        ended["start"] = time.monotonic()
        for name in STEPS:
            runner.run([steps[name]])
            ended[name] = time.monotonic()
        ledger.end(run_id, utc_now(), 0, "")
        spark.stop()
        ended["end"] = time.monotonic()
    return reporter.records


if __name__ == "__main__":
    main()
