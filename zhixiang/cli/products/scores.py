"""``zhixiang score``: a credit score and its reasons."""

from __future__ import annotations

from typing import Annotated

import typer

from zhixiang.cli.help_texts import CommandGroup
from zhixiang.cli.products.bill_options import MonthOption, RevisionOption
from zhixiang.cli.products.issued_result import HIDDEN, issued_result, show_columns
from zhixiang.cli.screen import JsonOption, heading, show_rows

app = typer.Typer(
    cls=CommandGroup,
    rich_markup_mode=None,
    help="Credit index 电力信用指数.",
    no_args_is_help=True,
)


@app.command("show")
def show(
    customer_id: Annotated[str, typer.Argument(help="Customer number, for example SIM-CITY-00001.")],
    month: MonthOption,
    revision: RevisionOption = None,
    json: JsonOption = False,
) -> None:
    """Probability, score, grade, early warning and the four reasons."""
    from products.credit_index.tables import CreditIndexReasonsV1, CreditIndexV1

    found = issued_result(CreditIndexV1, (CreditIndexReasonsV1,), customer_id, month, revision, json=json)
    if found is None:
        return
    score = found["result"]
    heading(
        f"电力信用指数 {customer_id}  {month}  修订 revision {score['revision']}  ({score['provenance']})"
    )
    show_columns(score, HIDDEN | {"customer_id"})
    show_rows(
        found["credit_index_reasons_v1"],
        ["reason_rank", "reason_id", "effect_points", "text_zh", "text_en"],
        title="原因 reasons",
    )
