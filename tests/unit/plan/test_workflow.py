"""What the rules get for plain wildcards; nothing is built."""

import re
from types import SimpleNamespace

import pytest
from snakemake.io import is_flagged

from elemflow.config.kinds import FEATURES, TABLES
from elemflow.core.content import write_record
from elemflow.core.errors import ConfigError
from elemflow.core.files import write_text
from elemflow.core.run import Run
from elemflow.plan import paths, reruns
from elemflow.plan.workflow import Workflow, growing, one_of


@pytest.fixture(scope="module")
def wf(root):
    return Workflow.load({"studies": ["brnet2023", "demo"]}, root)


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """An empty working directory, since paths are relative to it."""
    monkeypatch.chdir(tmp_path)
    reruns.forget()
    yield tmp_path
    reruns.forget()


@pytest.fixture
def run(wf):
    return next(run for run in wf.plan.runs if wf.settings.models[run.model]["kind"] == "network")


def wildcards(run, **more):
    return SimpleNamespace(**run.keys(), **more)


def test_a_run_is_trained_on_features_materials_and_split(wf, run, empty):
    job = wildcards(run)
    parts = run.representation.split("+")
    assert wf.training.features(job) == [f"results/features/{run.dataset}/{part}.parquet" for part in parts]
    assert wf.training.materials(job) == f"results/datasets/{run.dataset}/materials.parquet"
    assert wf.training.split(job) == f"results/splits/{run.dataset}/{run.property}/{run.protocol}.parquet"
    assert wf.training.pretrained(job) == []
    assert wf.training.gpus(job) == 1


def test_titles_and_report_are_no_parameter_of_training(wf, run):
    cfg = wf.training.cfg(wildcards(run))
    assert cfg["run"] == run.keys()
    assert not {"title", "report", "ensemble", "uncertainty"} & set(cfg["protocol"])
    assert not {"title", "published"} & set(cfg["model"])
    assert "report" in wf.evaluation.cfg(wildcards(run))


def test_a_property_that_a_dataset_lacks_is_named(wf, run):
    with pytest.raises(ConfigError, match=f"'{run.dataset}' has no property 'nothing'"):
        wf.training.cfg(wildcards(Run.of(run.keys() | {"property": "nothing"})))


def test_curation_does_not_depend_on_texts(wf, run):
    cfg, texts = wf.curation.cfg(wildcards(run)), wf.curation.texts(wildcards(run))
    assert not {"title", "license", "citation"} & set(cfg)
    assert all("title" not in declared for declared in cfg["properties"].values())
    assert "title" in texts


def test_inputs_whose_content_was_used_are_ancient(wf, run, empty):
    job = wildcards(run)
    split = wf.training.split(job)
    for path in (
        paths.MANIFEST.format(dataset=run.dataset),
        *wf.training.features(job),
        wf.training.materials(job),
        split,
    ):
        write_text(path, path)
    build(wf, run)
    assert is_flagged(wf.training.split(job), "ancient")
    assert all(is_flagged(path, "ancient") for path in wf.training.features(job))
    write_text(split, "another split")
    write(wf.splits.product(run.dataset, run.property, run.protocol), [split], wf.splits.cfg(job))
    assert not is_flagged(wf.training.split(job), "ancient")
    assert is_flagged(wf.training.materials(job), "ancient")
    params = SimpleNamespace(cfg=wf.training.cfg(job), code="")
    trained = SimpleNamespace(rule=SimpleNamespace(name="train_model"), wildcards=job, params=params)
    assert "Out of date: 1. " in (message := wf.out_of_date([trained]))
    assert f"results/runs/{run.path}" in message
    assert wf.out_of_date([SimpleNamespace(rule=SimpleNamespace(name="make_table"), wildcards=job)]) == ""


def write(product, outputs, cfg):
    """Write the record of a job as its script does."""
    reruns.forget()
    inputs = [path for path, _ in product.inputs()]
    write_record(product.record, SimpleNamespace(cfg=cfg, code=""), inputs=inputs, outputs=outputs)
    reruns.forget()


def build(wf, run):
    """Write the records of all stages up to a run."""
    job = wildcards(run)
    materials = wf.training.materials(job)
    write(wf.curation.product(run.dataset), [materials], wf.curation.cfg(job))
    for path, product in wf.features.files(run.dataset, run.representation):
        write(product, [path], {})
    split = wf.training.split(job)
    write(wf.splits.product(run.dataset, run.property, run.protocol), [split], wf.splits.cfg(job))
    predictions = paths.PREDICTIONS.format(**run.keys())
    write_text(predictions, "predictions")
    write(wf.training.product(run), [predictions], wf.training.cfg(job))


def test_every_rule_has_a_digest_of_its_code(wf, run):
    job = wildcards(run, part=next(iter(FEATURES)))
    digests = [
        wf.sources.code(job),
        wf.curation.code(job),
        wf.features.code(job),
        wf.splits.code(job),
        wf.training.code(job),
        wf.code("evaluate_run.py")(job),
        wf.reports.tables_code("collect_tables.py")(job),
        wf.inference.importance_code(job),
        wf.inference.candidates_code(job),
    ]
    assert len(set(digests)) == len(digests)
    assert all(re.fullmatch("[0-9a-f]{16}", digest) for digest in digests)


def test_tables_and_figures_name_the_files_behind_them(wf):
    for study, table in wf.plan.tables:
        job = SimpleNamespace(study=study, table=table)
        assert wf.reports.table(job)["kind"] in TABLES
        assert all(path.endswith("/metrics.json") for path in wf.reports.table_metrics(job))
        assert wf.reports.table_curation(job)
    for study, figure in wf.plan.figures:
        job = SimpleNamespace(study=study, figure=figure)
        assert all(path.startswith("results/runs/") for path in wf.reports.figure_runs(job))


def test_everything_is_tables_figures_costs_and_what_to_cite(wf):
    targets = wf.everything()
    assert {"results/plan/runs.tsv", "results/tables/all", "results/figures/all"} < set(targets)
    assert "results/tables/demo/references.bib" in targets


def test_wildcards_match_ids_alone(wf, run):
    for key, value in run.keys().items():
        assert re.fullmatch(wf.constraints[key], value)
        assert not re.fullmatch(wf.constraints[key], f"{value}x")
    assert re.fullmatch(wf.constraints["representation"], "pa+ef")
    assert one_of([]) == "(?!)"


def test_a_misspelled_target_is_refused(wf, run):
    wf.check_targets(["--cores", "2", f"results/runs/{run.path}/metrics.json"])
    with pytest.raises(ConfigError, match="there is no model"):
        wf.check_targets([f"results/runs/{run.path}x/metrics.json".replace(run.model, f"{run.model}x")])


def test_memory_grows_with_each_attempt(wf, run, empty):
    assert growing(2000)(wildcards(run), 3) == 6000
    assert wf.training.memory_mb(wildcards(run), 2) == 2 * wf.training.memory_mb(wildcards(run), 1)
    assert wf.training.minutes(wildcards(run)) >= 30
