"""The schemes by name: every module of this folder that defines a `SplitScheme`."""

import pkgutil
from functools import cache
from importlib import import_module
from typing import get_args

from elemflow.core.errors import ConfigError, nearest
from elemflow.splits import schemes
from elemflow.splits.schemes.base import SplitScheme


@cache
def split_schemes() -> dict[str, type[SplitScheme]]:
    """Return the class of each scheme, by the value of its field `scheme`, sorted by name.

    A new scheme is one new module in this folder.
    """
    found: dict[str, type[SplitScheme]] = {}
    for module in pkgutil.iter_modules(schemes.__path__, f"{schemes.__name__}."):
        for value in vars(import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, SplitScheme) and "scheme" in value.model_fields:
                [name] = get_args(value.model_fields["scheme"].annotation)
                found[name] = value
    return dict(sorted(found.items()))


def read_split(declared: object) -> SplitScheme:
    """Return the typed `split` section of a protocol, valid by its JSON schema.

    Raises:
        ConfigError: The scheme is unknown.
    """
    if isinstance(declared, SplitScheme):
        return declared
    assert isinstance(declared, dict)  # noqa: S101  the schema was checked
    name, known = str(declared.get("scheme")), split_schemes()
    if name not in known:
        raise ConfigError(
            f"key 'split.scheme': '{name}' is no scheme. Known: {', '.join(known)}.{nearest(name, known)}"
        )
    return known[name].model_validate(declared)
