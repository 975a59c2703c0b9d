"""Provenance of a finished study as a Workflow Run RO-Crate: a folder with the origin of every file in JSON-LD.

Leo et al., PLoS ONE 19, e0309210 (2024), profile Workflow Run Crate 0.5, on RO-Crate 1.1. Inputs that are large or not
ours to pass on (raw files, structures, features) are described with their SHA-256 and not copied.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml
from rocrate.model.contextentity import ContextEntity
from rocrate.model.entity import Entity
from rocrate.rocrate import ROCrate

from elemflow.core.errors import DataError
from elemflow.core.files import read_json, sha256_file
from elemflow.core.places import ROOT, find, project
from elemflow.provenance.run_info import library_versions

CODE_FOLDERS = ("workflow", "scripts", "config", "envs", "resources/published")
CONFIGURATION_FOLDERS = tuple(f"config/{name}" for name in ("datasets", "models", "protocols", "studies", "published"))
CONFIGURATION = "configuration.yaml"
CODE_FILES = ("README.md", "LICENSE", "CITATION.cff")
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
TERMS = {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}
"""Terms that RO-Crate 1.1 does not define."""
CODE_LICENSE = "https://spdx.org/licenses/MIT"
DONE = "http://schema.org/CompletedActionStatus"
MEDIA = {
    ".csv": "text/csv", ".html": "text/html", ".json": "application/json", ".md": "text/markdown", ".png": "image/png",
    ".svg": "image/svg+xml", ".bib": "application/x-bibtex", ".tex": "application/x-tex", ".yaml": "application/yaml",
    ".cff": "application/yaml", ".parquet": "application/vnd.apache.parquet", "": "text/plain",
}  # fmt: skip


@dataclass(frozen=True)
class DatasetReference:
    """What is quoted of a dataset.

    Attributes:
        title: Title.
        license: Licence in words, as the database states it; empty if it states none.
        citation: Keys of `references.bib`.
    """

    title: str
    license: str
    citation: Sequence[str]


@dataclass(frozen=True)
class CrateStudy:
    """The study of a crate.

    Attributes:
        study: Id.
        title: Title.
        reference: Publication that it reproduces.
        datasets: References of its datasets, by id.
        configuration: Merged configuration of config.yaml, further files and the command line, as plain YAML values.
    """

    study: str
    title: str
    reference: str
    datasets: Mapping[str, DatasetReference]
    configuration: Mapping[str, Any]

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Self:
        """Return the study of a job's `params.cfg`, which has the fields as plain values."""
        datasets = {name: DatasetReference(**each) for name, each in params["datasets"].items()}
        return cls(**{**params, "datasets": datasets})


