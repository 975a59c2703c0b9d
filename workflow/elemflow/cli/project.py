"""The project that a command is called in: its configuration and plan."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elemflow.plan.workflow import Workflow

CONFIG = Path("config/config.yaml")


def load_workflow(studies: Sequence[str] = (), configfiles: Sequence[Path] = ()) -> "Workflow":
    """Return the plan of the project in the working directory.

    Without config/config.yaml that of the clone holds, as for `snakemake --directory`.

    Args:
        studies: Studies, in place of those that the configuration names.
        configfiles: Configurations over config/config.yaml, as `snakemake --configfile` takes them.

    Raises:
        ConfigError: The folder is no project, or a file has a mistake.
    """
    from elemflow.core.errors import ConfigError

    if not (CONFIG.is_file() or CONFIG.parent.is_dir()):
        raise ConfigError(f"{CONFIG}: no such file (seen from {Path.cwd()}). Call the command in the project's folder.")
    return _load(studies, configfiles)


def load_to_extend() -> "Workflow":
    """Return the plan of the project that files are added to, or of a folder that becomes one by them.

    Studies that the configuration names and that are not written yet are left out; if none is left, those of the clone
    take their place.

    Raises:
        ConfigError: A file has a mistake.
    """
    from elemflow.config.yaml_schema import read_yaml
    from elemflow.core.places import ROOT

    named = read_yaml(_config_file()).get("studies")
    if not isinstance(named, list):
        return _load()  # which says what is wrong
    written = [name for name in named if any(_is_study(folder, name) for folder in (Path(), ROOT))]
    return _load(written or read_yaml(ROOT / CONFIG)["studies"] if len(written) < len(named) else ())


def _is_study(folder: Path, name: object) -> bool:
    return any((folder / f"config/studies/{name}.{ending}").is_file() for ending in ("yaml", "yml"))


def _config_file() -> Path:
    from elemflow.core.places import ROOT

    return CONFIG if CONFIG.is_file() else ROOT / CONFIG


def _load(studies: Sequence[str] = (), configfiles: Sequence[Path] = ()) -> "Workflow":
    from elemflow.config.yaml_schema import merge, read_yaml
    from elemflow.core.places import ROOT
    from elemflow.plan.workflow import Workflow

    files = [_config_file(), *configfiles]
    config: dict[str, Any] = {}
    for file in files:
        config = merge(config, read_yaml(file))
    if studies:
        config["studies"] = list(studies)
    return Workflow.load(config, ROOT, files, Path.cwd())
