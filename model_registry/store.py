"""Where models are kept: register, list, export, name the champion. The only importer of mlflow.

mlflow takes seconds to import, so nobody imports this module before it is needed, and this module imports mlflow only
inside its functions. No row of a person goes into the store: parameters, figures, plots and the package.
"""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from features.errors import PackageError, RegistryError
from features.frame import FeatureFrame
from model_registry.package import Package, load_package
from model_registry.package_files import META_FILE, meta_bytes, move_whole, read_files, write_file

CHAMPION = "champion"
PACKAGE_NAME = "package"
SQLITE = "sqlite:///"
BATCH = 100  # mlflow takes at most 100 parameters and tags, and 1,000 metrics, at once
LONGEST_PARAMETER = 6000
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # mlflow reports its use over the network unless told not to
    "MLFLOW_DISABLE_AGENT_HINT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",  # its database migrations and missing git otherwise fill the terminal
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # a server that is not there is said so within seconds
}


@dataclass(frozen=True)
class RegisteredVersion:
    """One version of a registered model. `run` is the training run's id; `digest` the package's."""

    name: str
    version: str
    run: str
    registered_at: datetime
    digest: str
    demonstration: bool
    is_champion: bool


class Store:
    """A model store: the embedded one (SQLite and a folder beside it) or an mlflow server, by its address.

    Calls on an embedded store take turns through a lock file, so two registrations at the same time both succeed.

    Parameters
    ----------
    uri : str
        `home.tracking_uri(...)`, or the address of an mlflow server.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._folder = Path(uri.removeprefix(SQLITE)).parent if uri.startswith(SQLITE) else None
        self._lock: AbstractContextManager[Any] = nullcontext()
        if self._folder:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self._folder / "store.lock")

    def log_run(
        self,
        name: str,
        *,
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        tags: Mapping[str, str] | None = None,
        artifacts: Path | None = None,
        plots: Mapping[str, Any] | None = None,
    ) -> str:
        """The id of a new run of the experiment `name`.

        Parameters
        ----------
        params : mapping
            Settings, fingerprints, counts; kept as text.
        metrics : mapping of name to float
            Finite. mlflow allows letters, digits, "_", "-", ".", "/" and blanks in a name.
        artifacts : Path, optional
            A folder whose content is kept. No row of a person may be in it.
        plots : mapping of file name to matplotlib Figure, optional

        Raises
        ------
        RegistryError
            If a metric is not a finite number or the store cannot be reached.
        """
        wrong = [key for key, value in metrics.items() if not np.isfinite(value)]
        if wrong:
            raise RegistryError(f"The metric {wrong[0]} is not a finite number; leave out what is not assessable.", 400)
        with self._mlflow() as (client, entities):
            run = client.create_run(self._experiment(client, name), tags=dict(tags or {})).info.run_id
            status = "FAILED"
            try:
                now = int(datetime.now(UTC).timestamp() * 1000)
                texts = [entities.Param(key, str(value)[:LONGEST_PARAMETER]) for key, value in params.items()]
                values = [entities.Metric(key, float(value), now, 0) for key, value in metrics.items()]
                for start in range(0, max(len(texts), len(values)), BATCH):
                    end = start + BATCH
                    client.log_batch(run, metrics=values[start:end], params=texts[start:end])
                if artifacts:
                    client.log_artifacts(run, str(artifacts))
                for file, figure in (plots or {}).items():
                    client.log_figure(run, figure, f"plots/{file}")
                status = "FINISHED"
            finally:
                client.set_terminated(run, status)
        return str(run)

    def register(self, package_folder: Path, run: str) -> str:
        """The version given to a package under its own name, with the package kept as an artifact of `run`.

        It is an mlflow pyfunc model (features in, risk out) that `mlflow models serve --env-manager local` serves.

        Raises
        ------
        PackageError
            If the package is not whole.
        RegistryError
            If there is no such run.
        """
        package = load_package(package_folder)
        with self._mlflow() as (client, _), tempfile.TemporaryDirectory() as scratch:
            model = _save_pyfunc(package, package_folder, Path(scratch))
            client.get_run(run)
            client.log_artifacts(run, str(model), model.name)
            name = package.meta.name
            if name not in {found.name for found in client.search_registered_models(f"name = '{name}'")}:
                client.create_registered_model(name)
            source = f"{client.get_run(run).info.artifact_uri}/{model.name}"
            tags = {
                "digest": package.meta.digest,
                "demonstration": str(package.meta.demonstration).lower(),
                "catalogue": package.meta.catalogue_fingerprint,
            }
            return str(client.create_model_version(name, source, run, tags=tags).version)

    def export(self, name: str, version: str, to: Path) -> Path:
        """The package folder `to/<name>-<version>`, copied there as a whole or not at all and checked.

        Its package.json then carries the version. A folder that is already there is kept if it is the same package.

        Raises
        ------
        RegistryError
            If there is no such model or version.
        PackageError
            If what is kept is not whole, or another package lies in the way.
        """
        registered = self.model(name, version)
        folder = to / f"{name}-{registered.version}"
        if folder.exists():
            if load_package(folder).meta.digest != registered.digest:
                raise PackageError(f"Another package lies in the way at {folder.name}; move it aside.")
            return folder
        to.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=to))
        try:
            (partial / "kept").mkdir()
            with self._mlflow() as (client, _):
                kept = client.download_artifacts(
                    registered.run, f"{_model_name(registered.digest)}/data/{PACKAGE_NAME}", str(partial / "kept")
                )
            meta, files = read_files(Path(kept))
            if meta["digest"] != registered.digest:
                raise PackageError(f"The kept package of {name} version {version} is not the one that was registered.")
            whole = partial / "whole"
            whole.mkdir()
            for file, content in {**files, META_FILE: meta_bytes({**meta, "version": registered.version})}.items():
                write_file(whole / file, content)
            load_package(whole)
            move_whole(whole, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return folder

    def versions(self, name: str) -> tuple[RegisteredVersion, ...]:
        """Every version of a model, the first one first.

        Raises
        ------
        RegistryError
            If there is no such model.
        """
        with self._mlflow() as (client, _):
            champion = _champion(client, name)
            found = client.search_model_versions(f"name = '{name}'")
            return tuple(sorted((_described(item, champion) for item in found), key=lambda item: int(item.version)))

    def model(self, name: str, version: str) -> RegisteredVersion:
        """One version of a model.

        Raises
        ------
        RegistryError
            If there is no such model or version.
        """
        for registered in self.versions(name):
            if registered.version == str(version):
                return registered
        raise RegistryError(f"The model {name} has no such version; `varhain history {name}` lists those there are.")

    def latest(self, name: str) -> RegisteredVersion:
        """The version registered last. Raises RegistryError if there is none."""
        versions = self.versions(name)
        if not versions:
            raise RegistryError(f"The model {name} has no version yet; train one.")
        return versions[-1]

    def set_champion(self, name: str, version: str) -> RegisteredVersion:
        """The version that the alias "champion" now names.

        mlflow aliases keep no history: the ledger, which records promotions, says what served when.
        """
        registered = self.model(name, version)
        with self._mlflow() as (client, _):
            client.set_registered_model_alias(name, CHAMPION, registered.version)
        return self.model(name, version)

    @contextmanager
    def _mlflow(self) -> Iterator[tuple[Any, Any]]:
        """mlflow's client and entities, with this store's turn held and mlflow's errors said in one sentence."""
        mlflow = _quiet_mlflow()
        with self._lock:
            try:
                yield mlflow.MlflowClient(self.uri, self.uri), mlflow.entities
            except mlflow.exceptions.MlflowException as error:
                if "Max retries exceeded" in str(error):
                    sentence = "The model store cannot be reached; check its address and that the mlflow server runs."
                    raise RegistryError(sentence, 503) from error
                raise RegistryError(f"The model store refused: {str(error).splitlines()[0]}", 400) from error

    def _experiment(self, client: Any, name: str) -> str:
        found = client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        # without a location mlflow would write artifacts into the folder the command was started in
        location = (self._folder / "artifacts" / name).resolve().as_uri() if self._folder else None
        return str(client.create_experiment(name, artifact_location=location))