@dataclass(frozen=True)
class RecordedRun:
    """What `run_info.json` records of a run.

    Attributes:
        folder: Folder of the run.
        inputs_sha256: SHA-256 of what it read, by path.
        started: Time of its start, ISO 8601.
        finished: Time of its end, ISO 8601.
        description: Commit, versions and platform.
        network_file: The user's own file that built its network, if there is one.
    """

    folder: Path
    inputs_sha256: Mapping[str, str]
    started: str
    finished: str
    description: str
    network_file: str | None = None

    @property
    def path(self) -> str:
        """Path of the run below `results/runs/`."""
        return "/".join(self.folder.parts[self.folder.parts.index("runs") + 1 :])

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the record of a run."""
        info = read_json(folder / "run_info.json")
        versions = ", ".join(f"{name} {version}" for name, version in info["versions"].items())
        return cls(
            folder,
            info["inputs_sha256"],
            info["started"],
            info["finished"],
            f"commit {info['commit'] or 'not known'}; {versions}; {info['host']['platform']}",
            info["cfg"].get("model", {}).get("spec", {}).get("file"),
        )


def write_crate(
    study: CrateStudy,
    runs: Sequence[Path],
    products: Sequence[Path],
    manifests: Sequence[Path],
    output: Path,
) -> None:
    """Write the crate of a study.

    Args:
        study: The study.
        runs: Folders of the runs behind the study, below `results/runs`, with `run_info.json`, `metrics.json` and
            `predictions.parquet`.
        products: Tables, figures, their numbers and `references.bib`, below `results`.
        manifests: `manifest.json` of each dataset's raw files.
        output: Written: the folder, whole or not at all.

    Raises:
        DataError: The study has no run, so there is nothing that was run.
    """
    if not runs:
        raise DataError(f"study '{study.study}' has no run whose data are available, so there is no provenance.")
    recorded = [RecordedRun.read(folder) for folder in runs]
    finished = max(run.finished for run in recorded)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as temporary:
        code = Path(temporary) / "code"
        _copy_code(code)
        crate = ROCrate(version="1.1")  # the version of the profiles
        crate.metadata.extra_terms.update(TERMS)
        _describe_root(crate, study, finished)
        workflow = _add_code(crate, code, study.study)
        raw = [entity for path in manifests for entity in _add_raw(crate, path, study.datasets)]
        made = [_add_file(crate, path, _named(path)) for path in products]
        _add_networks(crate, code, recorded)
        for run in recorded:
            _add_run(crate, run)
        declared = crate.get(f"config/studies/{study.study}.yaml")
        as_run = Path(temporary) / CONFIGURATION
        as_run.write_text(yaml.safe_dump(dict(study.configuration), allow_unicode=True), encoding="utf-8")
        about = {"description": "Configuration of the workflow as it ran, to be given with --configfile."}
        action = crate.add_action(
            workflow,
            identifier="#workflow-run",
            object=[declared, _add_file(crate, as_run, CONFIGURATION, about), *raw],
            result=made,
            properties={
                "name": f"Computation of the study {study.study}",
                "description": "From the raw files to the tables and figures; the times are those of the trainings.",
                "agent": crate.root_dataset["author"],
                "startTime": min(run.started for run in recorded),
                "endTime": finished,
                "actionStatus": DONE,
            },
        )
        crate.root_dataset.append_to("mentions", action)
        whole = Path(temporary) / "crate"
        crate.write(whole)
        shutil.rmtree(output, ignore_errors=True)
        whole.rename(output)


def _copy_code(code: Path) -> None:
    """Copy what ships, then the user's own configuration, whose files take the place of those of their name."""
    ignore = shutil.ignore_patterns("__pycache__", ".*")
    for name in CODE_FOLDERS:
        shutil.copytree(ROOT / name, code / name, ignore=ignore)
    if project() != ROOT:
        for name in CONFIGURATION_FOLDERS:
            if (project() / name).is_dir():
                shutil.copytree(project() / name, code / name, ignore=ignore, dirs_exist_ok=True)


def _describe_root(crate: ROCrate, study: CrateStudy, finished: str) -> None:
    crate.name = f"elemflow: {study.title}"
    crate.description = (
        f"Tables and figures of the study '{study.study}', the runs behind them, and the workflow that computed them. "
        f"{study.reference}"
    ).rstrip()
    crate.datePublished = finished  # of the last run: equal inputs give an equal crate
    crate.license = crate.add(
        ContextEntity(crate, CODE_LICENSE, {"@type": "CreativeWork", "name": "MIT License", "identifier": CODE_LICENSE})
    )
    profiles = [
        crate.add(ContextEntity(crate, address, {"@type": "CreativeWork", "name": name, "version": version}))
        for address, (name, version) in PROFILES.items()
    ]
    crate.root_dataset["conformsTo"] = profiles
    authors = crate.add(
        ContextEntity(crate, "#authors", {"@type": "Organization", "name": "The elemflow developers"})
    )  # fmt: skip
    crate.root_dataset["author"] = authors


def _add_code(crate: ROCrate, code: Path, study: str) -> Entity:
    """Add the workflow with everything it runs; return its main file."""
    workflow = crate.add_workflow(
        ROOT / "Snakefile",
        "Snakefile",
        main=True,
        lang="snakemake",
        properties={"name": "elemflow", "encodingFormat": "text/plain"},
    )
    workflow["license"] = crate.license
    version = library_versions().get("elemflow", "not known")
    workflow["version"] = version
    workflow["sha256"] = sha256_file(ROOT / "Snakefile")
    for name in CODE_FOLDERS:
        crate.add_dataset(code / name, f"{name}/", properties={"name": f"elemflow: {name}"})
    for name in CODE_FILES:
        _add_file(crate, ROOT / name, name)
    crate.get("README.md")["about"] = crate.root_dataset
    script = {"@type": ["File", "SoftwareSourceCode"], "programmingLanguage": "Python", "version": version}
    _add_file(crate, ROOT / "scripts/train_model.py", "scripts/train_model.py", script)
    name = next(f"config/studies/{path.name}" for path in sorted((code / "config/studies").glob(f"{study}.y*ml")))
    declared = _add_file(crate, code / name, name)
    parameter = crate.add_formal_parameter("study", "File", identifier="#study", valueRequired=True)
    workflow["input"] = parameter
    declared["exampleOfWork"] = parameter
    return workflow


