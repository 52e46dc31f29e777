"""The gate: the rules of a table's declaration, judged on its rows before anything is written.

Rules are counted in one pass, on Arrow for rows that the driver holds, in Spark for larger frames. What is
broken, Great Expectations shows: it takes longer to import than a small table takes to be made, so a run in
which nothing is broken never imports it. Tests hold every count against its verdict.
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

import numpy as np
import pandas as pd
import pyarrow as pa

from pipelines.codes import Severity
from pipelines.engine.gate_rows import count_broken_rows, rows_that_break
from pipelines.engine.gate_rules import Rule, count_broken, rules_of
from pipelines.errors import GateHaltedError
from pipelines.tables.base import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = [
    "Broken",
    "GateResult",
    "Rule",
    "admit",
    "broken_rules",
    "check",
    "check_counted",
    "check_rows",
    "gate",
    "gate_counts",
    "joined_broken",
    "judge_broken",
    "rules_of",
]

SMALL_ROWS = 200_000
MOST_HELD = 10_000
_EXAMPLES = ", for example "


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


@dataclass(frozen=True)
class Broken:
    """What breaks one rule: on how many rows it fails, and what shows it."""

    rows: int
    shown: str


def gate(frame: DataFrame, table: type[Table]) -> GateResult:
    """Runs the table's rules; raises GateHaltedError naming each failed rule of severity halt and how many
    rows fail it.

    A frame that fits into SMALL_ROWS is judged on Arrow: Spark jobs on a few thousand rows cost seconds, the
    rules themselves nothing.
    """
    rules = rules_of(table)
    if not rules:
        return GateResult(table.name, (), ())
    columns = sorted({column for rule in rules for column in rule.columns})
    head = frame.select(*columns).limit(SMALL_ROWS + 1).toArrow()
    if head.num_rows <= SMALL_ROWS:
        return check_rows(head, table.name, rules)
    return replace(check_counted(frame.select(*columns), table.name, rules), rows=-1)


def admit(rows: pa.Table, table: type[Table], folder: Path, run_id: str) -> tuple[pa.Table, GateResult]:
    """The rows that may be written, and what the gate said of them.

    Rows that break a rule of severity quarantine are held back, as JSON lines in
    ``folder/<table>/<run>.jsonl`` with the rules they break;
    all other rules are judged on the rest.
    """
    rules = rules_of(table)
    holding = [rule for rule in rules if rule.severity is Severity.QUARANTINE and rule.kind != "unique"]
    marks = {rule: rows_that_break(rows, rule) for rule in holding}
    marks = {rule: mark for rule, mark in marks.items() if mark.any()}
    if not marks:
        return rows, check_rows(rows, table.name, rules)
    is_held = np.logical_or.reduce([*marks.values()])
    if is_held.sum() > MOST_HELD:
        raise GateHaltedError(
            table.name,
            [f"more than {MOST_HELD} rows would be held back: {', '.join(rule.text for rule in holding)}"],
        )
    kept = rows.filter(pa.array(~is_held))
    found = check_rows(kept, table.name, rules)
    places = np.flatnonzero(is_held)
    held = [
        row | {"broken_rules": [rule.text for rule, mark in marks.items() if mark[place]]}
        for place, row in zip(places, rows.take(pa.array(places)).to_pylist(), strict=True)
    ]
    path = folder / table.name / f"{run_id}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = sorted(json.dumps(row, ensure_ascii=False, sort_keys=True, default=str) for row in held)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    counted = Counter(text for row in held for text in row["broken_rules"])
    return kept, replace(found, held={text: counted[text] for text in sorted(counted)})


def check_rows(rows: pa.Table, name: str, rules: Sequence[Rule]) -> GateResult:
    """Runs rules on rows that the driver holds; raises GateHaltedError as ``gate``."""
    found = {rule: broken.shown for rule, broken in _broken(rows, name, rules).items()}
    return replace(_judged(name, rules, found), rows=rows.num_rows)


def _broken(rows: pa.Table, name: str, rules: Sequence[Rule]) -> dict[Rule, Broken]:
    counts = count_broken_rows(rows, rules)
    broken = {rule: count for rule, count in zip(rules, counts, strict=True) if count}
    found = {rule: f"{rule.text}: fails on {count} rows" for rule, count in broken.items()}
    if broken and rows.num_rows <= SMALL_ROWS:
        columns = sorted({column for rule in broken for column in rule.columns})
        found |= _shown(_in_memory(rows.select(columns)), name, [*broken])
    return {rule: Broken(count, found[rule]) for rule, count in broken.items()}


def broken_rules(rows: pa.Table, table: type[Table]) -> dict[str, Broken]:
    """The rules of a table that some of its rows break, by their texts: what a worker finds in its bucket. A
    bucket holds all rows of a key, so that counts of buckets add up.
    """
    found = _broken(rows, table.name, rules_of(table))
    return {rule.text: broken for rule, broken in found.items()}


def joined_broken(parts: Sequence[Mapping[str, Broken]]) -> dict[str, Broken]:
    """What several buckets found, as if they were one."""
    found: dict[str, Broken] = {}
    for rule, broken in ((rule, broken) for part in parts for rule, broken in part.items()):
        count = broken.rows + (found[rule].rows if rule in found else 0)
        examples = (found.get(rule) or broken).shown.partition(_EXAMPLES)[2]
        shown = f"{rule}: fails on {count} rows" + (f"{_EXAMPLES}{examples}" if examples else "")
        found[rule] = Broken(count, shown)
    return found


def judge_broken(table: type[Table], broken: Mapping[str, Broken], rows: int) -> GateResult:
    """The gate's verdict on rows in which ``broken_rules`` found this; raises GateHaltedError as ``gate``."""
    rules = rules_of(table)
    found = {rule: broken[rule.text].shown for rule in rules if rule.text in broken}
    return replace(_judged(table.name, rules, found), rows=rows)


