"""Train all members of one run and write predictions, history, run info and models."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.environment import set_deadline
from elemflow.logs import configure_logging
from elemflow.training.pretrained import SourceFiles
from elemflow.training.run import train_run

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    configure_logging(smk.log[0])
    set_deadline(smk.resources)
    train_run(
        smk.params.cfg,
        features=[Path(path) for path in smk.input.features],
        materials=Path(smk.input.materials),
        split=Path(smk.input.split),
        pretrained=SourceFiles(*map(Path, smk.input.pretrained)) if smk.input.pretrained else None,
        predictions=Path(smk.output.predictions),
        history=Path(smk.output.history),
        run_info=Path(smk.output.run_info),
        model_folder=Path(smk.output.model),
        checkpoint_folder=Path(smk.params.checkpoints),
        threads=smk.threads,
        code=smk.params.code,
    )


if __name__ == "__main__":
    main(snakemake)
