"""Steps of the efficiency bill: baselines, bills."""

from __future__ import annotations

from pipelines.engine.step import Step, TrainStep
from pipelines.tables.gold import GoldDayEnergy
from pipelines.tables.silver import SilverCustomers, SilverRegisterEnergy, SilverWeather
from products.efficiency_bill.product import EFFICIENCY_BILL
from products.efficiency_bill.reached import reaches_baselines
from products.efficiency_bill.served_model import MODEL
from products.efficiency_bill.settings import EfficiencyBillSettings
from products.efficiency_bill.training import reference_in_words, train
from products.protocol import product_step

STEPS: tuple[Step | TrainStep, ...] = (
    TrainStep(
        stage="train",
        name="train-baseline",
        model=MODEL,
        reads=(GoldDayEnergy, SilverRegisterEnergy, SilverWeather, SilverCustomers),
        train=train,
        settings=(EfficiencyBillSettings,),
        may_be_empty=(SilverWeather, SilverRegisterEnergy),
        of_months=reference_in_words,
        is_reached=reaches_baselines,
    ),
    product_step(EFFICIENCY_BILL),
)
