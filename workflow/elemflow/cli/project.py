"""The project that a command is called in: its configuration and plan."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elemflow.plan.workflow import Workflow

CONFIG = Path("config/config.yaml")


def load_workflow(studies: Sequence[str] = (), configfiles: Sequence[Path] = ()) -> "Workflow":
    """Return the plan of the project in the working directory.

    Args:
        studies: Studies, in place of those that the configuration names.
        configfiles: Configurations over config/config.yaml, as `snakemake --configfile` takes them.

    Raises:
        ConfigError: The folder is no project, or a file has a mistake.
    """
    from elemflow.config.yaml_schema import merge, read_yaml
    from elemflow.core.errors import ConfigError
    from elemflow.core.places import ROOT
    from elemflow.plan.workflow import Workflow

    if not CONFIG.is_file():
        raise ConfigError(f"{CONFIG}: no such file (seen from {Path.cwd()}). Call the command in the project's folder.")
    files = [CONFIG, *configfiles]
    config: dict[str, Any] = {}
    for file in files:
        config = merge(config, read_yaml(file))
    if studies:
        config["studies"] = list(studies)
    return Workflow.load(config, ROOT, files, Path.cwd())
