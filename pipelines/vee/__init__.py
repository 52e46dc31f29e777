"""Validation, estimation and editing of load curves: kernels on (days x slots) arrays; no Spark inside."""

from pipelines.vee.catalogue import render_check_catalogue
from pipelines.vee.checks import CHECKS
from pipelines.vee.settings import VeeSettings

__all__ = ["CHECKS", "VeeSettings", "render_check_catalogue"]
