"""Train one network of a base on its joint table."""

from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.config.base import Base
from elemflow.core.content import write_record
from elemflow.multitask.job import train_network
from elemflow.provenance.environment import start_job
from elemflow.training.base_engines import engine_of

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    cfg = smk.params.cfg
    heads = {name: {"title": "", "group": "", **head} for name, head in cfg["base"]["heads"].items()}
    joint, *features = (Path(path) for path in smk.input.rows)
    first = [Path(path) for path in smk.input.first]
    base = Base.read({**cfg["base"], "heads": heads})
    train_network(
        base,
        cfg["number"],
        joint,
        features,
        Path(smk.output.network),
        Path(smk.params.checkpoint),
        engine_of(base.training.engine),
        *first,
    )
    write_record(smk.output.record, smk.params, inputs=smk.input, outputs=[smk.output.network])


if __name__ == "__main__":
    main(snakemake)
