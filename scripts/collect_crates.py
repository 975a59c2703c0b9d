"""List the crates of all studies with the digests of their metadata."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.core.files import write_text
from elemflow.provenance.crate import list_crates
from elemflow.provenance.environment import start_job

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    write_text(smk.output[0], list_crates(Path(path) for path in smk.input))


if __name__ == "__main__":
    main(snakemake)
