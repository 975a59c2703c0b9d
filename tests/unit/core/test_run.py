from types import SimpleNamespace

import pytest

from elemflow.core.errors import DataError
from elemflow.core.run import RUN_KEYS, RUN_PATTERN, Run

IDS = dict(zip(RUN_KEYS, ("alloys", "energy", "st+ef", "net", "paper"), strict=True))


def test_a_run_is_the_same_from_keys_wildcards_and_path():
    run = Run.of(IDS | {"label": "anything"})
    assert run == Run.of(SimpleNamespace(**IDS)) == Run.parse(run.path)
    assert run.path == "alloys/energy/st+ef/net/paper" == RUN_PATTERN.format(**IDS)
    assert run.keys() == IDS


def test_a_path_of_another_depth_is_no_run():
    with pytest.raises(DataError, match="alloys/energy"):
        Run.parse("alloys/energy")


@pytest.mark.parametrize("results", ["results/runs", ".snakemake/storage/fs/bucket/results/runs"])
def test_a_run_is_known_by_its_folder_wherever_results_lie(results):
    assert Run.of_folder(f"{results}/{Run.of(IDS).path}") == Run.of(IDS)
