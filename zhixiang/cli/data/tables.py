"""``zhixiang table``: what is in the store."""

from __future__ import annotations

from typing import Annotated

import typer

from zhixiang.cli.help_texts import CommandGroup
from zhixiang.cli.screen import JsonOption, complain, heading, is_piped, say, show_json, show_rows

app = typer.Typer(
    cls=CommandGroup,
    rich_markup_mode=None,
    help="Tables: list them, look into one, hash its content.",
    no_args_is_help=True,
)
TableName = Annotated[str, typer.Argument(help="Name of the table, for example gold_day_energy.")]


@app.command("list")
def list_tables(json: JsonOption = False) -> None:
    """Every declared table with its version and rows, and what to do where it is lost or damaged."""
    from pipelines.engine.ledger import readable_ledger
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from zhixiang.chain import declared_tables
    from zhixiang.home_state import table_states

    settings = load_settings()
    tables = declared_tables()
    states = table_states(Store(settings), readable_ledger(settings.home), tables)
    rows = [
        {
            "table": state.table,
            "layer": state.layer,
            "version": state.version,
            "rows": 0 if state.rows is None and not state.fault else state.rows,
            "key": ", ".join(table.key()),
            "fault": state.fault or None,
        }
        for table, state in zip(tables, states, strict=True)
    ]
    if json:
        show_json(rows)
        return
    shown = [name for name in rows[0] if name != "fault"]
    show_rows([{**row, "version": "damaged"} if row["fault"] else row for row in rows], shown, title="tables")
    for state in states:
        if state.fault:
            complain(state.fault, state.remedy)


@app.command("show")
def show_table(
    name: TableName,
    limit: Annotated[int, typer.Option(min=1, help="Rows to show.")] = 10,
    version: Annotated[int | None, typer.Option(help="An earlier version.")] = None,
    json: JsonOption = False,
) -> None:
    """The declaration of a table and its first rows."""
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from zhixiang.chain import declared_table

    table = declared_table(name)
    store = Store(load_settings())
    rows = store.head(table, limit, version)
    if json:
        show_json(
            {"table": name, "version": version if version is not None else store.version(table), "rows": rows}
        )
        return
    heading(f"{name}  {' '.join((table.__doc__ or '').split())}")
    show_rows(
        [
            {
                "column": field.name,
                "type": str(field.dtype),
                "unit": field.unit.value if field.unit else "",
                "role": field.role.value,
                "meaning": field.doc,
            }
            for field in table.fields()
        ]
    )
    show_rows(
        [{key: value for key, value in row.items() if value is not None} for row in rows],
        [field.name for field in table.fields() if any(row.get(field.name) is not None for row in rows)],
        title=f"前 {len(rows)} 行 first rows" if rows else "行 rows",
    )


@app.command("hash")
def hash_table(
    name: Annotated[
        str, typer.Argument(help="Name of the table; or a layer: bronze, silver, gold, product; or all.")
    ],
    json: JsonOption = False,
) -> None:
    """SHA-256 of a table's business columns in key order: equal for equal content, however it arrived."""
    from pipelines.settings import load_settings
    from pipelines.storage.store import Store
    from zhixiang.chain import declared_table, declared_tables

    store = Store(load_settings())
    layers = {table.layer.value for table in declared_tables()} | {"all"}
    chosen = (
        [table for table in declared_tables() if name in ("all", table.layer.value)]
        if name in layers
        else [declared_table(name)]
    )
    rows = [
        {"table": table.name, "rows": store.row_count(table), "sha256": store.content_hash(table)}
        for table in chosen
    ]
    if json:
        show_json(rows)
        return
    if not is_piped():
        show_rows(rows)
        return
    for row in rows:
        say(f"{row['sha256']}  {row['table']}  {row['rows']:,} rows")
