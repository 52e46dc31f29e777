"""A home with silver and gold of the city, written in the project's own storage, and models trained on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.city_month.city import (
    BILLED,
    CUSTOMERS_PER_BLOCK,
    HISTORY_MONTHS,
    METERED_MONTHS,
    Block,
    draw_block,
    months_until,
)
from benchmarks.city_month.columns import RUN_ID
from benchmarks.city_month.gold import day_energy_of, determinants_of
from benchmarks.city_month.models import Fitted, fit_block, log_models, trained_scorer
from benchmarks.city_month.silver import (
    customers_of,
    declarations_of,
    events_of,
    meter_points_of,
    payments_of,
    weather_of,
)
from pipelines.facts import Facts, load_facts
from pipelines.settings import Settings, packaged
from pipelines.storage.data_files import WrittenFile, commit_files, write_files
from pipelines.storage.store import Store
from pipelines.tables.base import Table
from pipelines.tables.gold import GoldBillingDeterminants, GoldBillingSegments, GoldDayEnergy
from pipelines.tables.silver import (
    SilverCustomers,
    SilverEvents,
    SilverMeterPoints,
    SilverPayments,
    SilverSupplyShares,
    SilverTransferDeclarations,
    SilverWeather,
)

SEED = 20261130
INPUTS: tuple[type[Table], ...] = (
    SilverCustomers,
    SilverMeterPoints,
    SilverSupplyShares,
    SilverPayments,
    SilverEvents,
    SilverTransferDeclarations,
    SilverWeather,
    GoldDayEnergy,
    GoldBillingDeterminants,
    GoldBillingSegments,
)


def make_home(home: Path, customers: int, seed: int, say: Callable[[str], None]) -> dict[str, int]:
    """Writes and commits all that the month's steps read; returns the rows of each table.

    home  A folder that is not there yet.
    """
    settings = Settings(packaged("conf"), home)
    store, facts = Store(settings), load_facts(settings.facts_dir)
    written: dict[type[Table], list[WrittenFile]] = defaultdict(list)

    def write(table: type[Table], rows: pa.Table) -> None:
        if rows.num_rows:
            written[table] += write_files(rows, table, store.path(table))

    weather = weather_of(seed, months_until(BILLED, HISTORY_MONTHS))
    write(SilverWeather, weather)
    fitted = Fitted(settings, weather)
    for first in range(0, customers, CUSTOMERS_PER_BLOCK):
        block = draw_block(packaged("samples"), seed, first, min(CUSTOMERS_PER_BLOCK, customers - first))
        _write_block(block, seed, facts, write, fitted)
        say(f"{first + len(block.numbers):,} of {customers:,} simulated customers written")
    for table in INPUTS:
        commit_files(store, table, written[table], RUN_ID, 1, overwrite=True)
    scorer = trained_scorer(settings.conf_dir, packaged("samples"), seed)
    log_models(store, [scorer, *fitted.models(store.versions(INPUTS))], RUN_ID)
    return {table.name: sum(file.rows for file in written[table]) for table in INPUTS}


def _write_block(
    block: Block,
    seed: int,
    facts: Facts,
    write: Callable[[type[Table], pa.Table], None],
    fitted: Fitted,
) -> None:
    rng = np.random.default_rng([seed, int(block.numbers[0]), *b"records"])
    customers = customers_of(block, rng)
    write(SilverCustomers, customers)
    write(SilverMeterPoints, meter_points_of(block))
    write(SilverPayments, payments_of(block))
    write(SilverEvents, events_of(block, rng))
    declared = declarations_of(block, BILLED, rng)
    write(SilverTransferDeclarations, declared)
    fit_block(fitted, block, customers, declared)
    for month in block.city.months:
        write(GoldDayEnergy, day_energy_of(block, month))
    for month in block.city.months[-METERED_MONTHS:]:
        determinants, segments = determinants_of(block, packaged("samples"), month, facts)
        write(GoldBillingDeterminants, determinants)
        write(GoldBillingSegments, segments)
