"""Settings of the fee code: what counts as a plausible declaration, how the implied price is fitted, how long
a code holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from pydantic import Field, model_validator

from pipelines.settings import FrozenSettings, SettingsFile


class ImpliedPriceSettings(FrozenSettings):
    """The robust interval regression of a supplier's price."""

    min_tenants: int = Field(ge=2, description="Fewer usable declarations give no price.")
    fee_tolerance_cny: float = Field(ge=0, description="Half a step of a fee stated in fen. [CNY]")
    whole_fee_tolerance_cny: float = Field(
        ge=0, description="Half a step of a fee stated in whole yuan. [CNY]"
    )
    energy_tolerance_kwh: float = Field(
        ge=0, description="Half a step of an energy stated with decimals. [kWh]"
    )
    whole_energy_tolerance_kwh: float = Field(
        ge=0, description="Half a step of an energy stated in whole kWh. [kWh]"
    )
    reading_date_tolerance_days: float = Field(
        ge=0, description="By how much a tenant's reading may lie beside the supplier's. [d]"
    )
    weight_cap_ratio: float = Field(
        ge=1, description="A declaration weighs at most this multiple of the median energy."
    )
    dominance_cap_ratio: float = Field(
        gt=0, lt=1, description="A declaration weighs at most this share of all the others together."
    )
    agreement_ratio: float = Field(
        gt=0, lt=1, description="The band holds every price that explains this share of the weight."
    )
    leave_one_out_max_tenants: int = Field(
        ge=1, description="Of larger suppliers so many tenants are left out in turn for the error."
    )


class SignedCodeSettings(FrozenSettings):
    """The signed code and its picture."""

    validity_days: int = Field(ge=1, le=3650, description="Days for which a code holds after its issue. [d]")
    png_scale: int = Field(ge=2, le=40, description="Pixels of one module of the QR picture.")


class TransferFeeCodeSettings(SettingsFile):
    """``conf/transfer_fee_code.yaml``."""

    file: ClassVar[str] = "transfer_fee_code.yaml"
    later: ClassVar[Mapping[str, Any]] = {"unlike_before_ratio": 1_000_000, "unlike_before_months": 3}

    plausible_price_min_cny_per_kwh: Decimal = Field(
        gt=0, description="A lower charged price is taken for a slip: grey. [CNY/kWh]"
    )
    plausible_price_max_cny_per_kwh: Decimal = Field(
        gt=0, description="A higher price of the fee alone is taken for a slip: grey. [CNY/kWh]"
    )
    unlike_before_ratio: int = Field(
        ge=2, description="From so many times the energy of the tenant's earlier months on: grey, a slip."
    )
    unlike_before_months: int = Field(ge=2, description="Fewer earlier months say nothing of it.")
    max_missing_days: int = Field(ge=0, description="With more days of the master account missing: grey. [d]")
    implied_price: ImpliedPriceSettings
    code: SignedCodeSettings

    @model_validator(mode="after")
    def _ordered(self) -> TransferFeeCodeSettings:
        if self.plausible_price_min_cny_per_kwh >= self.plausible_price_max_cny_per_kwh:
            raise ValueError("plausible_price_min_cny_per_kwh must lie below plausible_price_max_cny_per_kwh")
        return self