@cache
def _quiet_mlflow() -> Any:
    for key, value in QUIET.items():
        os.environ.setdefault(key, value)
    import mlflow

    return mlflow


def _champion(client: Any, name: str) -> str | None:
    """The version that the alias names; aliases are resolved to a version before anything else is done with them."""
    found = [model for model in client.search_registered_models(f"name = '{name}'") if model.name == name]
    if not found:
        raise RegistryError(f"There is no model {name} in the store; `varhain train` makes one.")
    version = found[0].aliases.get(CHAMPION)
    return None if version is None else str(version)


def _described(item: Any, champion: str | None) -> RegisteredVersion:
    return RegisteredVersion(
        item.name,
        str(item.version),
        item.run_id,
        datetime.fromtimestamp(item.creation_timestamp / 1000, UTC),
        item.tags.get("digest", ""),
        item.tags.get("demonstration") == "true",
        str(item.version) == champion,
    )


def _save_pyfunc(package: Package, package_folder: Path, scratch: Path) -> Path:
    """An mlflow model around a copy of the package folder: this module loads it, so nothing in it is pickled."""
    from mlflow.models import ModelSignature
    from mlflow.pyfunc import save_model
    from mlflow.types.schema import ColSpec, DataType, Schema

    copied, model = scratch / PACKAGE_NAME, scratch / _model_name(package.meta.digest)
    shutil.copytree(package_folder, copied)
    inputs = [ColSpec(DataType.double, name, required=False) for name in package.catalogue.feature_names]
    with warnings.catch_warnings():
        # mlflow asks for an example row to guess the signature from; this one is written by hand, and rows are people
        warnings.simplefilter("ignore", UserWarning)
        save_model(
            path=str(model),
            loader_module=__name__,
            data_path=str(copied),
            signature=ModelSignature(Schema(inputs), Schema([ColSpec(DataType.double, "risk")])),
            pip_requirements=[f"{name}=={installed_version(name)}" for name in ("varhain", "mlflow", "numba", "numpy")],
            metadata={"digest": package.meta.digest, "demonstration": package.meta.demonstration},
        )
    return model


def _model_name(digest: str) -> str:
    """The folder of an mlflow model among its run's artifacts: a run may register several packages."""
    return f"model-{digest[:12]}"


class ServedPackage:
    """What `mlflow models serve` calls: the risk alone, of features that are already made."""

    def __init__(self, package: Package) -> None:
        self.package = package

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> Any:
        """The risk of each row of a table of features (a pandas DataFrame); a feature left out is not known."""
        names = self.package.catalogue.feature_names
        values = np.ascontiguousarray(model_input.reindex(columns=list(names)).to_numpy(dtype=np.float64))
        frame = FeatureFrame(values, names, self.package.meta.catalogue_fingerprint)
        return model_input[[]].assign(risk=self.package.screen(frame).risk)


def _load_pyfunc(path: str) -> ServedPackage:
    """The name mlflow looks for in a loader module."""
    return ServedPackage(load_package(Path(path)))
