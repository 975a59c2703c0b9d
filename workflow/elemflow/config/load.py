"""Everything that config/ declares, layered, parsed and checked against itself; mistakes are named by file and key.

`elemflow.config.read` reads the files, overrides and `extends`; `elemflow.config.checks` checks what no schema can, and
`elemflow.config.varied` derives variations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from elemflow.config.base import Base, base_of, check_bases
from elemflow.config.checks import check_datasets
from elemflow.config.dataset import Dataset
from elemflow.config.model import Model
from elemflow.config.pretraining import find_protocol
from elemflow.config.protocol import Protocol
from elemflow.config.read import (
    Declarations,
    drop_ensemble_none,
    extend,
    override,
    read_folders,
    read_top,
    select_studies,
    separate_missing_properties,
)
from elemflow.config.scale_caps import Scale
from elemflow.config.study import Study, read_study
from elemflow.config.variations import WithVariations
from elemflow.config.varied import ModelReader, ProtocolReader
from elemflow.config.yaml_schema import check
from elemflow.core.declared import Declared

KINDS = {"datasets": "dataset", "models": "model", "protocols": "protocol", "studies": "study", "bases": "base"}


class Packing(Declared):
    """How small trainings share a process; see `elemflow.training.packing`.

    Attributes:
        runs: Most runs that one process trains.
        minutes: Time after which it takes no further run.
    """

    runs: int = 8
    minutes: float = 10


Recorded = Literal["ignore", "show", "only"]


@dataclass(frozen=True)
class Settings:
    """Everything a user can choose, checked and with defaults filled in.

    Attributes:
        selected: Ids of the studies to build, in order.
        datasets: Datasets by id.
        models: Models by id.
        protocols: Protocols by id.
        studies: Studies by id, of the selected studies only.
        bases: Pre-trained multi-task networks by id.
        data_folder: Folder of relative `table` paths.
        chunks: Jobs per part of a representation.
        keep_failed: Whether failed runs are shown as such rather than tried again.
        recorded: Whether tables show recorded runs that were not computed here, and nothing else (`only`).
        record: Whether finished runs at full scale are added to the record.
        packing: How small trainings share a process.
    """

    selected: tuple[str, ...]
    datasets: dict[str, Dataset]
    models: WithVariations[Model]
    protocols: WithVariations[Protocol]
    studies: dict[str, Study]
    bases: dict[str, Base] = field(default_factory=dict)
    data_folder: Path = Path()
    chunks: int = 1
    keep_failed: bool = False
    recorded: Recorded = "ignore"
    record: Literal["keep", "update"] = "keep"
    packing: Packing = field(default_factory=Packing)
    _derived: dict[str, Protocol] = field(default_factory=dict, repr=False, compare=False)

    def protocol(self, name: str) -> Protocol:
        """Return a protocol by its id; those of pre-training runs are derived, see `elemflow.config.pretraining`.

        Raises:
            KeyError: There is none.
        """
        if name not in self._derived:
            self._derived[name] = find_protocol(self.protocols, name)
        return self._derived[name]


def load(
    config: Mapping[str, Any], root: Path, config_files: Sequence[str | Path] = (), own: Path | None = None
) -> Settings:
    """Read, extend, override, check and parse everything in config/.

    Args:
        config: The merged configuration, as Snakemake gives it.
        root: Folder that holds the `config/` that ships.
        config_files: The files it was merged from, for messages and for duplicate keys.
        own: Folder of the user's project: its `config/` is read in addition and wins, and its networks are found
            there; None if it is `root`.

    Returns:
        The checked settings with all defaults.

    Raises:
        ConfigError: Names the file, the key, what was found and what is allowed.
    """
    where = " + ".join(str(file) for file in config_files) or "config"
    top = read_top(config, config_files, where)
    files = {kind: read_folders(kind, root, own) for kind in KINDS}
    files["studies"] = select_studies(files["studies"], top["studies"], where)
    found = _extended(override(files, top["overrides"], where))
    _check_schemas(found)
    as_declared = _protocols_of(files) if top["overrides"].get("protocols") else found["protocols"]
    separate_missing_properties(found["datasets"])
    datasets = {name: Dataset.read(declared) for name, (_, declared) in found["datasets"].items()}
    check_datasets(datasets, {name: path for name, (path, _) in found["datasets"].items()})
    bases = {name: Base.read(declared) for name, (_, declared) in found["bases"].items()}
    check_bases(bases, {name: path for name, (path, _) in found["bases"].items()}, datasets)
    models = ModelReader(found["models"], own or root).read()
    for name, (path, _) in found["models"].items():
        base_of(models[name], bases, path)
    scale = Scale.model_validate(top["scale"])
    return Settings(
        selected=tuple(top["studies"]),
        datasets=datasets,
        models=models,
        protocols=ProtocolReader(found["protocols"], as_declared, scale, datasets).read(),
        studies={name: read_study(declared, path) for name, (path, declared) in found["studies"].items()},
        bases=bases,
        data_folder=Path(top["data_folder"] or "."),
        chunks=top["chunks"],
        keep_failed=top["keep_failed"],
        recorded=top["recorded"],
        record=top["record"],
        packing=Packing.model_validate(top["packing"]),
    )


def _extended(found: Mapping[str, Declarations]) -> dict[str, Declarations]:
    """Lay declarations over those that they extend; studies extend nothing."""
    return {kind: group if kind == "studies" else extend(group, KINDS[kind]) for kind, group in found.items()}


def _check_schemas(found: Mapping[str, Declarations]) -> None:
    """Check all declarations against their schemas and fill in defaults."""
    for kind, declarations in found.items():
        for path, declaration in declarations.values():
            check(declaration, KINDS[kind], path)
    drop_ensemble_none(found.get("protocols", {}))


def _protocols_of(files: Mapping[str, Declarations]) -> Declarations:
    """Return the protocols as their files declare them, without overrides."""
    found = _extended({"protocols": files["protocols"]})
    _check_schemas(found)
    return found["protocols"]
