"""Outlines of the configured networks, for tables of layers and drawings."""

from elemflow.config.kinds import parts_of
from elemflow.config.model import Model, NetworkModel
from elemflow.core.errors import ConfigError
from elemflow.core.outline import Outline
from elemflow.networks.families.outline import outline

COLUMNS = {"ef": 86, "pa": 145, "st": 126}
"""Inputs of the parts whose networks can be drawn without computing features."""


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
