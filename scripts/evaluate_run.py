"""Compute the metrics of one run from its predictions."""

from typing import TYPE_CHECKING

from elemflow.core.files import write_json
from elemflow.core.logs import configure_logging
from elemflow.evaluation.metrics import evaluate

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    configure_logging(smk.log[0])
    write_json(smk.output.metrics, evaluate(smk.input.predictions, **smk.params.cfg))


if __name__ == "__main__":
    main(snakemake)
