"""The families of networks by name: every module of this folder that defines a `NetworkSpec` with a field `family`."""

import pkgutil
from functools import cache
from importlib import import_module
from typing import get_args

from elemflow.core.errors import ConfigError, nearest
from elemflow.networks import families
from elemflow.networks.spec import NetworkSpec


@cache
def network_families() -> dict[str, type[NetworkSpec]]:
    """Return the class of each family, by the value of its field `family`, sorted by name.

    A new family is one new module in this folder.
    """
    found: dict[str, type[NetworkSpec]] = {}
    for module in pkgutil.iter_modules(families.__path__, f"{families.__name__}."):
        for value in vars(import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, NetworkSpec) and "family" in value.model_fields:
                [name] = get_args(value.model_fields["family"].annotation)
                found[name] = value
    return dict(sorted(found.items()))


def read_spec(declared: object) -> NetworkSpec:
    """Return the typed `spec` section of a model, valid by its JSON schema.

    Raises:
        ConfigError: The family is unknown.
    """
    if isinstance(declared, NetworkSpec):
        return declared
    assert isinstance(declared, dict)  # noqa: S101  the schema was checked
    name, known = str(declared.get("family")), network_families()
    if name not in known:
        raise ConfigError(f"key 'spec.family': '{name}' is no family. Known: {', '.join(known)}.{nearest(name, known)}")
    return known[name].model_validate(declared)
