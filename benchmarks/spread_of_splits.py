"""How much the error of a network varies from split to split, next to the standard error of one test set.

    python benchmarks/spread_of_splits.py

Reads the runs of the record whose members have splits of their own. If seeds and training sets changed nothing, the
variance over the splits would be that of the test set's sampling, and the mean of their ratio 1.
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

NETWORKS = ("network", "network_search")


def main() -> None:
    """Print the ratio of each run, and their mean with its standard error."""
    root = Path(__file__).resolve().parents[1]
    settings, ratios = load({"studies": list(PAPERS)}, root), []
    for path, folder in recorded_runs(root / paths.RECORD).items():
        errors = read_test_errors(folder)
        kind = read_run_info(folder, "cfg")["cfg"]["model"]["kind"]
        if kind in NETWORKS and errors.n_members > 2 and settings.protocol(Run.parse(path).protocol).split.n_splits > 2:
            ratio = (errors.std.mae / errors.mean.mae_standard_error) ** 2
            ratios.append(ratio)
            sys.stdout.write(f"{ratio:.2f}  {path}\n")
    mean, error = np.mean(ratios), np.std(ratios, ddof=1) / np.sqrt(len(ratios))
    sys.stdout.write(f"{mean:.2f} ± {error:.2f} over {len(ratios)} runs\n")


if __name__ == "__main__":
    main()
