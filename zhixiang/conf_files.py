"""Every file of thresholds in conf/."""

from __future__ import annotations

from pipelines.formats import FormatSettings
from pipelines.publication import PublicationSettings
from pipelines.settings import SettingsFile
from pipelines.vee import VeeSettings


def setting_files() -> tuple[type[SettingsFile], ...]:
    """Every file of thresholds in conf/."""
    from products.credit_index.settings import CreditIndexSettings
    from products.efficiency_bill.settings import EfficiencyBillSettings
    from products.transfer_fee_code.settings import TransferFeeCodeSettings

    return (
        FormatSettings,
        VeeSettings,
        PublicationSettings,
        CreditIndexSettings,
        EfficiencyBillSettings,
        TransferFeeCodeSettings,
    )
