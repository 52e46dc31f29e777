"""Columns of every product table: a result is never edited, a change is a new revision."""

from __future__ import annotations

import pyarrow as pa

from pipelines.tables.base import INTEGER, STRING, Field, Table


class Revised:
    """What the runner adds to each row of a product's result and evidence; the product's own function leaves
    them out.
    """

    revision = Field(
        INTEGER,
        "1 for the first issue; each correction adds one and leaves the earlier rows as they were.",
        key=True,
        minimum=1,
    )
    computed_run_id = Field(STRING, "The run that computed the row.", run=True)
    rules_digest = Field(
        STRING,
        (
            "The kept rules (thresholds and facts, a folder of rules/ in the home) by which the row was "
            "computed; empty in rows of versions that noted it in the run ledger alone."
        ),
        run=True,
    )


class RevisedResult(Revised):
    """As Revised, for the result table of a product."""

    supersedes_revision = Field(INTEGER, "The revision that this one corrects; empty for the first.")
    content_digest = Field(
        STRING,
        (
            "SHA-256 over the row and all its evidence, without run columns; equal content makes no new "
            "revision."
        ),
        nullable=False,
    )


ADDED_COLUMNS = frozenset(
    name
    for owner in (Revised, RevisedResult)
    for name, value in vars(owner).items()
    if isinstance(value, Field)
)
"""What the runner adds to a product's rows."""


ORIGIN_COLUMNS = frozenset(("model_version",))
"""Columns that say by what a row was computed, not what came out: a result that differs in them alone is the
same result and makes no new revision.
"""


def product_schema(table: type[Table]) -> pa.Schema:
    """A product table's columns without those that the runner adds: what the product's own function gives."""
    return pa.schema([field for field in table.arrow_schema() if field.name not in ADDED_COLUMNS])
