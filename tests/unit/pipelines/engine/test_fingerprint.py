"""A step runs again for what it can reach: its code through any number of imports, its settings, its
facts.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipelines.engine.fingerprint import CodeDigests, code_modules, fingerprint, modules_behind, own_code
from pipelines.engine.step import Step, TrainStep, WriteMode
from pipelines.facts import load_facts, load_prices
from pipelines.facts.monthly_prices import COLUMNS, COMPONENTS
from pipelines.publication import PublicationSettings
from pipelines.settings import Settings, packaged
from pipelines.tables.gold import GoldDayEnergy
from pipelines.vee.settings import VeeSettings
from products.efficiency_bill.product import EFFICIENCY_BILL
from products.efficiency_bill.training import train
from products.protocol import product_step
from zhixiang.chain import all_steps

SOURCES = {
    "pipelines/__init__.py": "",
    "pipelines/first.py": "import json\n\nfrom pipelines.between import near\n",
    "pipelines/between/__init__.py": "BETWEEN = 1\n",
    "pipelines/between/near.py": "from ..far import FAR\n",
    "pipelines/far.py": "FAR = 1\n",
    "pipelines/second.py": "def work():\n    from pipelines.lazy import LAZY\n    return LAZY\n",
    "pipelines/lazy.py": "LAZY = 1\n",
    "pipelines/types.py": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pipelines.far import FAR\n"
        "else:\n    from pipelines.lazy import LAZY\n"
    ),
    "pipelines/named.py": 'LOADER = "pipelines.far"\nPROSE = "pipelines.lazy is not named here"\n',
    "products/__init__.py": "",
    "products/page/__init__.py": "",
    "products/page/render.py": "import pipelines.far\n",
    "products/page/templates/page.j2": "<p>word</p>\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in SOURCES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("module", "changed", "counts"),
    [
        ("pipelines.first", "pipelines/first.py", True),
        ("pipelines.first", "pipelines/between/near.py", True),
        ("pipelines.first", "pipelines/between/__init__.py", True),
        ("pipelines.first", "pipelines/far.py", True),
        ("pipelines.first", "pipelines/__init__.py", True),
        ("pipelines.first", "pipelines/lazy.py", False),
        ("pipelines.first", "pipelines/second.py", False),
        ("pipelines.second", "pipelines/lazy.py", True),
        ("pipelines.second", "pipelines/far.py", False),
        ("pipelines.types", "pipelines/far.py", False),
        ("pipelines.types", "pipelines/lazy.py", True),
        ("pipelines.named", "pipelines/far.py", True),
        ("pipelines.named", "pipelines/lazy.py", False),
        ("products.page.render", "products/page/templates/page.j2", True),
        ("products.page.render", "pipelines/far.py", True),
        ("pipelines.far", "products/page/templates/page.j2", False),
    ],
)
def test_a_change_counts_for_what_reaches_it_and_for_nothing_else(
    root: Path, module: str, changed: str, counts: bool
) -> None:
    before = CodeDigests(root).digest([module])
    assert CodeDigests(root).digest([module]) == before
    path = root / changed
    path.write_text(path.read_text(encoding="utf-8") + "\n# another word\n", encoding="utf-8")
    assert (CodeDigests(root).digest([module]) != before) is counts


def test_another_place_makes_no_other_digest_but_another_name_does(root: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(root, tmp_path / "moved"))
    assert CodeDigests(moved).digest(["products.page.render"]) == CodeDigests(root).digest(
        ["products.page.render"]
    )
    template = moved / "products" / "page" / "templates" / "page.j2"
    template.rename(template.with_name("other.j2"))
    assert CodeDigests(moved).digest(["products.page.render"]) != CodeDigests(root).digest(
        ["products.page.render"]
    )


def test_what_a_closure_a_partial_and_a_method_bring_along_counts() -> None:
    bound = partial(train)

    def closed(_inputs: Any, product: Any = None) -> Any:
        return product or bound

    assert modules_behind(closed) == {__name__, "products.efficiency_bill.training"}
    assert modules_behind(partial(closed, product=EFFICIENCY_BILL)) == {
        __name__,
        "products.efficiency_bill.training",
        "products.efficiency_bill.product",
    }
    assert modules_behind(EFFICIENCY_BILL.compute) == {"products.efficiency_bill.product"}
    step = product_step(EFFICIENCY_BILL)
    assert code_modules(step) >= {"products.protocol", "products.efficiency_bill.product"}


def reached_by(module: str) -> set[str]:
    return {step.name for step in all_steps() if module in own_code().reached(code_modules(step))}


@pytest.mark.parametrize(
    ("module", "steps"),
    [
        ("products.efficiency_bill.advice.less_energy", {"efficiency-bill"}),
        ("products.efficiency_bill.comparison.baseline", {"efficiency-bill", "train-baseline"}),
        ("products.credit_index.reasons", {"gold-indicators", "train-credit-index", "credit-index"}),
        ("products.transfer_fee_code.product", {"fee-code"}),
    ],
)
def test_what_a_product_says_is_reached_by_its_own_steps_alone(module: str, steps: set[str]) -> None:
    assert reached_by(module) == steps


def test_every_step_reaches_what_forms_its_rows() -> None:
    every = {step.name for step in all_steps() if isinstance(step, Step)}
    assert reached_by("pipelines.storage.store") >= every
    assert reached_by("pipelines.engine.revisions") >= every
    assert "train-baseline" in reached_by("products.efficiency_bill.served_model")
    assert "silver-curves" in reached_by("pipelines.transforms.curves.day_curves")


def apply(_inputs: Any) -> dict[Any, Any]:
    return {}


def step_of(**declared: Any) -> Step:
    return Step("gold", "named", (), {GoldDayEnergy: WriteMode.COMMIT_FILES}, apply, **declared)


BILLED = {"efficiency-bill", "fee-code"}


def with_threshold(settings: Settings, folder: Path, old: str, new: str) -> Settings:
    """Another conf/ in which one line of vee.yaml reads otherwise."""
    conf = Path(shutil.copytree(settings.conf_dir, folder / f"conf {new!r}"))
    text = (conf / "vee.yaml").read_text(encoding="utf-8")
    assert old in text
    (conf / "vee.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    return Settings(conf, settings.home)


def test_settings_count_where_they_are_declared_and_by_their_values(
    settings: Settings, tmp_path: Path
) -> None:
    facts = load_facts(packaged("conf") / "facts")

    def digest(step: Step | TrainStep, chosen: Settings = settings) -> str:
        return fingerprint(step, {}, {}, ["2026-09"], chosen, facts, own_code())

    changed = with_threshold(settings, tmp_path, ": 24\n", ": 25\n")
    remarked = with_threshold(settings, tmp_path, ": 24\n", ": 24  # a remark\n")
    reads, other = step_of(settings=(VeeSettings,)), step_of(settings=(PublicationSettings,))
    assert digest(reads, changed) != digest(reads) == digest(reads, remarked)
    assert digest(other, changed) == digest(other) != digest(reads)


def ran_again(
    one: Settings, other: Settings, known: Any, known_then: Any, months: Sequence[str] = ()
) -> set[str]:
    """Steps of the chain whose fingerprint differs between two rules."""
    before, after = (
        {step.name: fingerprint(step, {}, {}, months, *rules, own_code()) for step in all_steps()}
        for rules in ((one, known), (other, known_then))
    )
    return {name for name in before if before[name] != after[name]}


def test_a_threshold_or_a_price_reaches_the_steps_that_use_it(settings: Settings, tmp_path: Path) -> None:
    facts = load_facts(packaged("conf") / "facts")
    changed = with_threshold(settings, tmp_path, ": 24\n", ": 25\n")
    curves = {"silver-registers", "silver-curves", "silver-estimation-errors", "gold-day-energy"}
    assert ran_again(settings, changed, facts, facts) == curves
    priced = replace(facts, digest="another", funds=facts.energy_base)
    assert ran_again(settings, settings, facts, priced) == BILLED, "other funds cut no month"


def test_the_price_of_a_month_reaches_what_is_issued_of_that_month_alone(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(packaged("conf"), tmp_path / "conf")) / "facts"
    settings, before = Settings(folder.parent, tmp_path / "home"), load_facts(folder)
    told = [before]
    for month in ("2026-09", "2026-10"):
        rows = [f"{month},{part},0.1,Notice 1,{month}-01" for part in COMPONENTS]
        prices = tmp_path / f"{month}.csv"
        prices.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n", encoding="utf-8")
        load_prices(prices, folder)
        told.append(load_facts(folder))
    _, september, october = told
    for asked, reached in (("2026-08", set()), ("2026-09", set()), ("2026-10", BILLED)):
        assert ran_again(settings, settings, september, october, [asked]) == reached
    assert ran_again(settings, settings, before, september, ["2026-08"]) == set()
    assert ran_again(settings, settings, before, september, ["2026-09"]) == BILLED
    assert ran_again(settings, settings, september, october, ["2026-09", "2026-10"]) == BILLED


@pytest.mark.parametrize("month", ["2026-07", "2026-12"])
def test_a_price_that_begins_inside_a_month_cuts_it(settings: Settings, month: str) -> None:
    facts = load_facts(packaged("conf") / "facts")
    (funds,) = facts.funds.versions

    def beginning(day: str) -> Any:
        later = replace(funds, value=funds.value * 2, effective_from=date.fromisoformat(day))
        return replace(facts, digest=day, funds=replace(facts.funds, versions=(funds, later)))

    gold = {"gold-determinants", "gold-supplies"}
    assert ran_again(settings, settings, facts, beginning(f"{month}-11")) == BILLED | gold
    assert ran_again(settings, settings, facts, beginning(f"{month}-01")) == BILLED
    other = ran_again(settings, settings, beginning(f"{month}-11"), beginning(f"{month}-21"))
    assert other == BILLED | gold


def test_facts_count_by_subject(settings: Settings) -> None:
    facts = load_facts(packaged("conf") / "facts")
    priced = replace(facts, digest="another", funds=facts.energy_base)
    festive = replace(
        facts, digest="a third", holidays=replace(facts.holidays, names={"spring_festival": "春节"})
    )

    def digest(step: Step, known: Any) -> str:
        return fingerprint(step, {}, {}, [], settings, known, own_code())

    whole, days, none = step_of(facts=True), step_of(facts=("holidays",)), step_of()
    assert len({digest(whole, known) for known in (facts, priced, festive)}) == 3
    assert digest(days, facts) == digest(days, priced) != digest(days, festive)
    assert len({digest(none, known) for known in (facts, priced, festive)}) == 1


def test_months_count_where_the_step_says_so_and_so_do_versions_and_modes(settings: Settings) -> None:
    facts = load_facts(packaged("conf") / "facts")

    def digest(step: Step, version: int = 1, month: str = "2026-09") -> str:
        return fingerprint(step, {"read": version}, {}, [month], settings, facts, own_code())

    plain, monthly = step_of(), step_of(by_month=True)
    assert digest(plain) == digest(plain, month="2026-10") != digest(plain, version=2)
    assert digest(monthly) != digest(monthly, month="2026-10")
    replacing = Step("gold", "named", (), {GoldDayEnergy: WriteMode.REPLACE}, apply)
    assert digest(replacing) != digest(plain)
