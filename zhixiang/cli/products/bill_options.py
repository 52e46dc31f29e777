"""What the commands of ``zhixiang bill`` share: their group, their arguments, one issued bill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zhixiang.cli.help_texts import CommandGroup

if TYPE_CHECKING:
    from pipelines.facts import Facts
    from pipelines.settings import Settings
    from products.efficiency_bill.bill import IssuedBill
    from products.efficiency_bill.rows import EfficiencyBillLinesV1Inside


PARTLY = "部分 part"


app = typer.Typer(
    cls=CommandGroup,
    rich_markup_mode=None,
    help="Efficiency bills 能效账单.",
    no_args_is_help=True,
)


CustomerId = Annotated[str, typer.Argument(help="Customer number, for example STEEL-0001.")]


MonthOption = Annotated[str, typer.Option("--month", help="Billing month, YYYY-MM.")]


BillName = Annotated[
    str, typer.Argument(metavar="BILL", help="CUSTOMER/MONTH, for example STEEL-0001/2026-09.")
]


RevisionOption = Annotated[int | None, typer.Option(min=1, help="An earlier revision; default: the newest.")]


def issued_bill(customer_id: str, month: str, revision: int | None) -> IssuedBill:
    """An issued bill with its evidence; raises UnknownNameError or UsageError."""
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from zhixiang.reports.issued_bills import issued_bill as issued

    return issued(Store(load_settings()), customer_id, month, revision)


def bill_name(name: str) -> tuple[str, str]:
    """Customer and month of a bill's name; raises UsageError for another text."""
    from pipelines.errors import UsageError

    customer_id, separator, month = name.rpartition("/")
    if not separator:
        raise UsageError(
            f"{name!r} is not the name of a bill.",
            "Write it as CUSTOMER/MONTH, for example STEEL-0001/2026-09.",
        )
    return customer_id, month


def bill_and_rules(name: str, revision: int | None) -> tuple[IssuedBill, tuple[Settings, Facts]]:
    """An issued bill by its name, with the thresholds and facts of the run that issued it; warns where they
    had to be searched for.
    """
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from zhixiang.cli.screen import warn
    from zhixiang.reports.kept_rules import BillRules

    found = issued_bill(*bill_name(name), revision)
    rules = BillRules(Store(load_settings()))
    answer = rules.of(found)
    for note in rules.notes:
        warn(f"{name}: {note}")
    return found, answer


def said_line(line: EfficiencyBillLinesV1Inside) -> dict[str, object]:
    """A line as a reader of the terminal wants it: words instead of codes, units beside numbers."""
    from pipelines.codes import LineComponent, TouPeriod
    from products.efficiency_bill.page.words import COMPONENTS, part_of
    from products.page_kit.words import PERIODS

    return {
        "#": line["line_number"],
        "项目 charge": COMPONENTS[LineComponent(line["component_code"])].zh,
        "时段 period": PERIODS[TouPeriod(line["period_code"])].zh if line["period_code"] else None,
        PARTLY: part_of(line).zh or None,
        "数量 quantity": line["quantity"],
        "单位 unit": line["quantity_unit"],
        "单价 price": line["unit_price"],
        "金额 CNY": line["amount_cny"],
        "依据 fact": line["fact_id"],
        "可信度 confidence": line["fact_confidence_code"],
    }
