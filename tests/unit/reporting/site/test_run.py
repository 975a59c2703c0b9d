import pandas as pd
import pytest
from factories.reporting import name_run, write_run

from elemflow.core.files import read_json, write_json
from elemflow.plan.site import SiteRun
from elemflow.reporting.site.render import Site, run_page
from elemflow.reporting.site.run import write_run as write_page

RUN = name_run("brnet")


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "index.html", tmp_path / "pages", [], frozenset([RUN]), has_costs=False)


def write(site, folder):
    write_page(site, SiteRun(run=RUN, folder=str(folder)), [])
    return (site.folder / run_page(RUN)).read_text(encoding="utf-8")


def test_errors_of_every_member_are_shown_with_curves_parity_and_intervals(site, tmp_path):
    page = write(site, write_run(tmp_path / "runs", RUN, [0.09, 0.11]))
    for text in ("member 0", "member 1", "0.09000", "0.1100", "mean of members", "0.1000", "90 %", "normalised"):
        assert text in page
    assert page.count("<svg") == 2
    assert 'class="curve c1"' in page


def test_a_run_of_the_record_has_no_history_and_no_roles(site, tmp_path):
    folder = write_run(tmp_path / "runs", RUN, [0.09])
    (folder / "history.parquet").unlink()
    predictions = pd.read_parquet(folder / "predictions.parquet").query("role == 'test'")
    predictions.drop(columns="role").to_parquet(folder / "predictions.parquet")
    page = write(site, folder)
    assert page.count("<svg") == 1
    assert "of 40 test rows" in page


def test_a_declined_run_says_why(site, tmp_path):
    folder = write_run(tmp_path / "runs", RUN, [0.09])
    (folder / "metrics.json").write_text('{"not_run": "more than <1000> rows"}')
    (folder / "history.parquet").unlink()
    page = write(site, folder)
    assert "more than &lt;1000&gt; rows" in page
    assert "<svg" not in page


def test_ensembles_are_listed_and_drawn_where_they_are_reported(site, tmp_path):
    folder = write_run(tmp_path / "runs", RUN, [0.09, 0.11])
    metrics = read_json(folder / "metrics.json")
    test = metrics["test"]
    one = {"n_members": 1, "members": {"0": test["members"]["0"] | {"mae": 0.0777}}, "combined_by": "mean"}
    test |= {"ensemble": one | {key: test[key] for key in ("mean", "std")}, "reported": "ensemble"}
    write_json(folder / "metrics.json", metrics)
    page = write(site, folder)
    assert "ensemble 0 (mean of members)" in page
    assert "0.07770" in page
    assert "true values of 40 test rows" in page  # those of the ensemble, not of both members


def test_a_run_that_starts_from_another_links_to_it(tmp_path):
    before = name_run("before")
    site = Site(tmp_path / "index.html", tmp_path / "pages", [], frozenset([RUN, before]), has_costs=False)
    folder = write_run(tmp_path / "runs", RUN, [0.09])
    write_json(folder / "run_info.json", read_json(folder / "run_info.json") | {"pretrained": before})
    assert f'href="../{run_page(before)}"' in write(site, folder)


@pytest.mark.parametrize(
    ("columns", "title"),
    [
        ({"epoch": [1, 2], "step": [10, 20]}, "epoch"),
        ({"epoch": [1, 1], "step": [10, 20]}, "step"),
        ({"epoch": [1, 2], "step": [None, None]}, "trial"),
    ],
)
def test_curves_run_over_epochs_steps_or_trials(site, tmp_path, columns, title):
    folder = write_run(tmp_path / "runs", RUN, [0.09])
    history = pd.DataFrame({"member": 0, "validation_mae": [0.2, 0.1], **columns})
    history.astype({"step": float}).to_parquet(folder / "history.parquet")
    assert f"by {title}." in write(site, folder)
