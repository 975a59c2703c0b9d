"""What all stages share: the wildcards of a job, patterns, growing resources and inputs compared by content."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from snakemake.io import ancient

from elemflow.plan.reruns import Product, is_old

if TYPE_CHECKING:
    from elemflow.plan.workflow import Workflow


class Wildcards:
    """What the rules read of the wildcards of a job."""

    dataset: str
    property: str
    representation: str
    model: str
    protocol: str
    part: str
    scatteritem: str
    study: str
    table: str
    figure: str
    candidates: str


def one_of(names: Iterable[str]) -> str:
    """Return a regular expression that matches exactly the given names."""
    return "|".join(re.escape(name) for name in sorted(names)) or "(?!)"


def growing(amount: int) -> Callable[[Wildcards, int], int]:
    """Return the resource function of a memory (MB) or time (minutes) that grows by as much with each attempt."""

    def needed(wildcards: Wildcards, attempt: int) -> int:  # noqa: ARG001  Snakemake passes it
        return amount * attempt

    return needed


class Stage:
    """Part of a workflow."""

    def __init__(self, workflow: "Workflow"):
        self.workflow = workflow
        self.settings = workflow.settings


def compared(product: Product, files: Sequence[tuple[str, Product | None]]) -> list[str]:
    """Return input files, those whose bytes the product was made from as ancient."""
    return [ancient(path) if is_old(product, path, origin) else path for path, origin in files]
