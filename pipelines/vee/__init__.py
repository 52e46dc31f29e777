"""Validation, estimation and editing of load curves: kernels on (days x slots) arrays; no Spark inside."""

from pipelines.vee.catalogue import render_check_catalogue
from pipelines.vee.settings import VeeSettings
from pipelines.vee.validation.checks import CHECKS

__all__ = ["CHECKS", "VeeSettings", "render_check_catalogue"]
