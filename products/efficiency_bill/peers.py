"""Customers of the same group compared by energy per floor area."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PeerView:
    """One customer among its peers.

    count       Peers with an intensity in the month, the customer among them.
    percentile  Share of the others that use less; None below the least number of peers. [%]
    median      Of all peers. [kWh/m2]
    best        The lower quartile of all peers. [kWh/m2]
    """

    count: int
    intensity: float | None = None
    percentile: float | None = None
    median: float | None = None
    best: float | None = None


def compare_peers(intensity: Mapping[str, float | None], group: Mapping[str, str | None], least_peers: int) -> dict[str, PeerView]:
    """The view of each customer; nothing is compared in groups smaller than ``least_peers``.

    intensity  Customer -> kWh/m2 of the month, None without a floor area.
    group      Customer -> peer group, None without one.
    """
    members: dict[str, list[float]] = {}
    for name, value in intensity.items():
        if value is not None and group.get(name):
            members.setdefault(str(group[name]), []).append(value)
    return {name: _view(value, members.get(str(group.get(name)), []), least_peers) for name, value in intensity.items()}


def _view(own: float | None, peers: Sequence[float], least_peers: int) -> PeerView:
    if own is None or len(peers) < least_peers:
        return PeerView(len(peers), own)
    values = np.array(peers)
    below = float((values < own).sum()) / (len(peers) - 1) * 100
    return PeerView(len(peers), own, below, float(np.median(values)), float(np.quantile(values, 0.25)))
