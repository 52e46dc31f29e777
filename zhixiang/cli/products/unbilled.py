"""``zhixiang bill unbilled``: who has no bill of a month, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zhixiang.cli.products.bill_options import MonthOption, app
from zhixiang.cli.screen import JsonOption, say, show_json, show_rows

if TYPE_CHECKING:
    from products.efficiency_bill.rows import EfficiencyBillUnbilledV1Row

MOST_SHOWN = 50


@app.command("unbilled")
def unbilled(
    month: MonthOption,
    limit: Annotated[
        int, typer.Option(min=1, help="Customers shown of each reason; --json shows all.")
    ] = MOST_SHOWN,
    json: JsonOption = False,
) -> None:
    """Customers without a bill of the month that could be issued, each with the reason 未出账的客户及原因."""
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from products.efficiency_bill.tables import UnbilledReason
    from zhixiang.reports.unbilled import REASON_WORDS, came_since, counted_reasons, unbilled_of

    store = Store(load_settings())
    rows = unbilled_of(store, month)
    later = came_since(store, month, rows)
    if json:
        show_json(
            {
                "billing_month": month,
                "reasons": counted_reasons(rows),
                "customers": rows,
                "came_since_the_last_run": later,
            }
        )
        return
    if later:
        first = ", ".join(later[:limit]) + (", ..." if len(later) > limit else "")
        say(
            f"最近一次出账未涉及的客户 not in the last run of {month}, as a rule because they came after it: "
            f"{len(later):,} ({first}); zhixiang run --month {month}"
        )
    if not rows:
        say(f"{month}：最近一次出账的客户均已出账 every customer of the last run has a bill")
        return
    for reason, count in counted_reasons(rows).items():
        said = REASON_WORDS[UnbilledReason(reason)]
        shown = [_said(row) for row in rows if row["reason_code"] == reason][:limit]
        more = f"，显示 shown {len(shown)}" if len(shown) < count else ""
        show_rows(shown, title=f"{said.both} ({reason})：{count:,} 户{more}")
    say(f"合计 total {len(rows):,}")


def _said(row: EfficiencyBillUnbilledV1Row) -> dict[str, object]:
    return {
        "客户 customer": row["customer_id"],
        "名称 name": row["customer_name"],
        "原因": row["detail_zh"],
        "why": row["detail_en"],
    }
