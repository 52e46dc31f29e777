"""The gate: a table's declaration as a Great Expectations suite, run on the frame before anything is written."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from pipelines.errors import GateHaltedError
from pipelines.tables.base import Role, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SMALL_ROWS = 200_000


@dataclass(frozen=True)
class Rule:
    """One expectation in words that need no library: kind, columns and bounds.

    kind     ``not_null``, ``in_set``, ``between`` or ``unique``.
    """

    kind: str
    columns: tuple[str, ...]
    values: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    @property
    def text(self) -> str:
        """The rule in one line, for reports and errors."""
        names = ", ".join(self.columns)
        if self.kind == "not_null":
            return f"{names} is never empty"
        if self.kind == "in_set":
            return f"{names} is one of {len(self.values)} codes"
        if self.kind == "unique":
            return f"({names}) identifies a row"
        low = "-inf" if self.minimum is None else f"{self.minimum:g}"
        return f"{names} lies in [{low}, {'inf' if self.maximum is None else f'{self.maximum:g}'}]"


@dataclass(frozen=True)
class GateResult:
    """What a gate found: one entry per rule, the failures, and how many rows there were (-1: not counted)."""

    table: str
    rules: tuple[str, ...]
    failures: tuple[str, ...]
    rows: int = 0

    def to_json(self) -> dict[str, Any]:
        """For the ledger and the data-quality report."""
        return {"rules": list(self.rules), "failures": list(self.failures)}


def rules_of(table: type[Table]) -> list[Rule]:
    """The rules that a declaration implies; those on run columns are left out."""
    rules: list[Rule] = []
    for field in table.fields():
        if field.role is Role.RUN:
            continue
        if not field.nullable:
            rules.append(Rule("not_null", (field.name,)))
        if field.codes is not None and str(field.dtype) == "string":
            rules.append(Rule("in_set", (field.name,), values=tuple(str(member.value) for member in field.codes)))
        if field.minimum is not None or field.maximum is not None:
            rules.append(Rule("between", (field.name,), minimum=field.minimum, maximum=field.maximum))
    if table.key():
        rules.append(Rule("unique", table.key()))
    return rules


def gate(frame: DataFrame, table: type[Table]) -> GateResult:
    """Runs the table's rules; raises GateHaltedError naming each failed rule and how many rows fail it.

    A frame that fits into SMALL_ROWS is judged in memory: a dozen Spark jobs on a few thousand rows cost seconds, the rules themselves nothing.
    """
    rules = rules_of(table)
    if not rules:
        return GateResult(table.name, (), ())
    columns = sorted({column for rule in rules for column in rule.columns})
    head = frame.select(*columns).limit(SMALL_ROWS + 1).toArrow()
    if head.num_rows <= SMALL_ROWS:
        return replace(check(_in_memory(head), table.name, rules), rows=head.num_rows)
    return replace(check(frame.select(*columns), table.name, rules), rows=-1)


def _in_memory(rows: pa.Table) -> pd.DataFrame:
    """Decimals as floats: the rules compare with bounds far coarser than a float's precision."""
    for index, field in enumerate(rows.schema):
        if pa.types.is_decimal(field.type):
            rows = rows.set_column(index, field.name, rows.column(index).cast(pa.float64()))
    frame: pd.DataFrame = rows.to_pandas()
    return frame


def check(frame: DataFrame | pd.DataFrame, name: str, rules: list[Rule]) -> GateResult:
    """Runs rules on a frame of Spark or pandas: one yes-or-no pass over all, then details of what failed only."""
    expectations = _library()
    context = expectations.context()
    source = context.data_sources.add_pandas(name) if isinstance(frame, pd.DataFrame) else context.data_sources.add_spark(name)
    batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")
    parameters = {"dataframe": frame}
    answer = _validate(context, batch, parameters, [expectations.make(rule) for rule in rules], "BOOLEAN_ONLY", f"{name}_gate")
    failed = [rule for rule, passed in zip(rules, answer, strict=True) if not passed["success"]]
    failures: list[str] = []
    if failed:
        details = _validate(context, batch, parameters, [expectations.make(rule) for rule in failed], "SUMMARY", f"{name}_details")
        for rule, detail in zip(failed, details, strict=True):
            found = detail["result"] or {}
            examples = ", ".join(str(value) for value in (found.get("partial_unexpected_list") or [])[:3])
            failures.append(f"{rule.text}: fails on {found.get('unexpected_count', 'some')} rows" + (f", for example {examples}" if examples else ""))
        raise GateHaltedError(name, failures)
    return GateResult(name, tuple(rule.text for rule in rules), tuple(failures))


def _validate(context: Any, batch: Any, parameters: dict[str, Any], expectations: list[Any], detail: str, name: str) -> list[Any]:
    import great_expectations as gx

    suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations))
    definition = gx.ValidationDefinition(name=name, data=batch, suite=suite)
    answer = context.validation_definitions.add(definition).run(batch_parameters=parameters, result_format=detail)
    by_id = {result.expectation_config.id: result for result in answer.results}
    return [by_id[expectation.id] for expectation in suite.expectations]


class _Expectations:
    """Great Expectations behind the few calls the gate needs; its import takes seconds, so it happens once and late."""

    def __init__(self) -> None:
        os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
        import great_expectations as gx

        logging.getLogger("great_expectations").setLevel(logging.ERROR)
        self._gx = gx

    def context(self) -> Any:
        context = self._gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False, "metric_calculations": False}
        return context

    def make(self, rule: Rule) -> Any:
        kinds = self._gx.expectations
        if rule.kind == "not_null":
            return kinds.ExpectColumnValuesToNotBeNull(column=rule.columns[0])
        if rule.kind == "in_set":
            return kinds.ExpectColumnValuesToBeInSet(column=rule.columns[0], value_set=list(rule.values))
        if rule.kind == "between":
            return kinds.ExpectColumnValuesToBeBetween(column=rule.columns[0], min_value=rule.minimum, max_value=rule.maximum)
        if len(rule.columns) == 1:
            return kinds.ExpectColumnValuesToBeUnique(column=rule.columns[0])
        return kinds.ExpectCompoundColumnsToBeUnique(column_list=list(rule.columns))


_loaded: _Expectations | None = None


def _library() -> _Expectations:
    global _loaded
    if _loaded is None:
        _loaded = _Expectations()
    return _loaded


def warm_up() -> None:
    """Imports the library ahead of its first use; meant for a thread of its own."""
    _library()
