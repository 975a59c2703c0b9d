"""Compute the metrics of one run from its predictions."""

from typing import TYPE_CHECKING

from elemflow.core.content import write_record
from elemflow.core.files import write_json
from elemflow.evaluation.metrics import evaluate
from elemflow.provenance.environment import start_job
from elemflow.reporting.finished_run import log_finished

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    write_json(smk.output.metrics, evaluate(smk.input.predictions, **smk.params.cfg).plain())
    write_record(smk.output.record, smk.params, inputs=[smk.input.predictions], outputs=[smk.output.metrics])
    log_finished(smk.output.metrics)


if __name__ == "__main__":
    main(snakemake)
