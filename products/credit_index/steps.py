"""Steps of the electricity credit index: indicators, training, scores."""

from __future__ import annotations

from pipelines.engine.step import Step, TrainStep, WriteMode
from pipelines.tables.gold import GoldDayEnergy
from pipelines.tables.silver import SilverCustomers, SilverEvents, SilverPayments
from products.credit_index.indicator_table import GoldCustomerIndicators
from products.credit_index.indicators.derive import derive_indicators
from products.credit_index.indicators.reached import reaches_indicators
from products.credit_index.product import CREDIT_INDEX
from products.credit_index.promotion import challenge
from products.credit_index.settings import CreditIndexSettings
from products.credit_index.training import MODEL, train
from products.protocol import product_step

STEPS: tuple[Step | TrainStep, ...] = (
    Step(
        stage="gold",
        name="gold-indicators",
        reads=(GoldDayEnergy, SilverPayments, SilverEvents, SilverCustomers),
        writes={GoldCustomerIndicators: WriteMode.COMMIT_FILES},
        apply=derive_indicators,
        is_reached=reaches_indicators,
        settings=(CreditIndexSettings,),
    ),
    TrainStep(
        stage="train",
        name="train-credit-index",
        model=MODEL,
        reads=(GoldCustomerIndicators, SilverPayments),
        train=train,
        challenge=challenge,
        settings=(CreditIndexSettings,),
    ),
    product_step(CREDIT_INDEX),
)
