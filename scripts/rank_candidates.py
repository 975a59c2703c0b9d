"""Rank hypothetical compounds by the predictions of one run."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from elemflow.inference.candidates import RankingInputs, rank_candidates, write_ranking
from elemflow.provenance.environment import start_job
from elemflow.reporting.candidates_page import RankedRun, write_lists
from elemflow.training.backend import Backend
from elemflow.training.fine_tuning import PretrainingFiles

if TYPE_CHECKING:
    from snakemake.iocontainers import Snakemake

    snakemake: Snakemake


def main(smk: "Snakemake") -> None:
    """Run the step."""
    start_job(smk.log[0])
    inputs = RankingInputs(
        candidates=Path(smk.input.candidates),
        features=[Path(path) for path in smk.input.features],
        known=Path(smk.input.known),
        split=Path(smk.input.split),
        model_folder=Path(smk.input.model),
        run_info=Path(smk.input.run_info),
        report=smk.params.cfg["report"],
        pretrained=PretrainingFiles(*map(Path, smk.input.pretrained)) if smk.input.pretrained else None,
    )
    ranking = rank_candidates(inputs, Backend(smk.threads))
    write_ranking(ranking, Path(smk.output.csv), Path(smk.output.score))
    ranked_by = RankedRun(ranking.config.run, ranking.config.property.unit)
    summary = write_lists(ranking.table, ranked_by, ranking.score, Path(smk.output.md), Path(smk.output.html))
    logging.getLogger("elemflow").info("%s", summary)


if __name__ == "__main__":
    main(snakemake)
