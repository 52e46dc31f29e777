"""The overview: one page that links everything, with pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from products import every_product
from zhixiang.delivery.context import Delivery
from zhixiang.pages.site import PAGES
from zhixiang.pasteable import browse_registry

TRUTH = (
    ("钢铁厂 15 分钟电量", "steel works, 15-minute energy", ("real", "dates_shifted")),
    ("楼宇日电量 252 栋", "252 buildings, daily energy", ("real", "dates_shifted")),
    ("冻结示值", "frozen registers", ("derived",)),
    ("合同：电压、容量、需量", "contracts: voltage, capacity, demand", ("assumed",)),
    ("上网电价（示意电价）", "energy price before time of use", ("illustrative",)),
    ("模拟城市 3,000 户企业及缴费", "a city of 3,000 enterprises and their payments", ("simulated",)),
    ("模拟商场与商户申报", "two malls and their tenants' declarations", ("simulated",)),
)


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
        truth=TRUTH,
        models=delivery.registry.known(),
        browse_registry=browse_registry(delivery.registry.tracking_uri),
    )
