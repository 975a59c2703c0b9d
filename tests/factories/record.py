"""A project with a run of a paper that can be recorded: made-up results of BRNet on KEFE, published 0.096 eV/atom."""

import json
from pathlib import Path

from elemflow.config.kinds import parts_of
from elemflow.config.load import Settings
from elemflow.core.files import read_json, sha256_file, write_json
from elemflow.core.run import Run
from elemflow.plan import paths
from factories.reporting import write_run

RUN = Run("kefe", "formation_energy", "ef", "brnet", "brnet2023")
COMMIT = "0123456789" * 4
MATERIALS = "fedcba9876543210" * 4
PINNED = "97c8e52cbb2c24de8b5ac9a8c9297260d59645417602849b50276a2752ae4ae3"
"""SHA-256 that the dataset kefe expects of its file."""
RAW = {"file": "kefe.csv.gz", "bytes": 1234, "sha256": PINNED}
MARKS = "<!-- coverage of the record -->\n<!-- end of the coverage -->\n"


def make_info(settings: Settings) -> dict:
    """Return `run_info.json` of the run as the paper's study trains it, without its members."""
    protocol, dataset = settings.protocol(RUN.protocol), settings.datasets[RUN.dataset]
    cfg = {
        "run": RUN.keys(),
        "model": settings.models[RUN.model].training_parameters(),
        "protocol": protocol.training_parameters(dataset.properties[RUN.property], parts_of(RUN.representation)),
    }
    return {
        "cfg": json.loads(json.dumps(cfg)),
        "commit": COMMIT,
        "engine": {"name": "tensorflow", "device": "cpu"},
        "host": {"processor": "A processor", "platform": "Linux", "threads": 1},
        "inputs_sha256": {f"results/datasets/{RUN.dataset}/materials.parquet": MATERIALS},
        "seconds_fitting": 1800.0,
        "started": "2026-01-02T02:04:05+00:00",
        "finished": "2026-01-02T03:04:05+00:00",
        "versions": {"keras": "3.15.1"},
    }


def write_results(project: Path, settings: Settings, error: float = 0.097, members: int = 3) -> Path:
    """Write results with the run, members of the same error, and with the manifest of its raw files."""
    folder = write_run(project / "results/runs", RUN.path, [error] * members)
    trained = read_json(folder / "run_info.json")["members"]
    for number, facts in enumerate(trained.values()):
        facts |= {"seed": 100 + number, "rows": {"train": 1900, "validation": 195, "test": 40}}
    write_json(folder / "run_info.json", make_info(settings) | {"members": trained})
    counts = {"materials": 2135, "properties": {"formation_energy": {"values": 2135}}}
    write_json(project / f"results/datasets/{RUN.dataset}/curation.json", counts)
    write_manifest(project, MATERIALS)
    return project / "results"


def write_manifest(project: Path, materials: str, dataset: str = RUN.dataset) -> Path:
    """Write the manifest of raw files, and the record of a curation that made some materials of them."""
    manifest = project / paths.MANIFEST.format(dataset=dataset)
    source = {"kind": "shipped", "name": dataset}
    write_json(
        manifest,
        {"dataset": dataset, "source": source, "files": [RAW | {"url": "/a/place", "retrieved": "2026-01-01"}]},
    )
    made = {"outputs": {"materials.parquet": materials}, "inputs": {str(manifest): sha256_file(manifest)}}
    write_json(project / paths.MATERIALS_RECORD.format(dataset=dataset), made)
    return manifest


def write_project(project: Path, root: Path) -> Path:
    """Write what a record is made from next to a configuration, without any recorded run."""
    for name in (paths.PUBLISHED_MAE, paths.PUBLISHED_OTHER, paths.RATES):
        target = project / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((root / name).read_bytes())
    (project / "README.md").write_text(f"# A project\n{MARKS}")
    (project / "resources/record").mkdir()
    (project / "resources/record/README.md").write_text(f"# Its record\n{MARKS}")
    return project
