import json

import pytest
import yaml

from elemflow.core.errors import DataError
from elemflow.core.files import sha256_file, write_json, write_text
from elemflow.provenance.crate import CrateStudy, list_crates, write_crate

CFG = {
    "study": "demo",
    "title": "Demo",
    "reference": "nobody",
    "datasets": {"alloys": {"title": "Alloys", "license": "CC BY 4.0", "citation": ["boer1988"]}},
    "configuration": {"studies": ["demo"], "overrides": {"protocols": {"p": {"training": {"max_epochs": 5}}}}},
}
STUDY = CrateStudy.from_params(CFG)
RUN = {"dataset": "alloys", "property": "energy", "representation": "ef", "protocol": "p"}


@pytest.fixture
def study(tmp_path):
    """Two finished runs, a table and a figure of a study, and the manifest of its data."""
    runs = []
    for number, model in enumerate(("forest", "brnet")):
        folder = tmp_path / f"results/runs/alloys/energy/ef/{model}/p"
        write_text(folder / "predictions.parquet", model)
        write_json(folder / "metrics.json", {"test": number})
        run = {key: model if key == "model" else RUN[key] for key in ("dataset", "property", "representation")}
        info = {
            "cfg": {"run": run | {"model": model, "protocol": "p"}},
            "started": f"2026-11-20T0{number + 1}:00:00+00:00",
            "finished": f"2026-11-20T0{number + 1}:30:00+00:00",
            "inputs_sha256": {"results/features/alloys/ef.parquet": "ab" * 32, "results/splits/p.parquet": "cd" * 32},
            "commit": "1234567",
            "versions": {"python": "3.11.7"},
            "host": {"platform": "Linux"},
        }
        write_json(folder / "run_info.json", info)
        runs.append(folder)
    products = []
    for name in (
        "tables/demo/errors",
        "tables/demo/errors.csv",
        "figures/demo/parity.png",
        "tables/demo/references.bib",
    ):
        write_text(tmp_path / "results" / name, name)
        products.append(tmp_path / "results" / name)
    files = [
        {
            "file": "a.csv",
            "bytes": 10,
            "retrieved": "2026-11-19",
            "sha256": "12" * 32,
            "url": "https://example.org/a.csv",
        },
        {"file": "b.csv", "bytes": 20, "retrieved": "2026-11-19", "sha256": "34" * 32, "url": "/data/b.csv"},
    ]
    write_json(tmp_path / "manifest.json", {"dataset": "alloys", "files": files})
    return runs, products, [tmp_path / "manifest.json"]


def entities(crate):
    described = json.loads((crate / "ro-crate-metadata.json").read_text())
    return {entity["@id"]: entity for entity in described["@graph"]}


def test_a_crate_leads_from_a_table_to_the_raw_bytes(study, tmp_path):
    write_crate(STUDY, *study, tmp_path / "crate")
    found = entities(tmp_path / "crate")
    action = found["#workflow-run"]
    assert action["instrument"] == {"@id": "Snakefile"}
    assert {"@id": "results/tables/demo/errors.csv"} in action["result"]
    assert {"@id": "https://example.org/a.csv"} in action["object"]
    assert {"@id": "configuration.yaml"} in action["object"]
    assert yaml.safe_load((tmp_path / "crate/configuration.yaml").read_text()) == CFG["configuration"]
    assert found["https://example.org/a.csv"]["sha256"] == "12" * 32
    assert found["#raw/alloys/b.csv"]["usageInfo"] == "CC BY 4.0"
    assert (action["startTime"], action["endTime"]) == ("2026-11-20T01:00:00+00:00", "2026-11-20T02:30:00+00:00")
    training = found["#train/alloys/energy/ef/brnet/p"]
    assert found[training["object"][0]["@id"]]["sha256"] == "ab" * 32
    assert {result["@id"].rsplit("/", 1)[-1] for result in training["result"]} == {
        "run_info.json", "metrics.json", "predictions.parquet",
    }  # fmt: skip
    assert {part["@id"] for part in found["./"]["mentions"]} >= {"#workflow-run", training["@id"]}


def test_every_file_that_is_named_is_there_with_its_digest(study, tmp_path):
    write_crate(STUDY, *study, tmp_path / "crate")
    found = entities(tmp_path / "crate")
    files = [name for name, entity in found.items() if "File" in entity["@type"] and not name.startswith("http")]
    assert {"Snakefile", "LICENSE", "config/studies/demo.yaml", "results/tables/demo/errors.txt"} <= set(files)
    for name in files:
        assert found[name]["sha256"] == sha256_file(tmp_path / "crate" / name)
    for folder in ("workflow", "scripts", "config", "envs", "resources/published"):
        assert any((tmp_path / "crate" / folder).iterdir())
    assert not list((tmp_path / "crate").rglob("__pycache__"))


def test_a_network_of_the_users_own_is_part_of_the_crate(study, tmp_path):
    own = tmp_path / "own_net.py"
    own.write_text("def build(options, n_inputs, seed): ...")
    for folder, file in zip(study[0], (str(own), "config/demo.yaml"), strict=True):
        info = json.loads((folder / "run_info.json").read_text())
        info["cfg"]["model"] = {"kind": "network", "spec": {"family": "custom", "file": file}}
        info["inputs_sha256"] |= {file: "0" * 64}
        write_json(folder / "run_info.json", info)
    write_crate(STUDY, *study, tmp_path / "crate")
    name = f"networks/{sha256_file(own)[:12]}/own_net.py"
    assert (tmp_path / "crate" / name).read_text() == own.read_text()
    assert "SoftwareSourceCode" in entities(tmp_path / "crate")[name]["@type"]
    assert "config/demo.yaml" not in entities(tmp_path / "crate")  # within a folder that is added as it is


def test_equal_inputs_give_an_equal_crate(study, tmp_path):
    for name in ("a", "b"):
        write_crate(STUDY, *study, tmp_path / name)
    listed = list_crates([tmp_path / "a", tmp_path / "b"]).splitlines()
    assert listed[0].split()[0] == listed[1].split()[0]


def test_a_study_without_runs_is_refused_and_leaves_nothing(study, tmp_path):
    _, products, manifests = study
    with pytest.raises(DataError, match="study 'demo' has no run"):
        write_crate(STUDY, [], products, manifests, tmp_path / "crate")
    assert not (tmp_path / "crate").exists()
