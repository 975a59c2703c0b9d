"""What captions say of the data of a recorded run."""

from pathlib import Path

import pytest
from factories.record import RUN, write_manifest

from elemflow.core.errors import DataError
from elemflow.core.files import read_json, write_json
from elemflow.record.about import fill_about, write_about
from elemflow.record.cells import Planned

PLACE = Path("resources/record") / RUN.path / "about.json"


def write_source(project: Path, source: dict | None) -> None:
    manifest = write_manifest(project, "fe" * 32)
    found = {key: value for key, value in read_json(manifest).items() if key != "source"}
    write_json(manifest, found | ({"source": source} if source else {}))


def test_a_recorded_run_has_the_title_version_and_citation_of_its_dataset(
    recorded: Path, planned: list[Planned]
) -> None:
    dataset = planned[0].settings.datasets["kefe"]
    assert read_json(recorded / PLACE) == {
        "title": dataset.title,
        "version": dataset.version,
        "license": dataset.license,
        "citation": list(dataset.citation),
    }


def test_the_configuration_that_reads_the_same_source_describes_it(results: Path, planned: list[Planned]) -> None:
    """Of two configurations of one dataset: other copies have other versions and other citations."""
    overlay = planned[1].settings.datasets["oqmd2"]
    run = type(RUN)("oqmd2", "formation_energy", "pa", "ridge", "huang2020_dnn")
    manifest = write_manifest(results.parent, "fe" * 32, "oqmd2")
    write_json(
        manifest, read_json(manifest) | {"source": {"kind": "table", "path": "/a/place/oqmd_composition.parquet"}}
    )
    write_about(results, run, results, planned)
    found = read_json(results / "about.json")
    assert (found["version"], found["citation"]) == (overlay.version, list(overlay.citation))
    assert found["version"] != planned[0].settings.datasets["oqmd2"].version


@pytest.mark.parametrize(
    "source", [None, {"kind": "jarvis"}, {"kind": "shipped", "name": "kebg"}, {"kind": "table", "path": "other.csv.gz"}]
)
def test_a_source_that_no_configuration_reads_is_not_described(
    results: Path, planned: list[Planned], source: dict | None
) -> None:
    write_source(results.parent, source)
    with pytest.raises(DataError, match="no configuration of the papers' studies reads kefe from such a source"):
        write_about(results, RUN, results, planned)
    assert not (results / "about.json").exists()


def test_runs_that_lack_it_are_filled_where_the_results_have_their_manifest(
    recorded: Path, planned: list[Planned]
) -> None:
    whole = (recorded / PLACE).read_bytes()
    record = recorded / "resources/record"
    assert list(fill_about(recorded / "results", record, planned)) == []
    (recorded / PLACE).unlink()
    assert list(fill_about(recorded / "other/results", record, planned)) == []
    assert list(fill_about(recorded / "results", record, planned)) == [RUN.path]
    assert (recorded / PLACE).read_bytes() == whole
