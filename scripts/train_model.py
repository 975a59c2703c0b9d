"""Train all members of one run and write predictions, history, run info and models."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.core.content import write_record
from elemflow.core.deadline import set_deadline
from elemflow.provenance.environment import start_job
from elemflow.training.backend import Backend
from elemflow.training.job import train_run
from elemflow.training.packing import train_neighbours
from elemflow.training.requeue import requeued_at_time_limit
from elemflow.training.run_config import RunConfig
from elemflow.training.run_files import RunInputs, RunOutputs

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    started = time.monotonic()
    start_job(smk.log[0])
    set_deadline(smk.resources.get("runtime", 0), smk.resources.get("grace"))
    backend = Backend(smk.threads)
    checkpoints = Path(smk.params.checkpoints)

    def finish(stop: str | None) -> None:
        # While the checkpoints still exist: a job that is killed here need not train again.
        write_record(
            smk.output.record,
            smk.params,
            inputs=list(smk.input),
            outputs=[smk.output.predictions, smk.output.model],
        )
        train_neighbours(checkpoints, backend, started, stop)

    with requeued_at_time_limit():
        train_run(
            RunConfig.from_params(smk.params.cfg),
            RunInputs.from_names(**dict(smk.input.items())),
            RunOutputs(
                predictions=Path(smk.output.predictions),
                history=Path(smk.output.history),
                run_info=Path(smk.output.run_info),
                model_folder=Path(smk.output.model),
                checkpoint_folder=checkpoints,
            ),
            backend,
            code=smk.params.code,
            then=finish,
        )


if __name__ == "__main__":
    main(snakemake)
