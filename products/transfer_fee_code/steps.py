"""Steps of the transfer-supply fee code: implied prices, codes."""

from __future__ import annotations

from pipelines.engine.step import Step, TrainStep
from pipelines.tables.silver import SilverTransferDeclarations
from products.protocol import product_step
from products.transfer_fee_code.product import TRANSFER_FEE_CODE
from products.transfer_fee_code.reached import reaches_codes
from products.transfer_fee_code.served_model import MODEL
from products.transfer_fee_code.settings import TransferFeeCodeSettings
from products.transfer_fee_code.training import train

STEPS: tuple[Step | TrainStep, ...] = (
    TrainStep(
        stage="train",
        name=f"train_{MODEL}",
        model=MODEL,
        reads=(SilverTransferDeclarations,),
        train=train,
        settings=(TransferFeeCodeSettings,),
    ),
    product_step(TRANSFER_FEE_CODE, reaches_codes),
)