def gate_counts(counts: Mapping[str, int], name: str) -> GateResult:
    """Holds counts of broken constraints to be 0; raises GateHaltedError naming those that are not."""
    rules = [Rule("between", (constraint,), minimum=0, maximum=0) for constraint in sorted(counts)]
    table = pa.table({constraint: pa.array([count], pa.int64()) for constraint, count in counts.items()})
    return check_rows(table, name, rules)


def _in_memory(rows: pa.Table) -> pd.DataFrame:
    """Decimals as floats: the rules compare with bounds far coarser than a float's precision."""
    for index, column in enumerate(rows.schema):
        if pa.types.is_decimal(column.type):
            rows = rows.set_column(index, column.name, rows.column(index).cast(pa.float64()))
    frame: pd.DataFrame = rows.to_pandas()
    return frame


def check(frame: DataFrame | pd.DataFrame, name: str, rules: Sequence[Rule]) -> GateResult:
    """Runs rules on a frame of Spark or pandas by the library alone: one yes-or-no pass over all, then
    details of what failed only. What counting is held against.
    """
    library = _library()
    context = library.context()
    batch = _batch(context, frame, name)
    made = [library.make(rule) for rule in rules]
    answer = _validate(context, batch, frame, made, "BOOLEAN_ONLY", f"{name}_gate")
    failed = [rule for rule, passed in zip(rules, answer, strict=True) if not passed["success"]]
    return _judged(name, rules, _shown(frame, name, failed) if failed else {})


def check_counted(frame: DataFrame, name: str, rules: Sequence[Rule]) -> GateResult:
    """The same for a frame of any size: rows that break each rule counted in one pass of Spark."""
    counts = count_broken(frame, rules)
    return _judged(
        name,
        rules,
        {
            rule: f"{rule.text}: fails on {count} rows"
            for rule, count in zip(rules, counts, strict=True)
            if count
        },
    )


def _shown(frame: DataFrame | pd.DataFrame, name: str, failed: Sequence[Rule]) -> dict[Rule, str]:
    """Of each rule that the library, too, finds broken: on how many rows, and examples of them."""
    library = _library()
    context = library.context()
    batch = _batch(context, frame, name)
    made = [library.make(rule) for rule in failed]
    details = _validate(context, batch, frame, made, "SUMMARY", f"{name}_details")
    found: dict[Rule, str] = {}
    for rule, detail in zip(failed, details, strict=True):
        if not detail["success"]:
            result = detail["result"] or {}
            examples = ", ".join(str(value) for value in (result.get("partial_unexpected_list") or [])[:3])
            found[rule] = f"{rule.text}: fails on {result.get('unexpected_count', 'some')} rows" + (
                f"{_EXAMPLES}{examples}" if examples else ""
            )
    return found


def _batch(context: Any, frame: DataFrame | pd.DataFrame, name: str) -> Any:
    sources = context.data_sources
    source = sources.add_pandas(name) if isinstance(frame, pd.DataFrame) else sources.add_spark(name)
    return source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")


def _judged(name: str, rules: Sequence[Rule], found: Mapping[Rule, str]) -> GateResult:
    """Halts on what must not go on; what only warns is kept."""
    warnings = tuple(text for rule, text in found.items() if rule.severity is Severity.WARN)
    failures = tuple(text for rule, text in found.items() if rule.severity is not Severity.WARN)
    if failures:
        raise GateHaltedError(name, failures)
    return GateResult(name, tuple(rule.text for rule in rules), (), warnings=warnings)


def _validate(
    context: Any,
    batch: Any,
    frame: DataFrame | pd.DataFrame,
    expectations: list[Any],
    detail: str,
    name: str,
) -> list[Any]:
    import great_expectations as gx

    suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations))
    definition = gx.ValidationDefinition(name=name, data=batch, suite=suite)
    answer = context.validation_definitions.add(definition).run(
        batch_parameters={"dataframe": frame}, result_format=detail
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
