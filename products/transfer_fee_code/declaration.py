"""What the fee code says of itself."""

from __future__ import annotations

from products.protocol import DeliveredPart, Product
from products.transfer_fee_code.settings import TransferFeeCodeSettings
from products.transfer_fee_code.tables import TransferFeeCodeEvidenceV1, TransferFeeCodeV1

TRANSFER_FEE_CODE_DECLARED = Product(
    name="fee-code",
    subject="tenant_id",
    customer="supplier_customer_id",
    result=TransferFeeCodeV1,
    evidence=(TransferFeeCodeEvidenceV1,),
    told=("mark_up_pct", "colour_code"),
    settings=TransferFeeCodeSettings,
    steps="products.transfer_fee_code.steps:STEPS",
    delivered=DeliveredPart(
        name="codes",
        deliver="zhixiang.delivery.codes:deliver_codes",
        title_zh="转供电费码",
        title_en="fee codes",
        place=3,
    ),
)
