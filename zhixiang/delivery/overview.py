"""The overview: one page that links everything, with pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from products import every_product
from zhixiang.delivery.context import Delivery
from zhixiang.delivery.truth import truths
from zhixiang.pages.site import PAGES
from zhixiang.pasteable import browse_registry


def write_index_page(delivery: Delivery, parts: Mapping[str, Any], quality: Mapping[str, Any]) -> None:
    """Writes ``index.html``.

    parts    Summary of each delivered product by the name of its part, in the order of the page.
    quality  Summary of the quality page.
    """
    shown = [(part, parts[part.name]) for _, part in every_product.delivered_products()]
    PAGES.write_page(
        delivery.out / "index.html",
        "index.html.j2",
        has_pictures=True,
        months=[str(month) for month in delivery.months],
        parts=shown,
        pictures=[picture for _, summary in shown for picture in summary["pictures"]],
        quality=quality,
        truth=truths(delivery.store, [label for _, summary in shown for label in summary["labels"]]),
        models=delivery.registry.known(),
        browse_registry=browse_registry(delivery.registry.tracking_uri),
    )
