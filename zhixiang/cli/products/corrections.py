"""``zhixiang corrections``: what late data, corrections and edits changed or would change in issued
results.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhixiang.cli.screen import JsonOption, say, show_json, show_rows

if TYPE_CHECKING:
    from pipelines.settings import Settings


def corrections(
    since: Annotated[
        str, typer.Option("--since", help="Run after which changes count, as `zhixiang ledger` shows it.")
    ],
    month: Annotated[
        list[str] | None,
        typer.Option("--month", help="Month to look at, YYYY-MM; may be repeated. Default: all issued ones."),
    ] = None,
    issued_only: Annotated[
        bool, typer.Option("--issued-only", help="Only what runs have issued already; nothing is computed.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Bills, scores and codes that changed since a run, and those that the next run would change, by how much
    and why.

    What came in must stand in gold already: `zhixiang run --month YYYY-MM --to gold`. Nothing is written.
    """
    from pipelines.engine.ledger import Ledger
    from pipelines.periods import BillingMonth
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from zhixiang.reports.late_changes import issued_since, known_months, runs_since, with_reasons

    settings = load_settings()
    months = [str(BillingMonth.parse(each)) for each in month or []]
    later = runs_since(Ledger(settings.home), since)
    store = Store(settings)
    months = months or known_months(store)
    found = [row for row in issued_since(store, later) if row["month"] in months]
    if not issued_only and months:
        found += _pending(settings, months, quiet=json)
    rows = with_reasons(store, since, later, found)
    if json:
        show_json(rows)
        return
    for product in sorted({row["product"] for row in rows}):
        mine = [row for row in rows if row["product"] == product]
        show_rows(
            mine,
            [name for name in mine[0] if name not in ("product", "customer_id", "notices")],
            title=product,
        )
    if not rows:
        say(f"Nothing that was issued has changed since {since}, and the next run would change nothing.")


def _pending(settings: Settings, months: list[str], *, quiet: bool) -> list[dict[str, Any]]:
    from pipelines.engine.ledger import Ledger
    from pipelines.engine.runner import Runner
    from pipelines.facts import load_facts
    from pipelines.models.registry import Registry
    from pipelines.periods import BillingMonth, utc_now
    from pipelines.storage.home_lock import sole_writer
    from pipelines.storage.session.lazy import session_when_asked
    from pipelines.storage.store import Store
    from products.every_product import PRODUCTS
    from zhixiang.chain import adopt_declarations
    from zhixiang.cli.screen import StepProgress
    from zhixiang.reports.late_changes import pending

    with sole_writer(settings.home):
        adopt_declarations(settings)
        spark = session_when_asked(settings)
        store = Store(settings, spark)
        progress, began = StepProgress(len(PRODUCTS), quiet=quiet), time.monotonic()
        asked = [BillingMonth.parse(month) for month in months]
        facts = load_facts(settings.facts_dir)
        runner = Runner(
            settings,
            facts,
            store,
            Registry(settings),
            Ledger(settings.home),
            progress,
            "preview",
            asked,
            utc_now(),
        )
        found = pending(
            store,
            runner,
            lambda step, count: progress.line(
                step, "compared", time.monotonic() - began, f"{count} would change"
            ),
        )
        progress.close()
        spark.stop()
    return found
