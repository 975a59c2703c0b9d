"""What all stages share: the wildcards of a job, patterns, growing resources and inputs compared by content."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from snakemake.io import ancient

from elemflow.config.load import Settings
from elemflow.core.places import find
from elemflow.plan.reruns import Product, is_old
from elemflow.provenance import known_digests
from elemflow.provenance.code_digest import CodeDigest
from elemflow.provenance.companions import companions


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


@dataclass(frozen=True)
class Context:
    """What every stage knows.

    Attributes:
        settings: Checked settings.
        root: Folder that holds the package, the scripts, and the configuration and resources that ship.
        own: Folder of the user's project, in which Snakemake works; `root` where that is the project.
    """

    settings: Settings
    root: Path
    own: Path

    def code(self, script: str, *modules: str, file: str | None = None) -> Callable[[Wildcards], str]:
        """Return the parameter function of a script's digest, with modules and a file that the config makes it run."""

        def digest(wildcards: Wildcards) -> str:  # noqa: ARG001  only jobs of this rule compute it
            return self.digest(script, modules, file)

        return digest

    def digest(self, script: str, modules: tuple[str, ...] = (), file: str | None = None) -> str:
        """Return the digest of a script's code."""
        own = find(file, self.own) if file else None
        files = (own, *companions(own, self.own)) if own else ()
        known = self.own / known_digests.FOLDER
        return CodeDigest.of(self.root / "scripts" / script, self.root / "workflow", modules, files, known)


class Stage:
    """Part of a workflow.

    A stage is given the stages whose files it reads, so that none knows the whole.
    """

    def __init__(self, context: Context):
        self.context = context
        self.settings = context.settings


def compared(product: Product, files: Sequence[tuple[str, Product | None]]) -> list[str]:
    """Return input files, those whose bytes the product was made from as ancient."""
    return [ancient(path) if is_old(product, path, origin) else path for path, origin in files]
