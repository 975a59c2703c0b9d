"""What a change of code or configuration runs again: the stages whose content changes, and no other."""

import os
import shutil
import time

import pytest
from factories.source_changes import rename_module, restyle, wrap_function

from elemflow.core.content import forget, hash_of

pytestmark = pytest.mark.workflow
RUNS = [f"results/runs/tiny/seebeck/ef/{model}/tiny" for model in ("tiny_brnet", "tiny_forest")]
TABLE = "results/tables/tiny/errors"
SPLIT = "results/splits/tiny/seebeck/tiny.parquet"
COMPUTING = {
    *("retrieve_dataset", "curate_dataset", "featurize_chunk", "featurize_dataset"),
    *("split_dataset", "train_model", "evaluate_run"),
}


def modules(project):
    folder = project.folder
    return [*(folder / "workflow/elemflow").rglob("*.py"), *(folder / "scripts").glob("*.py")]


def package(project, module):
    return project.folder.joinpath("workflow", "elemflow", *module.split(".")).with_suffix(".py")


def ran(shown):
    """Return the rules of which Snakemake ran jobs."""
    return {line.split()[1].rstrip(":") for line in shown.splitlines() if line.startswith(("rule ", "localrule "))}


def test_touched_files_rerun_nothing(copied):
    later = time.time() + 60
    for path in modules(copied):
        os.utime(path, (later, later))
    assert "Nothing to be done" in copied.run("--dry-run")


def test_other_comments_formatting_messages_and_private_names_rerun_nothing(copied):
    restyle(modules(copied))
    rule = copied.folder / "workflow/rules/train.smk"
    rule.write_text("# why\n" + rule.read_text())
    assert "Nothing to be done" in copied.run("--dry-run")


def test_a_renamed_module_reruns_nothing(copied):
    rename_module(copied.folder, "elemflow.splits.write", "elemflow.splits.written")
    rename_module(copied.folder, "elemflow.training.loop", "elemflow.training.fitting_loop")
    assert "Nothing to be done" in copied.run("--dry-run")


def test_a_reworded_title_or_licence_reruns_nothing_that_computes(copied):
    copied.edit("config/datasets/tiny.yaml", "title: Seebeck coefficient", "title: Seebeck  coefficient")
    copied.edit("config/datasets/tiny.yaml", "license: CC BY 4.0", "license: CC BY 4.0, as stated")
    assert not copied.planned() & COMPUTING


def test_code_that_makes_the_same_split_trains_nothing(copied):
    wrap_function(package(copied, "splits.write"), "write_split")
    assert copied.planned() & COMPUTING == {"split_dataset"}
    before = {path: hash_of(copied.folder / path) for path in (SPLIT, *RUNS)}
    shown = copied.run()
    assert "split_dataset" in shown
    assert "Out of date" not in shown
    forget()
    assert {path: hash_of(copied.folder / path) for path in (SPLIT, *RUNS)} == before
    assert "Nothing to be done" in copied.run("--dry-run")


def test_code_that_makes_another_split_retrains_its_users(copied):
    """The first start makes the split, fails and says what is out of date; the second makes that."""
    wrap_function(package(copied, "splits.schemes.base"), "hash_order", "original(*args, **kwargs)[::-1]")
    before = hash_of(copied.folder / SPLIT)
    shown = copied.run(TABLE, expect=1)
    assert hash_of(copied.folder / SPLIT) != before
    assert "Out of date: 2." in shown
    assert all(f"  {run}\n" in shown for run in RUNS)
    planned = copied.planned()
    assert {"train_model", "evaluate_run"} <= planned
    assert not planned & {"retrieve_dataset", "curate_dataset", "featurize_chunk", "featurize_dataset", "split_dataset"}
    copied.run(TABLE)
    assert "Nothing to be done" in copied.run("--dry-run", TABLE)


def test_one_start_makes_all_that_two_changes_need(copied):
    """A description that is written again must not hide that a training has another setting, or a missing table."""
    copied.edit("config/datasets/tiny.yaml", "title: Transport", "title: Renamed transport")
    copied.edit("config/protocols/tiny.yaml", "learning_rate: 0.001", "learning_rate: 0.002")
    (copied.folder / TABLE).unlink()
    assert {"describe_dataset", "train_model", "make_table"} <= ran(copied.run(TABLE))
    assert "Nothing to be done" in copied.run("--dry-run", TABLE)


def test_a_start_that_leaves_work_undone_is_no_success(copied):
    """Code far upstream hides that a training has another setting; the second start sees it."""
    wrap_function(package(copied, "curation.curate"), "curate")
    copied.edit("config/protocols/tiny.yaml", "learning_rate: 0.001", "learning_rate: 0.002")
    shown = copied.run(TABLE, expect=None)
    if "train_model" not in ran(shown):
        assert "Made with other settings or code: 2." in shown
        assert "train_model" in ran(copied.run(TABLE))
    assert "Nothing to be done" in copied.run("--dry-run", TABLE)


