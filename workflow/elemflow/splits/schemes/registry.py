"""The schemes by name: every module of this folder that defines a `SplitScheme`."""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

from elemflow.splits.schemes.base import SplitScheme


@cache
def split_schemes() -> dict[str, type[SplitScheme]]:
    """Return the class of each scheme, by the value of its field `scheme`, sorted by name.

    A new scheme is one new module in this folder.
    """
    found: dict[str, type[SplitScheme]] = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        module = import_module(f"elemflow.splits.schemes.{path.stem}") if path.stem != "__init__" else None
        for value in vars(module).values() if module else ():
            if isinstance(value, type) and issubclass(value, SplitScheme) and "scheme" in value.model_fields:
                [name] = get_args(value.model_fields["scheme"].annotation)
                found[name] = value
    return dict(sorted(found.items()))


def read_split(declared: object) -> SplitScheme:
    """Return the typed `split` section of a protocol, valid by its JSON schema."""
    if isinstance(declared, SplitScheme):
        return declared
    assert isinstance(declared, dict)  # noqa: S101  the schema was checked
    declared = _renamed(declared)
    return split_schemes()[declared["scheme"]].model_validate(declared)


def _renamed(declared: dict[str, Any]) -> dict[str, Any]:
    """Return a section with the new names of its keys."""
    new = {"divisions": "splits", "resplit": "split_per_member", "without": "exclude"}
    split = {new.get(key, key): value for key, value in declared.items()}
    if split["scheme"] in {"source", "pretraining"}:
        known = ("train", "validation", "test", "seed", "max_materials", "exclude", "members_of_fine_tuned")
        return {"scheme": "pretraining"} | {key: value for key, value in split.items() if key in known}
    if "hold_out" in split:
        fractions = {"returned": "train_fraction", "test": "test_fraction"}
        split["hold_out"] = {fractions.get(key, key): value for key, value in split["hold_out"].items()}
    return split
