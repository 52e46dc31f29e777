"""``zhixiang quality``: whose data suffice, and the report of a month."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from zhixiang.cli.help_texts import CommandGroup
from zhixiang.cli.screen import JsonOption, heading, say, show_json, show_rows
from zhixiang.cli.table_writer import YES

app = typer.Typer(
    cls=CommandGroup,
    rich_markup_mode=None,
    help="Data quality 数据质量: sufficiency and the report of a month.",
    no_args_is_help=True,
)
MonthOption = Annotated[
    str | None,
    typer.Option(
        "--month", help="Month of the data, YYYY-MM; default: the newest month whose days are over."
    ),
]
SHOWN_WORST = 20


@app.command("report")
def report(
    month: MonthOption = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    json: JsonOption = False,
) -> None:
    """Writes the data-quality page of a month and shows its worst meter points; --json prints all figures
    instead.
    """
    import webbrowser

    from pipelines.engine.ledger import Ledger
    from pipelines.errors import UsageError
    from pipelines.periods import BillingMonth
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from zhixiang.pages.quality import run_figures, write_month_page
    from zhixiang.pages.quality_figures import estimation_errors, known_months, month_figures

    settings = load_settings()
    store = Store(settings)
    known = known_months(store)
    if not known:
        raise UsageError(
            "No month has been judged yet.",
            "Run the chain first: zhixiang demo, or zhixiang run --month 2026-09 --to gold",
        )
    chosen = str(BillingMonth.parse(month)) if month else _newest_whole(known)
    if chosen not in known:
        raise UsageError(f"There are no data of {chosen}.", f"Months with data: {', '.join(known)}.")
    figures, run, errors = (
        month_figures(store, chosen),
        run_figures(store, Ledger(settings.home)),
        estimation_errors(store),
    )
    # Not below out/: what lies there is signed, and a page written since would break its manifest.
    page = settings.home / "reports" / "quality" / f"{chosen}.html"
    write_month_page(page, run, figures, errors, [chosen])
    if json:
        show_json({"page": str(page), "month": figures, "run": run, "estimation_errors": errors})
    else:
        heading(
            f"数据质量 data quality {chosen}  {figures['count']:,} 计量点 meter points, "
            f"{figures['sufficient']:,} 够用 sufficient, {figures['insufficient']:,} 不足 not sufficient"
        )
        show_rows([_line(row) for row in figures["rows"][:SHOWN_WORST]], title="最差 worst first")
        show_rows(
            [
                {name: row[name] for name in ("id", "title_zh", "severity", "days")}
                for row in figures["checks"]
                if row["days"]
            ],
            title="检查 checks",
        )
        say(str(page))
    if open_page:
        webbrowser.open(page.as_uri())


def _newest_whole(known: list[str]) -> str:
    """The newest month that is over; a month that goes on lacks the days to come."""
    from pipelines.periods import BillingMonth, utc_now

    today = BillingMonth.of(utc_now().date())
    over = [month for month in known if month < str(today)]
    return (over or known)[-1]


def _line(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "计量点 meter point": row["meter_point_id"],
        "用户 customer": row["customer_name"] or row["customer_id"],
        "够用 sufficient": YES if row["is_sufficient"] else ", ".join(row["insufficient_reasons"]),
        "完整/应有日 valid/expected": f"{row['valid_days']}/{row['expected_days']}",
        "估算 estimated": f"{row['estimated_ratio']:.1%}",
        "缺失 missing": f"{row['missing_ratio']:.1%}",
        "最长缺口 gap h": f"{row['longest_gap_hours']:g}",
        "误·警·知": f"{row['failed_invalid_checks']}·{row['failed_warn_checks']}·{row['failed_info_checks']}",
    }


@app.command("show")
def show(
    customer_id: Annotated[
        str, typer.Argument(help="Customer number, for example STEEL-0001; or a meter point.")
    ],
    json: JsonOption = False,
) -> None:
    """Month by month: valid days, estimated and missing share, longest gap, failed checks."""
    from pipelines.errors import UnknownNameError
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from pipelines.tables.sufficiency import GoldDataSufficiency
    from zhixiang.pages.quality_figures import customer_history, latest_terms

    store = Store(load_settings())
    rows = customer_history(store, customer_id)
    if not rows:
        judged = store.arrow(GoldDataSufficiency, ["customer_id"]).column(0).drop_null().unique().to_pylist()
        raise UnknownNameError(
            "customer with data", customer_id, judged, "`zhixiang quality report` shows a month."
        )
    if json:
        show_json(rows)
        return
    terms = latest_terms(store).get(rows[0]["customer_id"] or "")
    name = f"{terms['customer_name']} ({terms['provenance']})" if terms else "不计费 not billed"
    heading(f"{customer_id}  {name}")
    show_rows(
        [
            {"月 month": row["data_month"]}
            | {
                key: value
                for key, value in _line(row | {"customer_name": ""}).items()
                if "customer" not in key
            }
            for row in rows
        ]
    )
