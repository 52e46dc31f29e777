"""``zhixiang explain``: from a line of a bill back to the file and line it came from."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from zhixiang.cli.bills import BillName, RevisionOption, bill_and_rules
from zhixiang.cli.screen import JsonOption, console, show_json, show_rows

SHOWN_DAYS = 8


def explain(
    bill: BillName,
    line: Annotated[int, typer.Argument(help="Number of the line, as `zhixiang bill show` prints it.")],
    revision: RevisionOption = None,
    json: JsonOption = False,
) -> None:
    """Walks a line of a bill back: fact and clause, determinant, days and intervals, file and line. --json shows every row."""
    from pipelines.settings import load_settings
    from pipelines.store import Store
    from zhixiang.explain import explain as way_back
    from zhixiang.explain import traces_of

    issued, (_, facts) = bill_and_rules(bill, revision)
    found = way_back(traces_of(Store(load_settings()), [issued["result"]]), facts, issued, line)
    if json:
        show_json(found)
        return
    charged = found["line"]
    console().print(f"[bold]{charged['formula']}[/bold] = {charged['amount_cny']} CNY")
    console().print("依据 fact")
    cited = ("fact_id", "value", "unit", "document", "clause", "effective_from", "known_from", "confidence", "file")
    show_rows([{name: fact.get(name) for name in cited} for fact in (found["fact"], *found["named_facts"])])
    if found["contract"]:
        console().print("合同 contract: " + ", ".join(f"{name} {value}" for name, value in found["contract"].items()))
    show_rows(found["determinants"], title="计费参数 determinants")
    for name, title in (("days", "表码 registers"), ("intervals", "时段 intervals"), ("received", "来源 received")):
        _show_some(found[name], title)


def _show_some(rows: list[dict[str, Any]], title: str) -> None:
    if rows:
        shown = [{**row, "slots": f"{len(row['slots'])} of the day"} if "slots" in row else row for row in rows[:SHOWN_DAYS]]
        show_rows([{name: value for name, value in row.items() if name != "content_hash"} for row in shown], title=title)
        if len(rows) > SHOWN_DAYS:
            console().print(f"... {len(rows) - SHOWN_DAYS} more; --json shows them all")
