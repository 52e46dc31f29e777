"""Transfer-supply fee code (转供电费码): price comparison, colour, implied price, signed code, pages."""

from pipelines.steps import Step, TrainStep
from pipelines.tables.silver import SilverTransferDeclarations
from products.protocol import product_step
from products.transfer_fee_code.product import TRANSFER_FEE_CODE
from products.transfer_fee_code.served_model import MODEL
from products.transfer_fee_code.training import train

STEPS: tuple[Step | TrainStep, ...] = (
    TrainStep(stage="train", name=f"train_{MODEL}", model=MODEL, reads=(SilverTransferDeclarations,), train=train),
    product_step(TRANSFER_FEE_CODE),
)

__all__ = ["STEPS", "TRANSFER_FEE_CODE"]
