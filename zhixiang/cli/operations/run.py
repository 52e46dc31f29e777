"""``zhixiang run``: received files to products, for one month."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.codes import RejectReason
from zhixiang.cli.run_end import show_halted, show_summary
from zhixiang.cli.screen import JsonOption, StepProgress, complain, show_json, warn
from zhixiang.cli.taken_files import taken_as_json, tell_taken
from zhixiang.cli.timings_table import show_timings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.settings import Settings
    from zhixiang.chain import Outcome


def run(
    month: Annotated[str, typer.Option("--month", help="Billing month, YYYY-MM.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILES",
            help="Files to take into the inbox first, as `inbox add` does; one refused: nothing is done.",
            show_default=False,
        ),
    ] = None,
    first: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="First stage: ingest silver gold train credit-index efficiency-bill fee-code deliver.",
        ),
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last stage.")] = None,
    inbox: Annotated[
        Path | None,
        typer.Option(help="Folder where received files arrive; default: inbox in the home folder."),
    ] = None,
    timings: Annotated[
        bool, typer.Option("--timings", help="Also say where the seconds went, by step and phase.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Takes in the files that are named, then runs the chain for a month; what did not change is not done
    again.
    """
    from pipelines.periods import BillingMonth
    from pipelines.settings import load_settings
    from pipelines.timings import Timings
    from zhixiang import BEGAN
    from zhixiang.chain import Outcome, all_steps, chosen_stages, run_chain
    from zhixiang.home.inbox_folder import inbox_folder

    asked = BillingMonth.parse(month)
    stages = chosen_stages(first, last)
    settings = load_settings()
    arrived = inbox_folder(settings.home, inbox)
    taken = _take_in(files, settings, arrived, stages, json=json) if files else None
    steps = [step for step in all_steps() if step.stage in stages]
    progress = StepProgress(len(steps) + ("ingest" in stages) + ("deliver" in stages), quiet=json)
    outcome = Outcome(timings=Timings(began=BEGAN))
    try:
        run_chain(
            settings,
            [asked],
            stages,
            arrived,
            f"run --month {month} --from {stages[0]} --to {stages[-1]}",
            progress,
            progress.line,
            outcome,
        )
    finally:
        progress.close()
        tell_ingest(outcome)
        tell_halted(outcome, settings, [month])
    finish(outcome, settings, [month], taken, json=json, with_timings=timings)


def _take_in(
    files: Sequence[Path], settings: Settings, inbox: Path, stages: Sequence[str], *, json: bool
) -> dict[str, Any]:
    """Takes the files into the inbox and tells of each, all or none: a bill made without a file that was
    named would be wrong. Leaves with 3 where one is refused; what became of them, for JSON.
    """
    from pipelines.errors import UsageError
    from pipelines.storage.store import Store
    from zhixiang.home.known_before import known_before
    from zhixiang.home.take_in import REFUSED, rules_of, take_files

    if "ingest" not in stages:
        raise UsageError(
            f"Files are read by the stage ingest; --from {stages[0]} begins after it.",
            "Leave --from out, or the files: zhixiang inbox add FILES takes them in.",
        )
    rules, before = rules_of(settings), known_before(Store(settings))
    taken = take_files(files, inbox, rules, before, dry_run=True)
    if not any(each.outcome == REFUSED for each in taken):
        taken = take_files(files, inbox, rules, before)
    is_refused = any(each.outcome == REFUSED for each in taken)
    told = taken_as_json(taken, inbox)
    if not json:
        tell_taken(taken)
    elif is_refused:
        show_json(told)
    if is_refused:
        complain("nothing was run.", "Mend or leave out what was refused, then give the command again.")
        raise typer.Exit(3)
    return told


def tell_ingest(outcome: Outcome) -> None:
    """Tells what was refused and held back, also where a later stage failed."""
    for points in outcome.unknown:
        warn(
            f"{points}. Deliver their master data (zhixiang inbox add FILE), then run again; the records "
            "come with it by themselves."
        )
    if above := [points.table for points in outcome.unknown if points.ratio > outcome.unknown_limit]:
        warn(
            f"超过限值 above the limit of {outcome.unknown_limit:.1%} in {', '.join(above)}, so the run ends "
            "with 3: ingest.max_unknown_meter_points_ratio in conf/platform.yaml. Where these meter points "
            "are not yours to bill, set a larger share there (1 never ends with 3)."
        )
    if outcome.unknown:
        warn(f"all of them: zhixiang quarantine list --reason {RejectReason.UNKNOWN_METER_POINT.value}")
    found = outcome.ingest
    if found is None:
        return
    for name, reason in found.unread:
        complain(
            f"not read {name}: {reason}", "Make it readable; the next run reads it, nothing of it is lost."
        )
    if found.quarantined_rows:
        warn(
            f"{found.quarantined_rows} records went to quarantine with file, line and reason: zhixiang table "
            "show silver_quarantine"
        )
    for name, rule in found.warned:
        warn(f"{name}: {rule}")
    for name, reason in [*found.refused, *found.halted]:
        complain(
            f"refused {name}: {reason}",
            "Deliver the file again, mended, under any name; the others went on. See `zhixiang ledger`.",
        )


def tell_halted(outcome: Outcome, settings: Settings, months: Sequence[str]) -> None:
    """Where a missing fact halted a month: how many have no bill for it, and the command that shows them."""
    from pipelines.storage.store import Store
    from zhixiang.reports.run_summary import halted_summary

    if outcome.halted is None:
        return
    unbilled = halted_summary(Store(settings), months, outcome.run_id)
    if unbilled is not None:
        show_halted(unbilled)


def finish(
    outcome: Outcome,
    settings: Settings,
    months: Sequence[str],
    taken: Mapping[str, Any] | None = None,
    *,
    json: bool,
    with_timings: bool = False,
) -> None:
    """Tells what was received, issued, held back and unknown, where the pages are and, where asked for, where
    the seconds went, all as JSON where asked for; leaves with the exit code that says what was refused.

    taken  What the command itself took into the inbox, for JSON.
    """
    from pipelines.storage.store import Store
    from zhixiang.chain import exit_code
    from zhixiang.reports.run_summary import run_summary
    from zhixiang.reports.run_timings import timing_rows

    code = exit_code(outcome)
    with outcome.timings.part("summary"):
        summary = run_summary(Store(settings), months, outcome.ingest, outcome.delivered, outcome.refused)
    spent = timing_rows(outcome.timings.shares())
    if json:
        show_json(
            {
                "run_id": outcome.run_id,
                "exit_code": code,
                "taken": taken,
                "delivered": str(outcome.delivered) if outcome.delivered else None,
                "refused_bills": outcome.refused_bills.message if outcome.refused_bills else None,
                "ingest": vars(outcome.ingest) if outcome.ingest else None,
                "summary": summary,
                "unknown_meter_points": [
                    vars(points) | {"ratio": round(points.ratio, 6)} for points in outcome.unknown
                ],
                "timings": spent,
            }
        )
    else:
        show_summary(summary)
        if with_timings:
            show_timings(spent)
    if outcome.refused_bills is not None:
        complain(outcome.refused_bills.message, outcome.refused_bills.hint)
    if code:
        raise typer.Exit(code)
