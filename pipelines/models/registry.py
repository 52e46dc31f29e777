"""Models: logged and versioned in MLflow, compared, promoted under an alias, and read back only as a signed
bundle.

Scoring never talks to MLflow: a model file names the class to load, so nothing is parsed before its signature
holds.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import TamperedError, UnknownNameError
from pipelines.identity.keys import MODEL_KEY, KeyRing
from pipelines.models import mlflow_store
from pipelines.models.model import ModelBundle, TrainedModel
from pipelines.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
MAX_FILE_BYTES = 256 * 1024 * 1024
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
}
_REQUIREMENTS = ["zhixiang", "xgboost", "numpy", "pandas"]


class Registry:
    """The model registry of a home.

    issued   Model -> highest number that a result names; a number is never given to a second model.
    """

    def __init__(
        self, settings: Settings, issued: Callable[[Settings], Mapping[str, int]] = lambda _: {}
    ) -> None:
        self.settings = settings
        self.issued = issued
        self.folder = settings.home / "models"
        self._keys = KeyRing(settings.home)

    @property
    def tracking_uri(self) -> str:
        """Where MLflow keeps its records."""
        return self.settings.platform.mlflow.tracking_uri or f"sqlite:///{self.settings.home / 'mlflow.db'}"

    @property
    def is_own(self) -> bool:
        """Whether MLflow's store lies in the home; else a server of somebody else's keeps it."""
        return not self.settings.platform.mlflow.tracking_uri

    def _client(self) -> MlflowClient:
        if self.is_own:
            mlflow_store.settle(self.settings.home)
        os.environ.update(_ENVIRONMENT)
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        import mlflow

        mlflow.set_tracking_uri(self.tracking_uri)
        client = mlflow.MlflowClient(self.tracking_uri)
        name = self.settings.platform.mlflow.experiment
        if client.get_experiment_by_name(name) is None:
            place = self.settings.home.absolute() / mlflow_store.ARTIFACTS
            artifacts = place.as_uri() if self.is_own else None
            with suppress(mlflow.exceptions.MlflowException):  # another process made it meanwhile
                client.create_experiment(name, artifact_location=artifacts)
        mlflow.set_experiment(name)
        return client

    def warm_up(self) -> None:
        """Opens the store ahead of its first use (a new one migrates for seconds); meant for a thread of its
        own.
        """
        self._client()

    def log(self, model: TrainedModel, run_id: str) -> str:
        """Logs parameters, metrics, plots, data versions, signature and files; registers a version and
        returns it.
        """
        client = self._client()
        import mlflow
        import pandas as pd
        from mlflow.models import infer_signature

        signature = infer_signature(
            pd.DataFrame(dict(model.input_example)), pd.DataFrame(dict(model.output_example))
        )
        with mlflow.start_run(run_name=f"{model.name} {run_id}"), tempfile.TemporaryDirectory() as scratch:
            mlflow.log_params(dict(model.params))
            mlflow.log_metrics(dict(model.metrics))
            mlflow.set_tags(
                {"zhixiang.run_id": run_id, **{f"zhixiang.{key}": value for key, value in model.tags.items()}}
            )
            self._log_inputs(model)
            payload = Path(scratch, model.name)
            payload.mkdir()
            for file_name, content in model.files.items():
                (payload / file_name).write_bytes(content)
            plots = Path(scratch, "plots")
            plots.mkdir()
            for file_name, content in model.plots.items():
                (plots / file_name).write_bytes(content)
            mlflow.log_artifacts(str(plots), "plots")
            logged = mlflow.pyfunc.log_model(
                name=model.name,
                loader_module=model.loader_module,
                data_path=str(payload),
                signature=signature,
                pip_requirements=_REQUIREMENTS,
                metadata={"inputs": dict(model.inputs), **dict(model.tags)},
            )
        with suppress(mlflow.exceptions.MlflowException):  # it exists from the second version on
            client.create_registered_model(model.name)
        self._count_on(client, model.name)
        version = client.create_model_version(
            model.name,
            logged.model_uri,
            logged.run_id,
            tags={f"data.{k}": str(v) for k, v in model.inputs.items()},
        )
        client.set_registered_model_alias(model.name, CHALLENGER, version.version)
        return str(version.version)

    def _log_inputs(self, model: TrainedModel) -> None:
        import mlflow
        from mlflow.data.delta_dataset_source import DeltaDatasetSource
        from mlflow.data.meta_dataset import MetaDataset

        for table, version in sorted(model.inputs.items()):
            path = f"{self.settings.tables_location}/{table}"
            source = DeltaDatasetSource(path=path, delta_table_version=version)
            digest = hashlib.sha256(f"{table}@{version}".encode()).hexdigest()[:8]
            mlflow.log_input(
                MetaDataset(source, name=f"{table}@v{version}", digest=digest), context="training"
            )

    def _count_on(self, client: MlflowClient, name: str) -> None:
        """A store that was lost begins its numbers anew: it is given those of the kept bundles and of issued
        results first.

        A number that an issued result names must not come to mean another model.
        """
        known = [int(version.version) for version in client.search_model_versions(f"name = '{name}'")]
        kept = [int(version) for version in self.versions(name)]
        highest = max([*kept, self.issued(self.settings).get(name, 0)])
        for number in range(max(known, default=0) + 1, highest + 1):
            client.create_model_version(
                name,
                (self.folder.absolute() / name / str(number)).as_uri(),
                tags={"kept": "the MLflow store was lost; the files, where kept, are the bundle in models/"},
            )
        pointer = self.folder / name / "champion.json"
        if not known and pointer.is_file():
            client.set_registered_model_alias(name, CHAMPION, self._pointed_at(name))

    def restore(self, name: str, told: Mapping[str, str] | None = None) -> str | None:
        """Exports anew what the MLflow store promoted of a model, under the same numbers; call it under the
        home's lock.

        told  Version -> digest of its bundle, as something signed tells it; ``champion.json`` is asked too.
        Returns the champion's version; None where the store does not keep it.
        Raises TamperedError, and signs nothing, where what the store keeps is not what was signed: it is not
        signed itself.
        """
        home = self.settings.home
        digests = {**self._digest_pointed_at(name), **(told or {})}
        champion = mlflow_store.champions(home).get(name) if mlflow_store.stands(home) else None
        kept = None if champion is None else mlflow_store.kept_model(home, name, champion)
        if champion is None or kept is None:
            return None
        others: dict[str, TrainedModel] = {}
        for version in mlflow_store.promoted_versions(home, name):
            earlier = mlflow_store.kept_model(home, name, version)
            if earlier is not None and version != champion and version not in self.versions(name):
                others[version] = earlier
        for version, model in {**others, champion: kept}.items():
            found = hashlib.sha256(_manifest_of(model, version)).hexdigest()
            if digests.get(version, found) != found:
                raise TamperedError(
                    f"What the MLflow store keeps of {name} version {version} is not what was signed: its "
                    f"bundle was {digests[version][:16]}, this gives {found[:16]}.",
                    f"Restore models/{name}, or mlflow.db and {mlflow_store.ARTIFACTS}/, from a backup.",
                )
        for version, model in {**others, champion: kept}.items():
            self._export(model, version)
        return self._point_to(name, champion).version

    def lost(self) -> list[str]:
        """Models whose champion the MLflow store knows and whose bundle is not there."""
        home = self.settings.home
        if not self.is_own or not mlflow_store.stands(home):
            return []
        return [
            name
            for name, version in mlflow_store.champions(home).items()
            if not (self.folder / name / "champion.json").is_file()
            or not (self.folder / name / version / "manifest.json").is_file()
        ]

    def promote(self, model: TrainedModel, version: str, reason: str) -> ModelBundle:
        """Makes a version the champion and exports its signed bundle; the bundle before stays for a
        roll-back.
        """
        client = self._client()
        self._export(model, version)
        client.set_model_version_tag(model.name, version, mlflow_store.PROMOTED, reason)
        client.set_registered_model_alias(model.name, CHAMPION, version)
        client.delete_registered_model_alias(model.name, CHALLENGER)
        return self._point_to(model.name, version)

    def roll_back(self, name: str, version: str) -> ModelBundle:
        """Makes an earlier exported version the champion again."""
        bundle = self._load(name, version)
        client = self._client()
        client.set_registered_model_alias(name, CHAMPION, version)
        self._point_to(name, version)
        return bundle

    def _point_to(self, name: str, version: str) -> ModelBundle:
        bundle = self._load(name, version)
        pointer = self.folder / name / "champion.json"
        partial = pointer.with_suffix(".partial")
        partial.write_text(json.dumps({"version": version, "digest": bundle.digest}))
        partial.replace(pointer)
        return bundle

    def _export(self, model: TrainedModel, version: str) -> None:
        target = self.folder / model.name / version
        partial = target.with_name(f"{version}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for file_name, content in sorted(model.files.items()):
            (partial / file_name).write_bytes(content)
        raw = _manifest_of(model, version)
        (partial / "manifest.json").write_bytes(raw)
        (partial / "manifest.sig").write_bytes(self._keys.signing_key(MODEL_KEY).sign(raw))
        shutil.rmtree(target, ignore_errors=True)
        partial.replace(target)

    def _digest_pointed_at(self, name: str) -> dict[str, str]:
        """Version and digest of the champion's bundle, where its pointer was not lost with it."""
        try:
            found = json.loads((self.folder / name / "champion.json").read_text(encoding="utf-8"))
            return {str(found["version"]): str(found["digest"])}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def champion(self, name: str) -> ModelBundle:
        """The promoted bundle, verified; raises UnknownNameError before the first promotion, TamperedError if
        a byte differs.
        """
        pointer = self.folder / name / "champion.json"
        if not pointer.is_file():
            raise UnknownNameError(
                "promoted model",
                name,
                sorted(path.parent.name for path in self.folder.glob("*/champion.json")),
                "`zhixiang model list` names them.",
            )
        return self._load(name, self._pointed_at(name))

    def _pointed_at(self, name: str) -> str:
        pointer = self.folder / name / "champion.json"
        try:
            return str(json.loads(pointer.read_text(encoding="utf-8"))["version"])
        except (ValueError, KeyError, TypeError) as error:
            raise TamperedError(
                f"{pointer} does not name a version ({error}).",
                "`zhixiang repair models --yes` makes it again from the MLflow store.",
            ) from None

    def champion_or_none(self, name: str) -> ModelBundle | None:
        """As champion, but None before the first promotion."""
        return self.champion(name) if (self.folder / name / "champion.json").is_file() else None

    def _load(self, name: str, version: str) -> ModelBundle:
        """Size cap, then signature, then hashes; only then are the bytes handed out."""
        folder = self.folder / name / version
        try:
            raw, signature = (folder / "manifest.json").read_bytes(), (folder / "manifest.sig").read_bytes()
        except OSError as error:
            raise TamperedError(
                f"The bundle {name} version {version} is not whole: {error.strerror}.",
                "`zhixiang repair models --yes` exports it again from the MLflow store, by its number.",
            ) from None
        # Public halves are enough, that of a key replaced since too: who only reads needs no private one.
        if not any(key.has_signed(raw, signature) for key in self._keys.public_keys(MODEL_KEY)):
            raise TamperedError(
                f"The signature of model {name} version {version} does not hold.",
                "Restore models/ from a backup, or `zhixiang repair models --yes` from the MLflow store.",
            ) from None
        manifest: dict[str, Any] = json.loads(raw)
        contents = {}
        for file_name, expected in manifest["files"].items():
            path = folder / file_name
            if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
                raise TamperedError(
                    f"{file_name} of model {name} version {version} is missing or too large.",
                    "`zhixiang repair models --yes` exports it again from the MLflow store.",
                )
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() != expected:
                raise TamperedError(
                    f"{file_name} of model {name} version {version} is not what was signed.",
                    "`zhixiang repair models --yes` exports it again from the MLflow store.",
                )
            contents[file_name] = content
        return ModelBundle(name, version, CHAMPION, contents, hashlib.sha256(raw).hexdigest())

    def names(self) -> list[str]:
        """Names of the promoted models."""
        return sorted(pointer.parent.name for pointer in self.folder.glob("*/champion.json"))

    def versions(self, name: str) -> list[str]:
        """Numbers of a model's exported bundles, in order."""
        folders = (path.name for path in self.folder.glob(f"{name}/*") if path.is_dir())
        return sorted((found for found in folders if found.isdecimal()), key=int)

    def known(self) -> list[dict[str, Any]]:
        """What ``told`` says of every promoted model."""
        return [self.told(name) for name in self.names()]

    def told(self, name: str) -> dict[str, Any]:
        """Name, champion version, digest and metrics of a promoted model, without MLflow; raises as
        ``champion``.
        """
        bundle = self.champion(name)
        manifest = json.loads((self.folder / name / bundle.version / "manifest.json").read_bytes())
        return {
            "name": name,
            "champion": bundle.version,
            "versions": self.versions(name),
            "digest": bundle.digest,
            "metrics": manifest["metrics"],
            "inputs": manifest["inputs"],
        }


def _manifest_of(model: TrainedModel, version: str) -> bytes:
    """What is signed of a bundle; its SHA-256 is the bundle's digest."""
    manifest = {
        "name": model.name,
        "version": version,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(model.files.items())},
        "inputs": dict(model.inputs),
        "metrics": {key: float(value) for key, value in model.metrics.items()},
        "tags": dict(model.tags),
    }
    return json.dumps(manifest, sort_keys=True, ensure_ascii=False).encode()
