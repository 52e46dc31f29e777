"""The steel works of the samples in September 2026, as priced by hand in many tests: contract assumed, energy
real, dates shifted.
"""

from __future__ import annotations

from decimal import Decimal

from pipelines.codes import CustomerClass, DemandBasis, PricingScheme, TouPeriod, VoltageLevel
from pipelines.periods import BillingMonth
from pipelines.tariff import Contract
from tests.measured_months import Measured

D = Decimal

STEEL = Contract(
    CustomerClass.LARGE_INDUSTRY,
    PricingScheme.TWO_PART,
    VoltageLevel.KV_1_TO_20,
    True,
    D(800),
    D(800),
    DemandBasis.CONTRACT_DEMAND,
    D(600),
    D("0.90"),
)
STEEL_SEPTEMBER = Measured(
    BillingMonth(2026, 9),
    D("60916.39"),
    {TouPeriod.PEAK: D("19798.27"), TouPeriod.FLAT: D("27504.26"), TouPeriod.VALLEY: D("13613.86")},
    D("505.0"),
    D("34985.37"),
    D("8885.74"),
    D("0.01"),
)
