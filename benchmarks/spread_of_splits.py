"""How much an error varies from split to split, next to the standard error of one test set: networks and searches.

    python benchmarks/spread_of_splits.py

Reads the runs of the record whose members have splits of their own. If seeds and training sets changed nothing, the
variance over the splits would be that of the test set's sampling, and the mean of their ratio 1. A search chooses
another model on each split.
"""

import sys
from pathlib import Path

import numpy as np

from elemflow.config.load import load
from elemflow.core.evidence import read_run_info
from elemflow.core.run import Run
from elemflow.plan import paths
from elemflow.record.cells import PAPERS
from elemflow.record.evidence import read_test_errors, recorded_runs
from elemflow.reporting.results import SEARCHES


def main() -> None:
    """Print the ratio of each run, and the mean of networks and of searches with its standard error."""
    root = Path(__file__).resolve().parents[1]
    settings = load({"studies": list(PAPERS)}, root)
    ratios: dict[str, list[float]] = {"networks": [], "searches": []}
    for path, folder in recorded_runs(root / paths.RECORD).items():
        errors = read_test_errors(folder)
        model = read_run_info(folder, "cfg")["cfg"]["model"]
        searches = model["kind"] in SEARCHES or model.get("search")
        group = "searches" if searches else "networks" if model["kind"] == "network" else ""
        if group and errors.n_members > 2 and settings.protocol(Run.parse(path).protocol).split.n_splits > 2:
            ratio = (errors.std.mae / errors.mean.mae_standard_error) ** 2
            ratios[group].append(ratio)
            sys.stdout.write(f"{ratio:.2f}  {path}\n")
    for group, found in ratios.items():
        mean, error = np.mean(found), np.std(found, ddof=1) / np.sqrt(len(found))
        sys.stdout.write(f"{mean:.2f} ± {error:.2f} over {len(found)} {group}\n")


if __name__ == "__main__":
    main()
