"""What a fact file may hold: each refusal names the line, the way to the key and what was expected."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from pipelines.errors import FactFileError
from pipelines.facts import load_facts
from pipelines.facts.fact_index import FILES, read_fact_file
from pipelines.settings import packaged

FOLDER = packaged("conf") / "facts"
FACTOR, USE = "power_factor_adjustment.yaml", "time_of_use.yaml"


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            FACTOR,
            "- {steps: 5, percent: 1}",
            "- {steps: 5, percent: much}",
            "penalties.1.percent must be a number from 0 to 10, not 'much'",
        ),
        (FACTOR, "- {steps: 5, percent: 1}", "- {steps: 5}", "the key 'percent' is missing"),
        (FACTOR, "- {steps: 5, percent: 1}", "- 5", "penalties.1 must be a mapping"),
        (FACTOR, '"0.97": [-0.75,', '"0.97": [none,', "printed.0.97.0 must be a number, not 'none'"),
        (FACTOR, '"0.97": [-0.75,', '"x": [-0.75,', "'x' is no power factor"),
        (FACTOR, '"0.90": [{up_to', '"nan": [{up_to', "'nan' is no power factor"),
        (
            USE,
            "months: [1, 7, 8, 12]",
            "months: [yes, 7, 8, 12]",
            "months.0 must be a whole number from 1 to 12, not True",
        ),
        (
            USE,
            "months: [1, 7, 8, 12]",
            "months: [[1], 7, 8, 12]",
            "months.0 must be a whole number from 1 to 12, not [Decimal('1')]",
        ),
        ("tariffs/transmission.yaml", "reading: corrected_labels", "reading: []", "reading must be a text"),
        ("tariffs/funds.yaml", "value: 0.02923875", "value:", "the key 'value' is missing"),
        ("tariffs/funds.yaml", "unit: CNY/kWh", "unit:", "the key 'unit' is missing"),
        ("published_scales.yaml", "limits: [0.6, 2.0]", "limits: none", "limits must be a list"),
        (
            "transfer_supply.yaml",
            "red_min_ratio: 0.30,",
            "red_min_ratio: null,",
            "the key 'red_min_ratio' is missing",
        ),
    ],
)
def test_a_refusal_names_line_key_and_what_was_expected(
    name: str, old: str, new: str, message: str, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(FOLDER, tmp_path / "facts"))
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(FactFileError) as raised:
        load_facts(folder)
    assert message in raised.value.message
    assert (raised.value.path, raised.value.line) == (name, text[: text.index(old)].count("\n") + 1)


def test_an_unknown_key_is_told_what_is_known(tmp_path: Path) -> None:
    text = (FOLDER / "basic_charge.yaml").read_text(encoding="utf-8")
    (tmp_path / "basic_charge.yaml").write_text(
        text.replace("every_months: 3", "each_months: 3", 1), encoding="utf-8"
    )
    with pytest.raises(FactFileError, match="'each_months' is not known here") as raised:
        read_fact_file(tmp_path, "basic_charge.yaml")
    assert raised.value.hint == "Known: begins, every_months, notice_working_days."


@pytest.mark.parametrize("wrong", ["zzz", "[]", "{a: 1}", "null", "true", "2031-01-01", "-7"])
def test_nothing_but_a_refusal_with_a_line_comes_of_a_value_of_another_type(
    wrong: str, tmp_path: Path
) -> None:
    """One value in five of a file of each shape, in turn."""
    refusals: list[FactFileError] = []
    for name in (FACTOR, "published_scales.yaml", "late_payment.yaml", "tariffs/residential_tiers.yaml"):
        text = (FOLDER / name).read_text(encoding="utf-8")
        (tmp_path / name).parent.mkdir(exist_ok=True)
        for node in scalars(yaml.compose(text, Loader=yaml.CSafeLoader))[::5]:
            start, end = node.start_mark.index, node.end_mark.index
            tail = "\n" if "\n" in text[start:end] else ""
            (tmp_path / name).write_text(text[:start] + wrong + tail + text[end:], encoding="utf-8")
            try:
                read_fact_file(tmp_path, name)
            except FactFileError as refused:
                refusals.append(refused)
    assert refusals
    assert [str(refused) for refused in refusals if refused.line is None] == []


def scalars(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [found for _, value in node.value for found in scalars(value)]
    if isinstance(node, yaml.SequenceNode):
        return [found for value in node.value for found in scalars(value)]
    return [node]


def test_numbers_stay_exact() -> None:
    found = {fact_id: dated for name in FILES for fact_id, dated in read_fact_file(FOLDER, name)[0].items()}
    assert str(found["funds"].versions[0].value) == "0.02923875"
    assert found["basic_charge.demand"].versions[0].value.minimum_capacity_ratio == Decimal("0.40")
    assert str(found["basic_charge.demand"].versions[0].value.minimum_capacity_ratio) == "0.40"
    assert type(found["basic_charge.notice.basis"].versions[0].value.every_months) is int
