"""``zhixiang demo``: the whole chain on the samples and a simulated city, from nothing to things to look
at.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhixiang.cli.operations.run import finish, tell_halted, tell_ingest
from zhixiang.cli.screen import JsonOption, StepProgress, say, warn
from zhixiang.pasteable import browse_registry, pasteable

if TYPE_CHECKING:
    from pipelines.settings import Settings

DEMO_MONTHS = ("2026-08", "2026-09")


def demo(
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="Begin from an empty home: delete what an earlier demo left in it."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Bills from real meter data, scores and codes from a simulated city; then says where everything is."""
    from pipelines.periods import BillingMonth
    from pipelines.settings import OWN_CONF, default_home, load_settings
    from zhixiang.chain import Outcome, all_stages, all_steps, run_chain
    from zhixiang.demo.conf import lacking_values, require_demo_home, settle_conf
    from zhixiang.demo.inbox import fill_inbox, wipe_demo

    require_demo_home(default_home())
    kept = settle_conf(default_home(), fresh=fresh)
    settings = load_settings()
    if kept:
        warn(
            f"settings of your own, not replaced: {', '.join(kept)} in {default_home() / OWN_CONF}. Move a "
            "file away to have the demo's in its place."
        )
    if lacking := lacking_values(settings):
        warn(
            f"the settings in force are not the demo's, {settings.conf_dir} lacks: {', '.join(lacking)}. The "
            "simulated city may get bills. Unset ZHIXIANG_CONF, or take these values from the conf/ of a new "
            "demo."
        )
    steps = all_steps()
    progress = StepProgress(len(steps) + 4, quiet=json)
    inbox = settings.home / "inbox"
    outcome = Outcome()
    try:
        run_chain(
            settings,
            [BillingMonth.parse(month) for month in DEMO_MONTHS],
            all_stages(),
            inbox,
            "demo --fresh" if fresh else "demo",
            progress,
            progress.line,
            outcome,
            empty_home=(lambda: wipe_demo(settings.home)) if fresh else None,
            before=lambda: fill_inbox(settings.home, inbox, progress.line),
        )
    finally:
        progress.close()
        tell_ingest(outcome)
        tell_halted(outcome, settings, DEMO_MONTHS)
    if not json and outcome.delivered is not None:
        _tell(outcome.delivered, settings)
    finish(outcome, settings, DEMO_MONTHS, json=json)


def _tell(out: Path, settings: Settings) -> None:
    """Where everything is and who is not billed, Chinese first."""
    from pipelines.models.registry import Registry

    home, month = settings.home, DEMO_MONTHS[-1]
    lines = [
        "",
        "完成。打开总览页 / Done. Open the overview:",
        f"  {out / 'index.html'}",
        "能效账单 efficiency bills (真实电量，日期平移 / real energy, dates shifted):",
        f"  {out / 'bills'}",
        f"  {pasteable('zhixiang', 'bill', 'show', 'STEEL-0001', '--month', '2026-09', home=home)}",
        *_left_out(settings, month),
        "电力信用指数 credit index (模拟城市 / simulated city):",
        f"  {out / 'scores'}",
        f"  {pasteable('zhixiang', 'score', 'show', 'SIM-CITY-00001', '--month', '2026-09', home=home)}",
        "转供电费码 fee codes (模拟商场 / simulated malls):",
        f"  {out / 'codes'}",
        f"  {pasteable('zhixiang', 'code', 'show', 'SIM-TENANT-A-001', '--month', '2026-09', home=home)}",
        "模型登记 model registry (MLflow):",
        f"  {browse_registry(Registry(settings).tracking_uri)}",
        "状态与台账 status and ledger:",
        f"  {pasteable('zhixiang', 'status', home=home)}",
        f"  {pasteable('zhixiang', 'ledger', home=home)}",
    ]
    for line in lines:
        say(line)


def _left_out(settings: Settings, month: str) -> Iterator[str]:
    """How many the settings leave without a bill, and where that is set and shown."""
    from pipelines.storage.store import Store
    from products.efficiency_bill.settings import EfficiencyBillSettings
    from products.efficiency_bill.tables import UnbilledReason
    from zhixiang.reports.unbilled import unbilled_of

    rows = unbilled_of(Store(settings), month)
    count = sum(row["reason_code"] == UnbilledReason.LEFT_OUT for row in rows)
    if count:
        kinds = ", ".join(settings.section(EfficiencyBillSettings).billed.left_out_provenances)
        yield (
            f"  模拟城市和模拟商场 {count:,} 户不出账单 / {count:,} of the simulated city and malls "
            f"are not billed: billed.left_out_provenances: [{kinds}]"
        )
        yield f"  {settings.conf_dir / EfficiencyBillSettings.file}"
        yield f"  {pasteable('zhixiang', 'bill', 'unbilled', '--month', month, home=settings.home)}"
