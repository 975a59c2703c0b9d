"""Processor time of each stage of `elemflow predict` with the base that ships, on one thread.

    OMP_NUM_THREADS=1 PYTHONPATH=workflow python benchmarks/bench_base_prediction.py formulas.csv [property …]

The file is read as the command reads it. Times exclude the start of the process.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from elemflow.base.predictor import BasePredictor
from elemflow.features.magpie import element_table
from elemflow.inference.formula_tables import formula_chunks
from elemflow.multitask.file import BaseFile


def main(path: str, *properties: str) -> None:
    predictor = BasePredictor(None, properties)
    base, heads = predictor.base, predictor.heads
    element_table()
    spent: defaultdict[str, float] = defaultdict(float)

    def timed(stage: str, work: Callable[..., Any], *arguments: Any) -> Any:
        start = time.process_time()
        result = work(*arguments)
        spent[stage] += time.process_time() - start
        return result

    chunks = formula_chunks(Path(path))
    schema = predictor.schema(["formula", "composition", "reason"])
    while chunk := timed("reading", next, chunks, None):
        batch = timed("parsing and features", predictor.featurizer.batch, chunk.formulas)
        found = timed("scaling and networks", base.predict, batch.x, heads)
        with patch.object(BaseFile, "predict", return_value=found):
            timed("intervals, flags, hashes and columns", predictor.table, batch, schema)
    for stage, seconds in spent.items():
        print(f"{stage:40s} {seconds:6.2f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
