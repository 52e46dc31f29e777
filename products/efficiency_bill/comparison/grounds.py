"""What advice and comparison rest on beside the month itself: what its curve, its missed reads, its peers and
the model's record tell. A case that an earlier version kept has none and is judged as it was then.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PeersHidden(StrEnum):
    """Why nothing is compared with peers."""

    TOO_FEW = "too_few"
    ONE_TOO_LARGE = "one_too_large"
    PART_OF_MONTH = "part_of_month"
    NO_ENERGY = "no_energy"


class Praise(StrEnum):
    """What a customer is praised for."""

    BELOW_BASELINE = "below_baseline"
    AMONG_LOWEST_PEERS = "among_lowest_peers"


@dataclass(frozen=True)
class Bank:
    """A capacitor bank, tried on every interval of the month.

    size_kvar             Its size. [kvar]
    switched_kvarh        Lagging energy that it takes away where whole steps are switched, never more than
                          lags. [kvarh]
    fixed_lagging_kvarh   Lagging and leading energy of the curve where all of it stays on. [kvarh]
    fixed_leading_kvarh
    """

    size_kvar: int
    switched_kvarh: float
    fixed_lagging_kvarh: float
    fixed_leading_kvarh: float


@dataclass(frozen=True)
class ReactiveFinding:
    """What the reactive curve of a month tells of a power factor below its standard.

    lagging_kvarh, leading_kvarh  Sums of the curve. [kvarh]
    leading_by_hour  Leading energy by hour of the day, 24 of them. [kvarh]
    alone            The smallest switched bank with which the month keeps its standard; None: none does.
    after            The same where no energy leads any more; None where none is needed or none does.
    """

    lagging_kvarh: float
    leading_kvarh: float
    leading_by_hour: tuple[float, ...]
    alone: Bank | None
    after: Bank | None


@dataclass(frozen=True)
class HoursOfDays:
    """Days of a month with the same time-of-use periods.

    periods  Period of each quarter hour: places in ``TouPeriod``, 96 digits.
    kwh      Energy of each quarter hour, all these days together. [kWh]
    """

    periods: str
    kwh: tuple[float, ...]


@dataclass(frozen=True)
class NightLoad:
    """The load of the night, by the curve.

    night_kw, busy_kw  Mean power of the night and of the busy hours. [kW]
    base_kwh           Energy of the month up to the night's power, at whatever hour: by place in
                       ``TouPeriod`` where periods price it, else one figure; none: not told. [kWh]
    """

    night_kw: float
    busy_kw: float
    base_kwh: tuple[float, ...] = ()


@dataclass(frozen=True)
class Grounds:
    """What a case is advised and judged on.

    compared_kwh   Energy of the days that the baseline's expectation holds, and of no other; None without
                   one. [kWh]
    above_days     Days above their band, and by how much together they pass what was expected. [d, kWh]
    above_kwh
    spread_days    Days of the month, from 1, whose energy is a share of what one later read settled.
    band_coverage  Share of customers whose month really lay in its band, by the model; None where the model
                   tells none, or of too few. [1]
    plausible      Least and highest energy per floor area that the peers' distribution lets pass for one;
                   None where nothing is compared. [kWh/m2]
    peers_hidden   Why nothing is compared; None where it is, or where there is no group.
    reactive       None without a whole reactive curve or without a standard to keep.
    hours          The active curve by quarter hours; none without a whole one.
    night          None likewise.
    """

    compared_kwh: float | None = None
    above_days: int = 0
    above_kwh: float = 0.0
    spread_days: tuple[int, ...] = ()
    band_coverage: float | None = None
    plausible: tuple[float, float] | None = None
    peers_hidden: PeersHidden | None = None
    reactive: ReactiveFinding | None = None
    hours: tuple[HoursOfDays, ...] = ()
    night: NightLoad | None = None

    def is_implausible(self, intensity_kwh_per_m2: float | None) -> bool:
        """Whether an energy per floor area asks for a look at the record of the area instead of a rank.

        >>> Grounds(plausible=(1.0, 40.0)).is_implausible(53.0)
        True
        """
        if self.plausible is None or intensity_kwh_per_m2 is None:
            return False
        return not self.plausible[0] <= intensity_kwh_per_m2 <= self.plausible[1]
