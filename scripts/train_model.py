"""Train all members of one run and write predictions, history, run info and models."""

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.core.content import write_record
from elemflow.core.deadline import set_deadline
from elemflow.provenance.environment import start_job
from elemflow.training.job import train_run
from elemflow.training.packing import train_neighbours

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    started = time.monotonic()
    start_job(smk.log[0])
    set_deadline(smk.resources.get("runtime", 0), smk.resources.get("grace"))
    checkpoints = Path(smk.params.checkpoints)
    train_run(
        smk.params.cfg,
        **dict(smk.input.items()),
        predictions=Path(smk.output.predictions),
        history=Path(smk.output.history),
        run_info=Path(smk.output.run_info),
        model_folder=Path(smk.output.model),
        checkpoint_folder=checkpoints,
        threads=smk.threads,
        code=smk.params.code,
        then=partial(train_neighbours, checkpoints, smk.threads, started),
    )
    write_record(
        smk.output.record,
        smk.params,
        inputs=[*smk.input.features, smk.input.materials, smk.input.split, *smk.input.pretrained],
        outputs=[smk.output.predictions, smk.output.model],
    )


if __name__ == "__main__":
    main(snakemake)
