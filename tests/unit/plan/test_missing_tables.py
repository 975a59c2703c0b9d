"""The message on a local table that is not there."""

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
from factories.configuration import DATASET

from elemflow.config.dataset import Dataset
from elemflow.plan.missing_tables import MissingTables, describe_missing
from elemflow.splits.schemes.file import File

WHERE = "config/datasets/mine.yaml: key 'source.path': "
OVERRIDDEN = "config: key 'overrides.datasets.mine.source.path': "


def logged(rule: str, dataset: str, folder: Path, config: dict | None = None) -> tuple[str, str]:
    """Return what Snakemake says of a job without its input, and what is logged then."""
    without = {"source": {"kind": "shipped", "name": "other"}}
    datasets = {"mine": Dataset.read(DATASET), "other": Dataset.read(DATASET | without)}
    said = (
        f'MissingInputException in rule {rule} in file "/p/retrieve.smk", line 1:\nMissing input files for rule {rule}:\n'
        f"    output: resources/raw/{dataset}/manifest.json\n    wildcards: dataset={dataset}\n"
        f"    affected files:\n        {folder}/d.csv"
    )
    record = logging.makeLogRecord({"msg": said, "exception": "MissingInputException"})
    assert MissingTables(SimpleNamespace(datasets=datasets, data_folder=folder), config or {}).filter(record)
    return said, record.getMessage()


def test_the_message_names_key_path_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "d.csv.gz").touch()
    advice = f"{tmp_path}/d.csv is missing. Did you mean 'd.csv.gz'? Put it there, or set data_folder."
    assert logged("retrieve_dataset", "mine", tmp_path)[1] == WHERE + advice
    assert logged("mine_retrieve_dataset", "mine", tmp_path)[1] == WHERE + advice, "a rule with a prefix"
    changed = {"overrides": {"datasets": {"mine": {"source": {"path": "d.csv"}}}}}
    assert logged("retrieve_dataset", "mine", tmp_path, changed)[1] == OVERRIDDEN + advice
    for other in ({"overrides": None}, {"overrides": {"datasets": {"mine": {"title": "M"}}}}):
        assert logged("retrieve_dataset", "mine", tmp_path, other)[1] == WHERE + advice


@pytest.mark.parametrize(("rule", "dataset"), [("split_dataset", "mine"), ("retrieve_dataset", "other")])
def test_other_messages_stay(rule: str, dataset: str, tmp_path: Path) -> None:
    said, shown = logged(rule, dataset, tmp_path)
    assert said == shown


@pytest.mark.parametrize(
    ("config", "place"),
    [
        (None, "config/protocols/by_list.yaml: key 'split.path'"),
        ({"by_list": {"members": 3}}, "config/protocols/by_list.yaml: key 'split.path'"),
        ({"by_list": {"split": {"path": "folds.json"}}}, "config: key 'overrides.protocols.by_list.split.path'"),
    ],
)
def test_a_missing_list_of_a_split_is_named(config: dict | None, place: str, tmp_path: Path) -> None:
    (tmp_path / "fold.json").touch()
    split = File(scheme="file", path="folds.json")
    protocols = {"by_list@seed=2": SimpleNamespace(split=split), "random": SimpleNamespace(split=None)}
    settings = SimpleNamespace(protocol=protocols.__getitem__, data_folder=tmp_path)
    shown = {}
    for name in protocols:
        said = (
            "MissingInputException in rule split_dataset:\nMissing input files for rule split_dataset:\n"
            f"    output: a.parquet\n    wildcards: dataset=mine, property=gap, protocol={name}\n    affected files:\n"
        )
        record = logging.makeLogRecord({"msg": said, "exception": "MissingInputException"})
        MissingTables(settings, {"overrides": {"protocols": config}}).filter(record)
        shown[name] = record.getMessage().removeprefix(said)
    assert shown["random"] == ""
    assert shown["by_list@seed=2"] == (
        f"{place}: {tmp_path}/folds.json is missing. Did you mean 'fold.json'? Put it there, or set data_folder."
    )


def test_the_place_of_a_table(tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    assert describe_missing(str(table)) == f"{table} is missing. Put it there, or set data_folder."
    whole = "remove data_folder, so that it is put together from public repositories."
    assert describe_missing(str(table), joined=True) == f"{table} is missing. Put it there, or {whole}"
    absent = tmp_path / "dta/mine.csv"
    assert f" There is no folder {absent.parent}. Put it there" in describe_missing(str(absent))
    table.touch()
    assert describe_missing(f"{table}/a.csv") == f"{table}/a.csv is missing. Put it there, or set data_folder."
