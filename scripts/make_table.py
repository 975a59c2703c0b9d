"""Write one table of a study, published beside reproduced, in every format."""

from typing import TYPE_CHECKING

from elemflow.logs import configure_logging
from elemflow.reporting.tables import write_table

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    configure_logging(smk.log[0])
    write_table(smk.params.cfg, smk.input.metrics, smk.input.curation, dict(smk.output.items()))


if __name__ == "__main__":
    main(snakemake)
