"""What the efficiency bill says of itself."""

from __future__ import annotations

from products.efficiency_bill.settings import EfficiencyBillSettings
from products.efficiency_bill.tables import (
    EfficiencyBillAdviceV1,
    EfficiencyBillCorrectionsV1,
    EfficiencyBillInputsV1,
    EfficiencyBillLinesV1,
    EfficiencyBillUnbilledV1,
    EfficiencyBillV1,
)
from products.protocol import DeliveredPart, Product

EFFICIENCY_BILL_DECLARED = Product(
    name="efficiency-bill",
    subject="customer_id",
    customer="customer_id",
    result=EfficiencyBillV1,
    evidence=(
        EfficiencyBillLinesV1,
        EfficiencyBillAdviceV1,
        EfficiencyBillInputsV1,
        EfficiencyBillCorrectionsV1,
    ),
    own_tables=(EfficiencyBillUnbilledV1,),
    corrections=EfficiencyBillCorrectionsV1,
    told=("total_cny", "energy_kwh"),
    settings=EfficiencyBillSettings,
    steps="products.efficiency_bill.steps:STEPS",
    delivered=DeliveredPart(
        name="bills",
        deliver="zhixiang.delivery.bills:deliver_bills",
        title_zh="能效账单",
        title_en="efficiency bills",
        place=1,
    ),
)
