"""Join the chunks of one part of a representation."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.core.logs import configure_logging
from elemflow.features.store import gather_chunks

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    configure_logging(smk.log[0])
    gather_chunks(
        [Path(path) for path in smk.input.features],
        [Path(path) for path in smk.input.rejected],
        Path(smk.output.features),
        Path(smk.output.rejected),
    )


if __name__ == "__main__":
    main(snakemake)
