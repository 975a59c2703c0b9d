"""Write what is told of one dataset: title, version, licence and citation."""

from typing import TYPE_CHECKING

from elemflow.core.files import write_json
from elemflow.core.logs import configure_logging

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    configure_logging(smk.log[0])
    write_json(smk.output.about, smk.params.cfg)


if __name__ == "__main__":
    main(snakemake)
