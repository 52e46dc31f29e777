"""How a month stands: whether its band may be trusted, whether it deserves praise."""

from __future__ import annotations

from products.efficiency_bill.comparison.grounds import Grounds, Praise
from products.efficiency_bill.settings import EfficiencyBillSettings


def is_band_trusted(grounds: Grounds, settings: EfficiencyBillSettings) -> bool:
    """Whether the bands held often enough in months really billed; where that was not measured they are
    taken to.
    """
    return grounds.band_coverage is None or grounds.band_coverage >= settings.least_band_coverage


def praises(
    grounds: Grounds,
    baseline: tuple[float, float, float] | None,
    percentile: float | None,
    settings: EfficiencyBillSettings,
) -> list[Praise]:
    """What the month is praised for.

    baseline    (expected, low, high), or None. [kWh]
    percentile  Share of the other peers that use less per floor area; None without a rank. [%]
    """
    found: list[Praise] = []
    # A supply that took nothing stood empty or was not counted: nobody saved anything.
    below = baseline is not None and grounds.compared_kwh and grounds.compared_kwh < baseline[1]
    if below and is_band_trusted(grounds, settings):
        found.append(Praise.BELOW_BASELINE)
    if percentile is not None and percentile <= settings.praised_percentile_pct:
        found.append(Praise.AMONG_LOWEST_PEERS)
    return found


def is_praised(
    grounds: Grounds,
    baseline: tuple[float, float, float] | None,
    percentile: float | None,
    settings: EfficiencyBillSettings,
) -> bool:
    """Whether nothing asks such a customer for less: praised, or below the band where it is not trusted to
    praise by.
    """
    is_below = (
        baseline is not None and grounds.compared_kwh is not None and grounds.compared_kwh < baseline[1]
    )
    return is_below or bool(praises(grounds, baseline, percentile, settings))
