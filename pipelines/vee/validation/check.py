"""What a check is: an entry of a list, with the kernel that decides and the settings that steer it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

import numpy as np

from pipelines.arrays import BoolArray
from pipelines.codes import RejectReason, Severity
from pipelines.periods import EPOCH
from pipelines.vee.moved_settings import TOLD_AS
from pipelines.vee.settings import VeeSettings

Parameters = Mapping[str, Any]
Kernel = Callable[[Any, Parameters], BoolArray]

ALWAYS = EPOCH
"""A rule that has no first day."""

TRADE = "Names in common use in the trade; thresholds are the project's own."
TIANJIN = "State Grid Tianjin 2018 (handmsg.com, 2018-07-11)"


class Level(StrEnum):
    """On what a check is decided, and so which block its kernel sees and where what it finds is kept."""

    RECORD = "record"
    """RecordBlock -> (records); a failed record goes to ``silver_quarantine``."""
    INTERVAL = "interval"
    """CurveBlock -> (days x slots), or (days) for whole days; kept in ``silver_day_curves.failed_check_bits``
    and ``failed_checks``.
    """
    REGISTER = "register"
    """RegisterBlock -> (reads); kept in ``silver_register_findings``."""
    DAY = "day"
    """DayBlock -> (days of energy); kept in ``gold_day_findings``."""


@dataclass(frozen=True)
class Eligibility:
    """Which rows a check may judge.

    text  The rule in words, for the catalogue.
    rows  Block -> (rows) booleans; none: every row.
    """

    text: str
    rows: Callable[[Any], BoolArray] | None = None


EVERY = Eligibility("all")
ACTIVE_FORWARD = Eligibility("active energy drawn", lambda block: block.counts_use)
CAPACITY_KNOWN = Eligibility("capacity known", lambda block: ~np.isnan(block.capacity_kva))


@dataclass(frozen=True, eq=False)
class Check:
    """One validation rule.

    id           Stable name, never used again for another rule.
    level        What it is decided on.
    title        What is found; ``title_zh`` the same in the trade's Chinese.
    severity     invalid: the value is estimated; quarantine: the record never enters silver; warn and info:
                 the value stays.
    source       Where the rule comes from.
    kernel       (block, parameters) -> where the rule fails; every kernel sees the values as they were
                 received.
    settings     Parameter of the kernel -> dotted name of the key in ``vee.yaml`` that holds it, or a number
                 that belongs to this entry.
    eligibility  Which rows are judged.
    valid_from   Local days before it are not judged.
    bit          Position in ``failed_check_bits``, for checks of intervals; never used again.
    reason       Reason code, column and sentence of the quarantine, for checks of records.
    blind        What it does not find though one might expect it to, for the catalogue.
    """

    id: str
    level: Level
    title: str
    title_zh: str
    severity: Severity
    source: str
    kernel: Kernel
    settings: Mapping[str, str | float] = field(default_factory=dict)
    eligibility: Eligibility = EVERY
    valid_from: date = ALWAYS
    bit: int | None = None
    reason: tuple[RejectReason, str, str] | None = None
    blind: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of ``vee.yaml`` that steer it."""
        return tuple(value for value in self.settings.values() if isinstance(value, str))

    def parameters(self, settings: VeeSettings) -> dict[str, Any]:
        """The kernel's parameters with their values."""
        return {
            name: settings.value_of(value) if isinstance(value, str) else value
            for name, value in self.settings.items()
        }

    def limits(self, settings: VeeSettings) -> str | None:
        """The thresholds in words, ``name=value``; none where there are none.

        The words stand in tables, so a key that has moved in conf/ is told by the name that it had first.
        """
        named = {
            TOLD_AS.get(value, value) if isinstance(value, str) else name: self.parameters(settings)[name]
            for name, value in self.settings.items()
        }
        return ", ".join(f"{name}={value:g}" for name, value in named.items()) or None

    def failed(self, block: Any, settings: VeeSettings) -> BoolArray:
        """What the kernel finds among the rows that the check may judge."""
        found = self.kernel(block, self.parameters(settings))
        judged = self.eligibility.rows(block) if self.eligibility.rows is not None else None
        first = (self.valid_from - EPOCH).days
        if block.day_numbers.size and int(block.day_numbers.min()) < first:
            late = block.day_numbers >= first
            judged = late if judged is None else judged & late
        if judged is not None and not judged.all():
            found[~judged] = False
        return found
