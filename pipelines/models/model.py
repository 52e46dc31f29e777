"""What a trained model is, before and after the registry; free of MLflow, so that mathematics can speak of
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class TrainedModel:
    """A model as training leaves it.

    name            Registered name, for example ``credit_index``.
    files           What a scoring host needs, by file name; no pickles.
    loader_module   Importable module with ``_load_pyfunc(path)``, where path is a folder that holds
                    ``files``.
    input_example   Columns -> values of a few rows that the model takes; gives the signature.
    output_example  Columns -> values that the model answers for them.
    metrics         Name -> figure on the rows that the name tells (``test_auc``).
    params          Name -> setting that training used.
    plots           File name -> PNG bytes.
    inputs          Table name -> Delta version that was read.
    tags            Further facts: provenance, months, digest of the facts.
    """

    name: str
    files: Mapping[str, bytes]
    loader_module: str
    input_example: Mapping[str, list[Any]]
    output_example: Mapping[str, list[Any]]
    metrics: Mapping[str, float]
    params: Mapping[str, Any]
    plots: Mapping[str, bytes] = field(default_factory=dict)
    inputs: Mapping[str, int] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelBundle:
    """A promoted model whose manifest was verified before anything was parsed."""

    name: str
    version: str
    alias: str
    files: Mapping[str, bytes]
    digest: str
