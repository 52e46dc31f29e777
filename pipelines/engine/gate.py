"""The gate: a table's declaration as a Great Expectations suite, run on the frame before anything is
written.
"""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from pipelines.codes import Severity
from pipelines.engine.gate_rules import Rule, broken, count_broken, rules_of
from pipelines.errors import GateHaltedError
from pipelines.tables.base import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = ["GateResult", "Rule", "admit", "check", "check_counted", "gate", "rules_of", "warm_up"]

SMALL_ROWS = 200_000
MOST_HELD = 10_000


@dataclass(frozen=True)
class GateResult:
    """What a gate found: one entry per rule, the failures, the rows judged (-1: not counted), what it warns
    of, and rows held back by rule.
    """

    table: str
    rules: tuple[str, ...]
    failures: tuple[str, ...]
    rows: int = 0
    warnings: tuple[str, ...] = ()
    held: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """For the ledger and the data-quality report."""
        found: dict[str, Any] = {"rules": list(self.rules), "failures": list(self.failures)}
        return (
            found
            | ({"warnings": list(self.warnings)} if self.warnings else {})
            | ({"held": dict(self.held)} if self.held else {})
        )


def gate(frame: DataFrame, table: type[Table]) -> GateResult:
    """Runs the table's rules; raises GateHaltedError naming each failed rule of severity halt and how many
    rows fail it.

    A frame that fits into SMALL_ROWS is judged in memory: a dozen Spark jobs on a few thousand rows cost
    seconds, the rules themselves nothing.
    A larger one is counted in one pass, and the library judges the counts.
    """
    rules = rules_of(table)
    if not rules:
        return GateResult(table.name, (), ())
    columns = sorted({column for rule in rules for column in rule.columns})
    head = frame.select(*columns).limit(SMALL_ROWS + 1).toArrow()
    if head.num_rows <= SMALL_ROWS:
        return replace(check(_in_memory(head), table.name, rules), rows=head.num_rows)
    return replace(check_counted(frame.select(*columns), table.name, rules), rows=-1)


def admit(frame: DataFrame, table: type[Table], folder: Path, run_id: str) -> tuple[DataFrame, GateResult]:
    """The rows that may be written, and what the gate said of them.

    Rows that break a rule of severity quarantine are held back, as JSON lines in
    ``folder/<table>/<run>.jsonl`` with the rules they break;
    all other rules are judged on the rest.
    """
    holding = [
        rule for rule in rules_of(table) if rule.severity is Severity.QUARANTINE and rule.kind != "unique"
    ]
    if not holding:
        return frame, gate(frame, table)
    from pyspark.sql import functions as F

    marks = F.array_compact(F.array(*[F.when(broken(rule), F.lit(rule.text)) for rule in holding]))
    marked = frame.withColumn("broken_rules", marks)
    held = [row.asDict() for row in marked.where(F.size("broken_rules") > 0).limit(MOST_HELD + 1).collect()]
    if len(held) > MOST_HELD:
        raise GateHaltedError(
            table.name,
            [f"more than {MOST_HELD} rows would be held back: {', '.join(rule.text for rule in holding)}"],
        )
    kept = marked.where(F.size("broken_rules") == 0).drop("broken_rules")
    found = gate(kept, table)
    if held:
        path = folder / table.name / f"{run_id}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = sorted(json.dumps(row, ensure_ascii=False, sort_keys=True, default=str) for row in held)
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    counted = Counter(text for row in held for text in row["broken_rules"])
    return kept, replace(found, held={text: counted[text] for text in sorted(counted)})


def _in_memory(rows: pa.Table) -> pd.DataFrame:
    """Decimals as floats: the rules compare with bounds far coarser than a float's precision."""
    for index, column in enumerate(rows.schema):
        if pa.types.is_decimal(column.type):
            rows = rows.set_column(index, column.name, rows.column(index).cast(pa.float64()))
    frame: pd.DataFrame = rows.to_pandas()
    return frame


def check(frame: DataFrame | pd.DataFrame, name: str, rules: Sequence[Rule]) -> GateResult:
    """Runs rules on a frame of Spark or pandas: one yes-or-no pass over all, then details of what failed
    only.
    """
    expectations = _library()
    context = expectations.context()
    source = (
        context.data_sources.add_pandas(name)
        if isinstance(frame, pd.DataFrame)
        else context.data_sources.add_spark(name)
    )
    batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")
    parameters = {"dataframe": frame}
    answer = _validate(
        context,
        batch,
        parameters,
        [expectations.make(rule) for rule in rules],
        "BOOLEAN_ONLY",
        f"{name}_gate",
    )
    failed = [rule for rule, passed in zip(rules, answer, strict=True) if not passed["success"]]
    found: dict[Rule, str] = {}
    if failed:
        details = _validate(
            context,
            batch,
            parameters,
            [expectations.make(rule) for rule in failed],
            "SUMMARY",
            f"{name}_details",
        )
        for rule, detail in zip(failed, details, strict=True):
            result = detail["result"] or {}
            examples = ", ".join(str(value) for value in (result.get("partial_unexpected_list") or [])[:3])
            found[rule] = f"{rule.text}: fails on {result.get('unexpected_count', 'some')} rows" + (
                f", for example {examples}" if examples else ""
            )
    return _judged(name, rules, found)


def check_counted(frame: DataFrame, name: str, rules: Sequence[Rule]) -> GateResult:
    """The same for a frame of any size: rows that break each rule counted in one pass, the counts judged by
    the library to be 0.
    """
    counts = count_broken(frame, rules)
    counted = pd.DataFrame({f"rule_{place:03d}": [count] for place, count in enumerate(counts)})
    expectations = _library()
    context = expectations.context()
    batch = (
        context.data_sources.add_pandas(name)
        .add_dataframe_asset(name)
        .add_batch_definition_whole_dataframe("all")
    )
    none = [expectations.make(Rule("between", (column,), minimum=0, maximum=0)) for column in counted.columns]
    answer = _validate(context, batch, {"dataframe": counted}, none, "BOOLEAN_ONLY", f"{name}_gate")
    outcome = zip(rules, counts, answer, strict=True)
    return _judged(
        name,
        rules,
        {
            rule: f"{rule.text}: fails on {count} rows"
            for rule, count, passed in outcome
            if not passed["success"]
        },
    )


def _judged(name: str, rules: Sequence[Rule], found: Mapping[Rule, str]) -> GateResult:
    """Halts on what must not go on; what only warns is kept."""
    warnings = tuple(text for rule, text in found.items() if rule.severity is Severity.WARN)
    failures = tuple(text for rule, text in found.items() if rule.severity is not Severity.WARN)
    if failures:
        raise GateHaltedError(name, failures)
    return GateResult(name, tuple(rule.text for rule in rules), (), warnings=warnings)


def _validate(
    context: Any, batch: Any, parameters: dict[str, Any], expectations: list[Any], detail: str, name: str
) -> list[Any]:
    import great_expectations as gx

    suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations))
    definition = gx.ValidationDefinition(name=name, data=batch, suite=suite)
    answer = context.validation_definitions.add(definition).run(
        batch_parameters=parameters, result_format=detail
    )
    by_id = {result.expectation_config.id: result for result in answer.results}
    return [by_id[expectation.id] for expectation in suite.expectations]


class _Expectations:
    """Great Expectations behind the few calls the gate needs; its import takes seconds, so it happens once
    and late.
    """

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
            least, strict = (rule.minimum, False) if rule.above is None else (rule.above, True)
            return kinds.ExpectColumnValuesToBeBetween(
                column=rule.columns[0], min_value=least, strict_min=strict, max_value=rule.maximum
            )
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
