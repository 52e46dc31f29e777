"""What the credit index says of itself."""

from __future__ import annotations

from products.credit_index.indicator_table import GoldCustomerIndicators
from products.credit_index.settings import CreditIndexSettings
from products.credit_index.tables import CreditIndexInputsV1, CreditIndexReasonsV1, CreditIndexV1
from products.protocol import DeliveredPart, Product

CREDIT_INDEX_DECLARED = Product(
    name="credit-index",
    subject="customer_id",
    customer="customer_id",
    result=CreditIndexV1,
    evidence=(CreditIndexReasonsV1, CreditIndexInputsV1),
    own_tables=(GoldCustomerIndicators,),
    told=("score_points", "grade_code"),
    settings=CreditIndexSettings,
    steps="products.credit_index.steps:STEPS",
    delivered=DeliveredPart(
        name="scores",
        deliver="zhixiang.delivery.scores:deliver_scores",
        title_zh="电力信用指数",
        title_en="credit scores",
        place=2,
    ),
)
