"""The model as it is served: prices of suppliers' months out of one JSON file; read by MLflow and by the
product alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.errors import TamperedError
from pipelines.periods import BillingMonth
from products.transfer_fee_code.price.implied_price import PriceFits, price_intervals
from products.transfer_fee_code.settings import ImpliedPriceSettings, TransferFeeCodeSettings

if TYPE_CHECKING:
    import pandas as pd

MODEL = "transfer_fee_implied_price"
FILE = "implied_price.json"
FORMAT = "zhixiang.transfer_fee_implied_price/1"
TOO_FEW = "too_few_tenants"
NOT_SEEN = "supplier_month_not_in_model"
_DECIMALS = 6


@dataclass(frozen=True)
class SupplierPrice:
    """The implied price of one supplier's month; None where it has none.

    reason  Why there is none: too_few_tenants or supplier_month_not_in_model; empty where there is one.
    """

    supplier_customer_id: str
    billing_month: str
    price_cny_per_kwh: float | None
    low_cny_per_kwh: float | None
    high_cny_per_kwh: float | None
    tenants: int
    tenants_inside: int
    is_single_price: bool | None
    reason: str


@dataclass(frozen=True)
class ImpliedPrices:
    """All prices of a model, with the settings that they were fitted under.

    plausible  Range of prices that counted. [CNY/kWh]
    """

    settings: ImpliedPriceSettings
    plausible: tuple[float, float]
    prices: Mapping[tuple[str, str], SupplierPrice]

    @classmethod
    def none(cls, settings: TransferFeeCodeSettings) -> ImpliedPrices:
        """A model that has seen no supplier's month."""
        plausible = (settings.plausible_price_min_cny_per_kwh, settings.plausible_price_max_cny_per_kwh)
        return cls(settings.implied_price, (float(plausible[0]), float(plausible[1])), {})

    def of(self, supplier_customer_id: str, billing_month: str) -> SupplierPrice:
        """The price of a supplier's month; one the model never saw has none and says so."""
        unseen = SupplierPrice(supplier_customer_id, billing_month, None, None, None, 0, 0, None, NOT_SEEN)
        return self.prices.get((supplier_customer_id, billing_month), unseen)

    def agreeing(
        self, prices: Sequence[SupplierPrice], fees_cny: Sequence[float], energies_kwh: Sequence[float]
    ) -> list[bool | None]:
        """Whether each declaration's interval of prices holds its supplier's price; None where either has
        none.
        """
        found: list[bool | None] = [None] * len(prices)
        known = [
            (place, price.price_cny_per_kwh, float(BillingMonth.parse(price.billing_month).day_count))
            for place, (price, energy) in enumerate(zip(prices, energies_kwh, strict=True))
            if price.price_cny_per_kwh is not None and energy > 0
        ]
        places = [place for place, _, _ in known]
        interval = price_intervals(
            np.array([fees_cny[place] for place in places]),
            np.array([energies_kwh[place] for place in places]),
            np.array([days for _, _, days in known]),
            self.settings,
            self.plausible,
        )
        slack, of_suppliers = 10.0**-_DECIMALS, np.array([price for _, price, _ in known])
        inside = (interval.low - slack <= of_suppliers) & (of_suppliers <= interval.high + slack)
        for place, is_inside in zip(places, inside.tolist(), strict=True):
            found[place] = is_inside
        return found

    def to_json(self) -> bytes:
        """Canonical bytes: the same prices always give the same file."""
        content = {
            "format": FORMAT,
            "settings": self.settings.model_dump(),
            "plausible_cny_per_kwh": list(self.plausible),
            "prices": [asdict(self.prices[key]) for key in sorted(self.prices)],
        }
        return (
            json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
        ).encode()

    @classmethod
    def from_json(cls, content: bytes) -> ImpliedPrices:
        """The inverse of to_json; raises TamperedError for anything else."""
        try:
            read: dict[str, Any] = json.loads(content)
            if read["format"] != FORMAT:
                raise ValueError(read["format"])
            prices = [SupplierPrice(**entry) for entry in read["prices"]]
            low, high = (float(edge) for edge in read["plausible_cny_per_kwh"])
            settings = ImpliedPriceSettings.model_validate(read["settings"])
        except (ValueError, KeyError, TypeError) as error:
            raise TamperedError(
                f"{FILE} is not a model of {MODEL}: {error}.",
                "Train it again with `zhixiang run --from train`.",
            ) from None
        return cls(
            settings,
            (low, high),
            {(price.supplier_customer_id, price.billing_month): price for price in prices},
        )


def supplier_prices(keys: Sequence[tuple[str, str]], fits: PriceFits) -> dict[tuple[str, str], SupplierPrice]:
    """One entry per supplier's month, rounded to a millionth of a yuan."""
    prices: dict[tuple[str, str], SupplierPrice] = {}
    for position, (supplier, month) in enumerate(keys):
        found = bool(np.isfinite(fits.price[position]))
        price, low, high = (
            round(float(values[position]), _DECIMALS) if found else None
            for values in (fits.price, fits.low, fits.high)
        )
        prices[(supplier, month)] = SupplierPrice(
            supplier_customer_id=supplier,
            billing_month=month,
            price_cny_per_kwh=price,
            low_cny_per_kwh=low,
            high_cny_per_kwh=high,
            tenants=int(fits.tenants[position]),
            tenants_inside=int(fits.inside[position]),
            is_single_price=bool(fits.is_single[position]) if found else None,
            reason="" if found else TOO_FEW,
        )
    return prices


class ServedModel:
    """What MLflow calls: declarations in, implied prices out."""

    def __init__(self, prices: ImpliedPrices) -> None:
        self.prices = prices

    def predict(self, declarations: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Implied price, band and agreement of each row.

        declarations  Columns supplier_customer_id, billing_month, fee_cny, energy_kwh.
        """
        del params
        import pandas as pd

        answers = [
            answer(
                self.prices,
                str(row["supplier_customer_id"]),
                str(row["billing_month"]),
                float(row["fee_cny"]),
                float(row["energy_kwh"]),
            )
            for row in declarations.to_dict("records")
        ]
        return pd.DataFrame(answers, columns=list(answer(self.prices, "", "", 0.0, 0.0)))


def answer(
    prices: ImpliedPrices, supplier_customer_id: str, billing_month: str, fee_cny: float, energy_kwh: float
) -> dict[str, Any]:
    """One row of the model's answer; NaN where there is no price."""
    price = prices.of(supplier_customer_id, billing_month)
    (agrees,) = prices.agreeing([price], [fee_cny], [energy_kwh])
    return {
        "implied_price_cny_per_kwh": _number(price.price_cny_per_kwh),
        "implied_low_cny_per_kwh": _number(price.low_cny_per_kwh),
        "implied_high_cny_per_kwh": _number(price.high_cny_per_kwh),
        "tenants": price.tenants,
        "is_inside": bool(agrees),
        "reason": price.reason,
    }


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _load_pyfunc(path: str) -> ServedModel:
    """MLflow's entry: ``path`` is a folder that holds the model's file."""
    return ServedModel(ImpliedPrices.from_json((Path(path) / FILE).read_bytes()))
