"""Whose curves make a customer class's profile, and which curves are affected by what is none of their own
rows: profiles, outages, the day.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.codes import EventCode, IntervalStatus
from pipelines.engine.step import Inputs, PreviousRun
from pipelines.incremental.affected import come_due, owned_by
from pipelines.periods import local_day
from pipelines.storage.scan import points_in, read_columns
from pipelines.tables.base import CUSTOMER, POINT, STRING, Table
from pipelines.tables.bronze import BronzeLoadCurves
from pipelines.tables.silver import (
    SilverCustomers,
    SilverDayCurves,
    SilverEvents,
    SilverMeterPoints,
    SilverRegisterEnergy,
)
from pipelines.transforms.curves.estimation_errors import sampled_meter_points
from pipelines.transforms.ground.in_force import newest_rows
from pipelines.vee.settings import VeeSettings

Paths = Callable[[type[Table]], Sequence[str]]
"""Table -> paths of the data files of one of its versions."""

# What is missing is filled by the profile, or evenly where the class has none of that kind of day.
_BY_PROFILE = (IntervalStatus.ESTIMATED_CLASS_PROFILE, IntervalStatus.ESTIMATED_EVEN_SHARE)


def customer_classes(paths: Paths) -> dict[str, str]:
    """The latest known price class of each meter point's customer."""

    def latest(table: type[Table], key: str, value: str) -> dict[str, str]:
        rows = read_columns(paths(table), table, [key, "valid_from_date", value])
        known = (row for row in rows.to_pylist() if row[value])
        newest = newest_rows(known, lambda row: str(row[key]))
        return {name: row[value] for name, row in newest.items()}

    classes = latest(SilverCustomers, CUSTOMER, "customer_class_code")
    owners = latest(SilverMeterPoints, POINT, CUSTOMER)
    return {meter_point: classes[customer] for meter_point, customer in owners.items() if customer in classes}


def profile_sample(sent: Iterable[str], classes: Mapping[str, str], most: int) -> dict[str, list[str]]:
    """The meter points whose curves make each class's profile: at most so many of those that sent any."""
    found: dict[str, list[str]] = {}
    for point in sampled_meter_points([name for name in sent if name in classes], classes, most):
        found.setdefault(classes[point], []).append(point)
    return found


def curves_affected_otherwise(inputs: Inputs, previous: PreviousRun, known: Collection[str]) -> set[str]:
    """Meter points whose curves may come out otherwise although none of their own rows changed."""
    # A register is believed from the day after the one that it closes.
    closed = come_due(inputs, previous, SilverRegisterEnergy, "energy_date", after_days=1) & set(known)
    return closed | _by_profile(inputs, previous, known) | _by_lasting_outage(inputs, previous) & set(known)


def _by_lasting_outage(inputs: Inputs, previous: PreviousRun) -> set[str]:
    """An outage that lasts reaches to the day of the run."""
    if local_day(inputs.now) == local_day(previous.now):
        return set()
    lasting = (ds.field("event_code") == EventCode.OUTAGE.value) & ds.field("ended_date").is_null()
    events = read_columns(
        inputs.paths(SilverEvents), SilverEvents, ["customer_id", "event_code", "ended_date"], lasting
    )
    return owned_by(set(events.column("customer_id").to_pylist()), inputs, previous)


def _by_profile(inputs: Inputs, previous: PreviousRun, known: Collection[str]) -> set[str]:
    """Meter points with intervals filled by the profile of a class whose sample, or what its sample sent, has
    changed.
    """
    most = inputs.settings.section(VeeSettings).published_errors.series
    now, then = inputs.paths(BronzeLoadCurves), previous.paths(BronzeLoadCurves)
    classes, classes_then = customer_classes(inputs.paths), customer_classes(previous.paths)
    fresh = points_in(sorted(set(now) ^ set(then)))
    if not fresh and classes == classes_then:
        return set()
    sample, before = profile_sample(known, classes, most), profile_sample(points_in(then), classes_then, most)
    changed = {
        name
        for name in {*sample, *before}
        if sample.get(name) != before.get(name) or fresh & set(sample[name])
    }
    filled = pa.array(sorted(point for point, name in classes.items() if name in changed), STRING)
    chosen = ds.field(POINT).isin(filled) & (ds.field("estimated_intervals") > 0)
    columns = [POINT, "estimated_intervals", "interval_status_codes"]
    rows = read_columns(
        inputs.current_paths(SilverDayCurves), SilverDayCurves, columns, chosen
    ).combine_chunks()
    if not rows.num_rows:
        return set()
    statuses = rows["interval_status_codes"].combine_chunks()
    by_profile = pc.is_in(
        pc.list_flatten(statuses), pa.array([int(status) for status in _BY_PROFILE], pa.int8())
    )
    return set(rows[POINT].take(pc.unique(pc.list_parent_indices(statuses).filter(by_profile))).to_pylist())
