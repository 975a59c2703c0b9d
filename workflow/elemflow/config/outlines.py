"""Outlines of the configured networks, for tables of layers and drawings."""

from elemflow.config.kinds import parts_of
from elemflow.config.model import Model, NetworkModel
from elemflow.core.errors import ConfigError
from elemflow.core.outline import Outline
from elemflow.networks.families.outline import outline

COLUMNS = {"ef": 86, "pa": 145, "st": 126}
"""Inputs of the parts whose networks can be drawn without computing features."""


def count_parameters(model: Model, representation: str) -> int | None:
    """Return the parameters of a network, statistics of batch normalisation included, as its declaration gives them.

    Args:
        model: The model.
        representation: Parts joined with `+`, which give the number of inputs.

    Returns:
        None for what is no network, has no outline, depends on the size of the training set, or reads a part whose
        number of columns is not known here.
    """
    parts = parts_of(representation)
    if not isinstance(model, NetworkModel) or model.spec.depends_on_size or not all(part in COLUMNS for part in parts):
        return None
    found = outline(model.spec, sum(COLUMNS[part] for part in parts))
    return found.parameters if found else None


def outline_of(name: str, model: Model, representation: str, where: str) -> Outline:
    """Return the outline of a network.

    Args:
        name: Id of the model.
        model: The model.
        representation: Parts joined with `+`, which give the number of inputs.
        where: How messages call the cell.

    Raises:
        ConfigError: The model is no network, has no outline, or a part has no number of columns here.
    """
    unknown = [part for part in parts_of(representation) if part not in COLUMNS]
    if unknown:
        raise ConfigError(
            f"{where}: the number of columns of '{unknown[0]}' is not known here. Known: {', '.join(COLUMNS)}."
        )
    inputs = sum(COLUMNS[part] for part in parts_of(representation))
    found = outline(model.spec, inputs) if isinstance(model, NetworkModel) else None
    if found is None:
        raise ConfigError(f"{where}: model '{name}' ({model.kind}) has no stages to show; name a network of YAML keys.")
    return found