def test_a_lost_snakemake_folder_does_not_hide_other_settings(copied):
    copied.edit("config/protocols/tiny.yaml", "learning_rate: 0.001", "learning_rate: 0.002")
    shutil.rmtree(copied.folder / ".snakemake")
    assert "train_model" in copied.planned("--nocolor", TABLE)
    shutil.rmtree(copied.folder / ".snakemake")
    copied.edit("config/protocols/tiny.yaml", "learning_rate: 0.002", "learning_rate: 0.001")
    assert not copied.planned("--nocolor", TABLE) & COMPUTING


def test_a_changed_setting_is_planned_through_at_once(copied):
    copied.edit("config/protocols/tiny.yaml", "seed: 1", "seed: 2")
    planned = copied.planned()
    assert {"split_dataset", "train_model", "evaluate_run", "make_table"} <= planned
    assert not planned & {"retrieve_dataset", "curate_dataset", "featurize_chunk", "featurize_dataset"}


@pytest.mark.parametrize(
    ("module", "function", "planned"),
    [
        ("sources.retrieve", "retrieve", {"retrieve_dataset"}),
        ("curation.curate", "curate", {"curate_dataset"}),
        ("features.store", "gather_chunks", {"featurize_dataset", "featurize_chunk"}),
        ("evaluation.metrics", "evaluate", {"evaluate_run"}),
    ],
)
def test_changed_code_reruns_its_stage(copied, module, function, planned):
    wrap_function(package(copied, module), function)
    assert copied.planned() & COMPUTING == planned


def test_changed_training_code_trains_again(copied):
    wrap_function(package(copied, "training.job"), "train_run")
    planned = copied.planned()
    assert "train_model" in planned
    assert not planned & {"retrieve_dataset", "curate_dataset", "featurize_chunk", "featurize_dataset", "split_dataset"}


@pytest.mark.parametrize(
    ("file", "old", "new", "first", "never"),
    [
        ("config/protocols/tiny.yaml", "batch_size: 16", "batch_size: 8", "train_model", "split_dataset"),
        ("config/studies/tiny.yaml", "title: Errors", "title: Test errors", "make_table", "evaluate_run"),
    ],
)
def test_a_changed_setting_reruns_its_users(copied, file, old, new, first, never):
    copied.edit(file, old, new)
    planned = copied.planned()
    assert first in planned
    assert never not in planned


@pytest.mark.parametrize("path", ["tables/../transport_sample.csv", "{folder}/transport_sample.csv"])
def test_another_spelling_of_a_path_reruns_nothing(copied, path):
    (copied.folder / "tables").mkdir()
    spelled = path.format(folder=copied.folder)
    copied.edit("config/datasets/tiny.yaml", "path: transport_sample.csv", f"path: {spelled}")
    copied.edit("config/config.yaml", "data_folder: null", "data_folder: tables/..")
    assert "Nothing to be done" in copied.run("--dry-run")


def test_equal_bytes_from_another_folder_and_their_sha256_rerun_nothing_behind_retrieval(copied):
    (copied.folder / "tables").mkdir()
    moved = copied.folder / "tables/transport_sample.csv"
    shutil.copyfile(copied.folder / "transport_sample.csv", moved)
    copied.edit("config/datasets/tiny.yaml", "path: ", f"sha256: {hash_of(moved)}\n  path: tables/")
    assert copied.planned() & COMPUTING == {"retrieve_dataset"}
    assert ran(copied.run()) & COMPUTING == {"retrieve_dataset"}
    assert "Nothing to be done" in copied.run("--dry-run")


def test_another_number_of_chunks_reruns_nothing(copied):
    copied.edit("config/config.yaml", "chunks: 1", "chunks: 3")
    assert "Nothing to be done" in copied.run("--dry-run")


@pytest.mark.parametrize(
    ("file", "damage", "made"),
    [
        ("metrics.json", lambda path: path.write_text(path.read_text().replace('"mae": ', '"mae": 7')), {"evaluate_run"}),
        ("predictions.parquet", lambda path: path.write_bytes(b""), {"train_model", "evaluate_run"}),
        ("predictions.parquet", lambda path: path.unlink(), {"train_model", "evaluate_run"}),
    ],
)  # fmt: skip
def test_results_that_were_edited_emptied_or_deleted_are_named_and_made_again(copied, file, damage, made):
    path = copied.folder / RUNS[1] / file
    damage(path)
    assert f"{RUNS[1]}/{file}" in copied.run("--dry-run")
    assert copied.planned() & COMPUTING == made


def test_tables_figures_and_pages_that_were_emptied_are_named_and_made_again(copied):
    emptied = ("tables/tiny/errors.csv", "figures/tiny/parity.svg", "claims/tiny/claims.csv", "index.html")
    for name in emptied:
        path = copied.folder / "results" / name
        times = path.stat()
        path.write_bytes(b"")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    shown = copied.run("--dry-run")
    assert all(f"results/{name} is empty; it is made again." in shown for name in emptied)
    copied.run()
    assert all((copied.folder / "results" / name).stat().st_size for name in emptied)
    assert copied.planned() == set()
