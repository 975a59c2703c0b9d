"""Write the texts of one dataset: title, version, licence and citation."""

from typing import TYPE_CHECKING

from elemflow.core.files import write_json
from elemflow.provenance.environment import start_job

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    write_json(smk.output.about, smk.params.cfg)


if __name__ == "__main__":
    main(snakemake)
