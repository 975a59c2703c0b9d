"""What the rules get for plain wildcards; nothing is built."""

import re
from types import SimpleNamespace

import pytest
from factories.jobs import wildcards
from snakemake.io import is_flagged

from elemflow.config.kinds import FEATURES
from elemflow.core.content import write_record
from elemflow.core.errors import ConfigError
from elemflow.core.files import write_text
from elemflow.plan import paths, reruns
from elemflow.plan.workflow import Workflow


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


def test_everything_is_tables_figures_costs_and_what_to_cite(wf):
    targets = wf.everything()
    assert {"results/plan/runs.tsv", "results/tables/all", "results/figures/all"} < set(targets)
    assert "results/tables/demo/references.bib" in targets


def test_wildcards_match_ids_alone(wf, run):
    for key, value in run.keys().items():
        assert re.fullmatch(wf.constraints[key], value)
        assert not re.fullmatch(wf.constraints[key], f"{value}x")
    assert re.fullmatch(wf.constraints["representation"], "pa+ef")


def test_a_misspelled_target_is_refused(wf, run):
    wf.check_targets(["--cores", "2", f"results/runs/{run.path}/metrics.json"])
    with pytest.raises(ConfigError, match="there is no model"):
        wf.check_targets([f"results/runs/{run.path}x/metrics.json".replace(run.model, f"{run.model}x")])


def test_a_whole_build_describes_the_datasets_that_it_curates(root):
    workflow = Workflow.load({"studies": ["demo"]}, root)
    found = {path for path in workflow.everything() if path.endswith("croissant.json")}
    assert found == {paths.CROISSANT.format(dataset=name) for name in ("kebg", "kefe")}
    assert found <= set(workflow.datasets())
    assert workflow.curation.titles(SimpleNamespace(dataset="kefe"))["titles"]["formation_energy"]
