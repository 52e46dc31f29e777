"""``zhixiang run``: received files to products, for one month."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhixiang.cli.screen import JsonOption, StepProgress, complain, show_json, warn

if TYPE_CHECKING:
    from zhixiang.chain import Outcome


def run(
    month: Annotated[str, typer.Option("--month", help="Billing month, YYYY-MM.")],
    first: Annotated[
        str | None, typer.Option("--from", help="First stage: ingest silver gold train credit-index efficiency-bill fee-code deliver.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last stage.")] = None,
    inbox: Annotated[Path | None, typer.Option(help="Folder where received files arrive; default: inbox in the home folder.")] = None,
    json: JsonOption = False,
) -> None:
    """Runs the chain for a month; what did not change is not done again."""
    from pipelines.periods import BillingMonth
    from pipelines.settings import load_settings
    from zhixiang.chain import all_steps, chosen_stages, run_chain

    asked = BillingMonth.parse(month)
    stages = chosen_stages(first, last)
    settings = load_settings()
    steps = [step for step in all_steps() if step.stage in stages]
    progress = StepProgress(len(steps) + ("ingest" in stages) + ("deliver" in stages), quiet=json)
    try:
        outcome = run_chain(
            settings,
            [asked],
            stages,
            inbox or settings.home / "inbox",
            f"run --month {month} --from {stages[0]} --to {stages[-1]}",
            progress,
            progress.line,
        )
    finally:
        progress.close()
    finish(outcome, json=json)


def finish(outcome: Outcome, *, json: bool) -> None:
    """Tells what was refused and held back, and leaves with the exit code that says so."""
    from zhixiang.chain import exit_code

    code = exit_code(outcome)
    found = outcome.ingest
    if json:
        show_json(
            {
                "run_id": outcome.run_id,
                "exit_code": code,
                "delivered": str(outcome.delivered) if outcome.delivered else None,
                "ingest": vars(found) if found else None,
            }
        )
    if found is not None:
        if found.quarantined_rows:
            warn(f"{found.quarantined_rows} records went to quarantine with file, line and reason: zhixiang table show silver_quarantine")
        for name, reason in [*found.refused, *found.halted]:
            complain(f"refused {name}: {reason}", "Ask the sender for the file again; the others went on. See `zhixiang ledger`.")
    if code:
        raise typer.Exit(code)
