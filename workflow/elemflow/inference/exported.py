"""A trained run as one file: networks, scaling, target, calibration, applicability, provenance, licence, model card."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from elemflow.config.model import NetworkModel
from elemflow.core.archive import write_archive
from elemflow.core.errors import DataError
from elemflow.core.files import read_json, sha256_file, write_json, write_text
from elemflow.core.places import ROOT, find
from elemflow.core.run import Run
from elemflow.core.version import version
from elemflow.inference.ensemble import evaluated_combination
from elemflow.inference.model_card import CARD, CARD_JSON, ModelFacts, card_text, facts_of
from elemflow.inference.model_files import save_calibration, save_domain
from elemflow.inference.reliability import calibration_rows, load_domain
from elemflow.inference.run_folders import project_of
from elemflow.inference.trained_on import trained_compositions
from elemflow.inference.trust import NETWORK_FILE
from elemflow.multitask.file import SEEN
from elemflow.multitask.seen import Seen
from elemflow.training.run_config import RunConfig
from elemflow.training.storage import MODEL_FILE, read_run_config, stored_members

SUFFIX = ".elemflow"
DESCRIBED = ("title", "version", "license", "citation")
"""What is said about the dataset."""
NOT_SHARED = ("host", "energy_joules_last_start", "peak_memory_mb", "starts", "seconds_last_start")
"""Keys of `run_info.json` that describe a machine; they stay there."""


@dataclass
class Exported:
    """An exported file.

    Attributes:
        sha256: Its SHA-256.
        notes: What it does not have, and why.
    """

    sha256: str
    notes: list[str] = field(default_factory=list)


def export_run(run: Path, out: Path, bibliography: str = "") -> Exported:
    """Write a trained run as one file, which predicts without the folders of the run.

    Args:
        run: Folder of the run.
        out: File to write; the same run gives the same bytes.
        bibliography: BibTeX of what to cite.

    Raises:
        DataError: The folder holds no trained run.
    """
    config = read_run_config(run / "model")
    if not stored_members(run / "model"):
        raise DataError(f"{run}: no member is stored, since the run has no result; its log says why.")
    notes: list[str] = []
    with TemporaryDirectory(prefix="elemflow-") as name:
        folder = Path(name)
        _copy_members(run, folder, config)
        _add_reliability(run, folder, config, notes)
        _add_trained_on(run, folder, notes)
        facts = _facts(run, folder, config)
        write_json(folder / CARD_JSON, facts)
        write_text(folder / CARD, card_text(facts))
        if bibliography:
            write_text(folder / "references.bib", bibliography)
        if (ROOT / "LICENSE").is_file():
            shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")
        about = {"run": config.run.path, "elemflow": version()}
        return Exported(write_archive(out, folder, about), notes)


def dataset_facts(run: Path) -> dict[str, Any]:
    """Return title, version, licence and citation of a run's dataset, as far as its project has them."""
    project, dataset = project_of(run), Run.of_folder(run.absolute()).dataset
    if project is None:
        return {}
    about = project / "results" / "datasets" / dataset / "about.json"
    declared = find(f"config/datasets/{dataset}.yaml", project)
    if about.is_file():
        found = read_json(about)
    elif declared.is_file():
        found = yaml.safe_load(declared.read_text(encoding="utf-8"))
    else:
        found = {}
    return {key: found[key] for key in DESCRIBED if found.get(key)}


def _copy_members(run: Path, folder: Path, config: RunConfig) -> None:
    """Copy what predicts, the errors of the evaluation, and where the run comes from."""
    (folder / "model").mkdir()
    shutil.copyfile(run / "model" / MODEL_FILE, folder / "model" / MODEL_FILE)
    for member in stored_members(run / "model"):
        for path in (member.network_path, member.estimator_path, member.scaling_path, member.target_path):
            if path.exists():
                shutil.copyfile(path, folder / "model" / path.name)
    if isinstance(config.model, NetworkModel) and (file := config.model.spec.source_file):
        write_json(folder / "model" / NETWORK_FILE, {"file": file, "sha256": sha256_file(find(file))})
    if (run / "metrics.json").exists():
        shutil.copyfile(run / "metrics.json", folder / "metrics.json")
    if (run / "run_info.json").exists():
        info = read_json(run / "run_info.json")
        write_json(folder / "provenance.json", {key: info[key] for key in info if key not in NOT_SHARED})


def _add_reliability(run: Path, folder: Path, config: RunConfig, notes: list[str]) -> None:
    """Write calibration and applicability, or note why there is none."""
    how = evaluated_combination(run) or "mean"
    try:
        save_calibration(folder, calibration_rows(run, how), how)
    except DataError as error:
        notes.append(f"without intervals: {error}")
    try:
        save_domain(folder, load_domain(run, config.run))
    except DataError as error:
        notes.append(f"without applicability: {error}")


def _add_trained_on(run: Path, folder: Path, notes: list[str]) -> None:
    """Write hashes of the compositions that the networks have seen, or note why there are none."""
    try:
        (folder / SEEN).write_bytes(Seen.of_all(trained_compositions(run)).pack())
    except DataError as error:
        notes.append(f"without the compositions it was trained on: {error}")


def _facts(run: Path, folder: Path, config: RunConfig) -> ModelFacts:
    return facts_of(folder, config, dataset_facts(run), members=len(stored_members(run / "model")))
