"""Customers of the same group compared by energy per floor area."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from pipelines.arrays import FloatArray
from pipelines.publication import PublicationSettings, is_publishable


@dataclass(frozen=True)
class PeerView:
    """One customer among its peers.

    count       Peers with an intensity in the month, the customer among them.
    percentile  Share of the others that use less; None where the group may not be published. [%]
    median      Of all peers. [kWh/m2]
    best        The lower quartile of all peers. [kWh/m2]
    """

    count: int
    intensity: float | None = None
    percentile: float | None = None
    median: float | None = None
    best: float | None = None


@dataclass(frozen=True)
class Member:
    """What a customer brings into its group.

    group       Peer group; None without one.
    intensity   Of the month; None without a floor area. [kWh/m2]
    energy_kwh  Of the month: by it a member's share of its group is measured.
    """

    group: str | None
    intensity: float | None
    energy_kwh: float


def member_of(group: str | None, energy_kwh: float, floor_area_m2: float | None) -> Member:
    """A customer's member by its floor area.

    >>> member_of("offices", 1200.0, 100.0).intensity
    12.0
    """
    return Member(group, energy_kwh / floor_area_m2 if floor_area_m2 else None, energy_kwh)


@dataclass(frozen=True)
class _Group:
    """Intensities of a group, rising [kWh/m2], and whether its figures may be published."""

    values: FloatArray
    is_shown: bool
    median: float
    best: float


class PeerGroups:
    """The groups of a month; nothing is compared in those whose figures may not be published (15/15 rule).

    members  Every billed customer's.
    """

    def __init__(self, members: Iterable[Member], limits: PublicationSettings) -> None:
        held: dict[str, list[Member]] = {}
        for member in members:
            if member.group and member.intensity is not None:
                held.setdefault(member.group, []).append(member)
        self._groups: Mapping[str, _Group] = {name: _group(found, limits) for name, found in held.items()}

    def view(self, member: Member) -> PeerView:
        """A member among its peers."""
        group, own = self._groups.get(member.group or ""), member.intensity
        if group is None:
            return PeerView(0, own)
        if own is None or not group.is_shown:
            return PeerView(len(group.values), own)
        below = float(np.searchsorted(group.values, own)) / (len(group.values) - 1) * 100
        return PeerView(len(group.values), own, below, group.median, group.best)


def _group(members: list[Member], limits: PublicationSettings) -> _Group:
    values = np.sort(np.array([member.intensity for member in members], dtype=np.float64))
    is_shown = is_publishable([member.energy_kwh for member in members], limits)
    return _Group(values, is_shown, float(np.median(values)), float(np.quantile(values, 0.25)))
