"""Customers of the same group compared by energy per floor area."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.arrays import FloatArray
from pipelines.publication import PublicationSettings, is_publishable
from products.efficiency_bill.comparison.grounds import PeersHidden


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
class PeerNorms:
    """What a group says of its members' figures.

    plausible  Least and highest energy per floor area that its distribution lets pass for one; None where it
               has too few to tell. [kWh/m2]
    hidden     Why nothing is compared; None where it is, or where there is no group.
    """

    plausible: tuple[float, float] | None = None
    hidden: PeersHidden | None = None


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
class Grouped:
    """What some customers bring into the groups, without their names: a city's fit into one process.

    intensities  Group -> of those that have one. [kWh/m2]
    energies     Group -> theirs, in the same order. [kWh]
    """

    intensities: Mapping[str, FloatArray]
    energies: Mapping[str, FloatArray]

    @classmethod
    def of(cls, members: Iterable[Member]) -> Grouped:
        """Customers without a group or a floor area are left out."""
        held: dict[str, list[tuple[float, float]]] = {}
        for member in members:
            if member.group and member.intensity is not None:
                held.setdefault(member.group, []).append((member.intensity, member.energy_kwh))
        columns = {name: np.array(found, dtype=np.float64) for name, found in held.items()}
        return cls(
            {name: found[:, 0] for name, found in columns.items()},
            {name: found[:, 1] for name, found in columns.items()},
        )

    @classmethod
    def together(cls, parts: Sequence[Grouped]) -> Grouped:
        """All customers of several parts."""
        names = dict.fromkeys(name for part in parts for name in part.intensities)

        def joined(arrays: Sequence[Mapping[str, FloatArray]]) -> dict[str, FloatArray]:
            return {name: np.concatenate([part[name] for part in arrays if name in part]) for name in names}

        return cls(joined([part.intensities for part in parts]), joined([part.energies for part in parts]))

    def as_told(self) -> dict[str, list[str]]:
        """Group -> both arrays, fit for JSON."""
        return {
            name: [b64encode(each.tobytes()).decode() for each in (values, self.energies[name])]
            for name, values in self.intensities.items()
        }

    @classmethod
    def from_told(cls, told: Mapping[str, Sequence[str]]) -> Grouped:
        """The inverse of as_told."""
        columns = {
            name: [np.frombuffer(b64decode(text), np.float64) for text in texts]
            for name, texts in told.items()
        }
        return cls(
            {name: found[0] for name, found in columns.items()},
            {name: found[1] for name, found in columns.items()},
        )


@dataclass(frozen=True)
class _Group:
    """Intensities of a group, rising [kWh/m2], the quartiles of the logarithms of those that use anything,
    whether they are enough to compare and whether its figures may be published.
    """

    values: FloatArray
    log_quartiles: tuple[float, float] | None
    is_enough: bool
    is_shown: bool
    median: float
    best: float

    @classmethod
    def of(cls, intensities: FloatArray, energies: FloatArray, limits: PublicationSettings) -> _Group:
        values = np.sort(intensities)
        is_shown = is_publishable(energies.tolist(), limits)
        is_enough = len(values) >= limits.least_members
        used = np.log(values[values > 0])
        quartiles = None
        if used.size:
            quartiles = float(np.quantile(used, 0.25)), float(np.quantile(used, 0.75))
        return cls(
            values, quartiles, is_enough, is_shown, float(np.median(values)), float(np.quantile(values, 0.25))
        )

    def plausible(self, quartile_ranges: float) -> tuple[float, float] | None:
        """So many interquartile ranges outside the quartiles of the logarithms; who uses nothing is left
        aside. [kWh/m2]
        """
        if not self.is_enough or self.log_quartiles is None:
            return None
        low, high = self.log_quartiles
        reach = quartile_ranges * (high - low)
        # Beyond what a double holds there is no limit.
        edges = np.exp(np.clip([low - reach, high + reach], -700.0, 700.0))
        return round(float(edges[0]), 6), round(float(edges[1]), 6)


class PeerGroups:
    """The groups of a month; nothing is compared in those whose figures may not be published (15/15 rule).

    members  Every billed customer's.
    """

    def __init__(self, members: Grouped, limits: PublicationSettings) -> None:
        self._groups: Mapping[str, _Group] = {
            name: _Group.of(found, members.energies[name], limits)
            for name, found in members.intensities.items()
        }

    def view(self, member: Member) -> PeerView:
        """A member among its peers."""
        group, own = self._groups.get(member.group or ""), member.intensity
        if group is None:
            return PeerView(0, own)
        if own is None or not group.is_shown:
            return PeerView(len(group.values), own)
        below = float(np.searchsorted(group.values, own)) / (len(group.values) - 1) * 100
        return PeerView(len(group.values), own, below, group.median, group.best)

    def norms(self, member: Member, quartile_ranges: float) -> PeerNorms:
        """What its group says of a member's figure."""
        group = self._groups.get(member.group or "")
        if group is None or member.intensity is None:
            return PeerNorms()
        hidden = None
        if not group.is_shown:
            hidden = PeersHidden.ONE_TOO_LARGE if group.is_enough else PeersHidden.TOO_FEW
        return PeerNorms(group.plausible(quartile_ranges), hidden)
