"""Every file of thresholds in conf/."""

from __future__ import annotations

from pipelines.formats import FormatSettings
from pipelines.publication import PublicationSettings
from pipelines.settings import SettingsFile
from pipelines.vee import VeeSettings
from products import every_product


def setting_files() -> tuple[type[SettingsFile], ...]:
    """Every file of thresholds in conf/."""
    own = (product.settings for product in every_product.PRODUCTS)
    return (FormatSettings, VeeSettings, PublicationSettings, *own)