def _add_networks(crate: ROCrate, code: Path, runs: Iterable[RecordedRun]) -> None:
    """Add the user's own files that built networks of the runs, unless they are in a folder that is added."""
    paths = {find(run.network_file).resolve() for run in runs if run.network_file}
    for path in sorted(path for path in paths if path.is_file()):
        place = project() if path.is_relative_to(project()) else ROOT
        inside = path.is_relative_to(place)
        name = path.relative_to(place).as_posix() if inside else f"networks/{sha256_file(path)[:12]}/{path.name}"
        if not (code / name).is_file():
            _add_file(crate, path, name, {"@type": ["File", "SoftwareSourceCode"], "programmingLanguage": "Python"})


def _add_raw(crate: ROCrate, path: Path, datasets: Mapping[str, DatasetReference]) -> Iterator[Entity]:
    """Describe the raw files of a dataset, with their licence and citation; they are not copied."""
    manifest = read_json(path)
    dataset = manifest["dataset"]
    about = datasets[dataset]
    for record in manifest["files"]:
        address = str(record["url"])
        known = {"name": f"{about.title}: {record['file']}", "sha256": record["sha256"]}
        known |= {"contentSize": str(record["bytes"]), "dateModified": record["retrieved"]}
        # The licence is in words, as the database states it; the reference is a key of references.bib.
        known |= {"usageInfo": about.license or "no licence stated", "citation": ", ".join(about.citation)}
        if address.startswith(("http://", "https://", "ftp://")):
            known |= {"sdDatePublished": record["retrieved"], "encodingFormat": "application/octet-stream"}
            entity = crate.add_file(address, properties=known)
        else:
            entity = crate.add(
                ContextEntity(crate, f"#raw/{dataset}/{record['file']}", known | {"@type": "CreativeWork"})
            )
        yield entity


def _add_run(crate: ROCrate, run: RecordedRun) -> None:
    """Add the training of a run: what it read, with the recorded digests, and what it wrote."""
    read = [
        crate.get(f"#{name}")
        or crate.add(
            ContextEntity(
                crate, f"#{name}", {"@type": "CreativeWork", "name": name, "sha256": digest, "description": NOT_COPIED}
            )
        )
        for name, digest in run.inputs_sha256.items()
        if name != run.network_file  # part of the crate
    ]
    names = ("run_info.json", "metrics.json", "predictions.parquet")
    result = [_add_file(crate, run.folder / name, f"results/runs/{run.path}/{name}") for name in names]
    action = crate.add_action(
        crate.get("scripts/train_model.py"),
        identifier=f"#train/{run.path}",
        object=read,
        result=result,
        properties={
            "name": f"Training of {run.path}",
            "agent": crate.root_dataset["author"],
            "startTime": run.started,
            "endTime": run.finished,
            "actionStatus": DONE,
            "description": run.description,
        },
    )
    crate.root_dataset.append_to("mentions", action)


NOT_COPIED = "Made by the workflow from the raw files; not part of this crate."


def _add_file(
    crate: ROCrate, path: Path, name: str, further: Mapping[str, str | Sequence[str]] | None = None
) -> Entity:
    media = MEDIA.get(path.suffix, "text/plain")
    about = {"name": name, "encodingFormat": media, "contentSize": str(path.stat().st_size)}
    return crate.add_file(path, name, properties=about | {"sha256": sha256_file(path)} | dict(further or {}))


def _named(path: Path) -> str:
    """Return the name in the crate of a product; a table or figure in plain text gets a suffix."""
    parts = path.parts[path.parts.index("results") :]
    name = "/".join(parts)
    return name if path.suffix else f"{name}.txt"


def list_crates(crates: Iterable[Path]) -> str:
    """Return a line per crate: its folder and the SHA-256 of its metadata."""
    return "".join(f"{sha256_file(crate / 'ro-crate-metadata.json')}  {crate}\n" for crate in crates)
