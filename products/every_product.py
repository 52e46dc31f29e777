"""The one list of the products. Nothing below it imports it, so that each product stands without the
others.
"""

from __future__ import annotations

from products.credit_index.declaration import CREDIT_INDEX_DECLARED
from products.efficiency_bill.declaration import EFFICIENCY_BILL_DECLARED
from products.protocol import DeliveredPart, Product
from products.transfer_fee_code.declaration import TRANSFER_FEE_CODE_DECLARED

# In the order of their stages. Whoever lists products asks for this name of the module anew each time.
PRODUCTS: tuple[Product, ...] = (CREDIT_INDEX_DECLARED, EFFICIENCY_BILL_DECLARED, TRANSFER_FEE_CODE_DECLARED)


def delivered_products() -> list[tuple[Product, DeliveredPart]]:
    """The products whose months leave the house, in the order in which they are told."""
    found = [(product, part) for product in PRODUCTS if (part := product.delivered) is not None]
    return sorted(found, key=lambda each: each[1].place)


def products_as_told() -> list[Product]:
    """All products in the order in which their results are told, those that stay in the store last."""
    told = [product for product, _ in delivered_products()]
    return [*told, *(product for product in PRODUCTS if product.delivered is None)]
