"""The workflow of a clone, used from a folder of the user's own."""

from pathlib import Path

import pytest
import yaml
from factories.forked_snakemake import run_forked
from factories.own_project import DECLARED, make_own_project, write_snakefile

from elemflow.config.load import load
from elemflow.core.errors import ConfigError
from elemflow.plan import paths
from elemflow.plan.workflow import Workflow

TABLE = "results/tables/mine/errors"
CONFIG = DECLARED["config"]


@pytest.fixture
def own(root: Path, tmp_path: Path) -> Path:
    """A project of the user's own."""
    return make_own_project(root, tmp_path / "project")


def _plan(folder: Path, *arguments: str) -> str:
    status, shown = run_forked(["--cores", "1", "--dry-run", "--nocolor", *arguments], folder)
    assert status == 0, shown[-4000:]
    return shown


@pytest.mark.parametrize("renamed", ["", " as elemflow_*"])
def test_a_module_is_planned_in_another_snakefile(root: Path, own: Path, renamed: str) -> None:
    write_snakefile(root, own, renamed)
    shown = _plan(own, "results/tables/mine/lines.txt", "results/tables/mine/references.bib", paths.FORECAST)
    assert "rule count_lines:" in shown
    assert f"rule {renamed.removeprefix(' as ').rstrip('*')}train_model:" in shown
    assert f"{root}/resources/published/references.bib, config/published/references.bib" in shown
    assert f"{root}/{paths.RATES}" in shown
    assert f"input: {own}/transport_sample.csv" in shown or "input: transport_sample.csv" in shown


def test_a_directory_elsewhere_is_planned(root: Path, own: Path) -> None:
    shown = _plan(root, "-s", str(root / "Snakefile"), "--directory", str(own))
    assert "results/runs/mine/seebeck/ef/linear_regression/mine/metrics.json" in shown
    assert not (own / "workflow").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"studies: [tiny\nscale: {", "config/config.yaml, line 2: not valid YAML: expected ',' or ']'"),
        (b"title: \xe9", "config/config.yaml: not UTF-8 text"),
        (b"a: 2021-02-30", "config/config.yaml: not valid YAML: day is out of range"),
    ],
)
def test_a_mistake_in_the_syntax_of_the_configuration_is_named(
    root: Path, own: Path, content: bytes, message: str
) -> None:
    (own / "config/config.yaml").write_bytes(content)
    status, shown = run_forked(["-s", str(root / "Snakefile"), "--directory", str(own), "--dry-run", TABLE], root)
    assert status == 1
    assert message in shown


def test_a_prefix_of_paths_is_refused(root: Path, own: Path) -> None:
    write_snakefile(root, own)
    text = (own / "Snakefile").read_text(encoding="utf-8")
    (own / "Snakefile").write_text(text.replace("    config:\n", '    prefix:\n        "sub"\n    config:\n'))
    status, shown = run_forked(["--dry-run", TABLE], own)
    assert status == 1
    assert "'prefix'" in shown


def test_declarations_of_the_user_win_and_extend_those_that_ship(root: Path, own: Path) -> None:
    (own / "config/models/ridge.yaml").write_text("{title: Mine, kind: estimator, estimator: lasso}")
    (own / "config/protocols/longer.yaml").write_text("{extends: brnet2023, title: Longer}")
    settings = load(CONFIG, root, own=own)
    assert settings.models["ridge"].estimator == "lasso"
    assert "kefe" in settings.datasets
    assert settings.protocols["longer"].split == settings.protocols["brnet2023"].split
    assert load({"studies": ["demo"]}, root).models["ridge"].estimator == "ridge"


def test_messages_name_the_file_that_holds_the_mistake(root: Path, own: Path) -> None:
    (own / "config/models/wrong.yaml").write_text("{extends: ridg, title: Wrong}")
    with pytest.raises(ConfigError, match=r"^config/models/wrong\.yaml: key 'extends': no model 'ridg'.*'ridge'"):
        load(CONFIG, root, own=own)
    (own / "config/models/wrong.yaml").unlink()
    overridden = {"models": {"ridge": {"kind": "estimate"}}}
    with pytest.raises(ConfigError, match=rf"^{root}/config/models/ridge\.yaml \(with overrides\.models\.ridge"):
        load(CONFIG | {"overrides": overridden}, root, own=own)


def test_networks_of_the_user_lie_in_their_folder(root: Path, own: Path) -> None:
    spec = {"family": "custom", "file": "networks/mine.py"}
    declared = {"title": "Own", "kind": "network", "spec": spec}
    (own / "config/models/own.yaml").write_text(yaml.safe_dump(declared))
    with pytest.raises(ConfigError, match=r"networks/mine\.py"):
        load(CONFIG, root, own=own)
    (own / "networks").mkdir()
    (own / "networks/mine.py").write_text("def build(options, n_inputs, seed): ...\n")
    assert load(CONFIG, root, own=own).models["own"].spec.file == "networks/mine.py"


def test_published_values_of_the_user_are_added(root: Path, own: Path) -> None:
    header = "study,table,row,dataset,property,unit,size,representation,model,depth,mae"
    value = "mine,T1,,mine,seebeck,µV/K,,ef,linear_regression,,120.5"
    (own / "config/published/published_mae.csv").write_text(f"{header}\n{value}\n", encoding="utf-8")
    study = DECLARED["studies/mine"]
    table = study["tables"]["errors"] | {"published_table": "T1"}
    (own / "config/studies/mine.yaml").write_text(yaml.safe_dump(study | {"tables": {"errors": table}}))
    wf = Workflow.load(CONFIG, root, own=own)
    assert [cell.published for cell in wf.plan.tables["mine", "errors"].cells] == [120.5, None]
    assert wf.published(paths.REFERENCES) == [str(root / paths.REFERENCES), "config/published/references.bib"]


def test_paths_in_the_clone_stay_relative(root: Path) -> None:
    wf = Workflow.load({"studies": ["demo"]}, root, own=root)
    assert wf.shipped(paths.RATES) == paths.RATES
    assert wf.published(paths.REFERENCES) == [paths.REFERENCES]
