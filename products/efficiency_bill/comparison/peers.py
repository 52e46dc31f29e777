"""Customers of the same group compared by energy per floor area."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

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


def compare_peers(
    intensity: Mapping[str, float | None],
    group: Mapping[str, str | None],
    energy: Mapping[str, float],
    limits: PublicationSettings,
) -> dict[str, PeerView]:
    """The view of each customer; nothing is compared in groups whose figures may not be published (15/15
    rule).

    intensity  Customer -> kWh/m2 of the month, None without a floor area.
    group      Customer -> peer group, None without one.
    energy     Customer -> kWh of the month: by it a member's share of its group is measured.
    """
    members: dict[str, list[float]] = {}
    weights: dict[str, list[float]] = {}
    for name, value in intensity.items():
        if value is not None and group.get(name):
            members.setdefault(str(group[name]), []).append(value)
            weights.setdefault(str(group[name]), []).append(energy[name])
    shown = {name for name, found in weights.items() if is_publishable(found, limits)}
    return {
        name: _view(value, members.get(str(group.get(name)), []), str(group.get(name)) in shown)
        for name, value in intensity.items()
    }


def _view(own: float | None, peers: Sequence[float], is_shown: bool) -> PeerView:
    if own is None or not is_shown:
        return PeerView(len(peers), own)
    values = np.array(peers)
    below = float((values < own).sum()) / (len(peers) - 1) * 100
    return PeerView(len(peers), own, below, float(np.median(values)), float(np.quantile(values, 0.25)))
