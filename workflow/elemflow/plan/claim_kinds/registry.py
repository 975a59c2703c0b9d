"""The kinds of claim by name: every module of this folder with a `KIND`."""

from functools import cache
from importlib import import_module
from pathlib import Path

from elemflow.plan.claim_kinds.base import ClaimKind

NO_KINDS = ("__init__", "base", "registry")


@cache
def claim_kinds() -> dict[str, ClaimKind]:
    """Return the kinds by the names of their modules, sorted. A new kind is one new module in this folder."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in NO_KINDS)
    return {name: import_module(f"elemflow.plan.claim_kinds.{name}").KIND for name in names}
