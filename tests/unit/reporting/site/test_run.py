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
    assert "ensemble (mean of members)" in page
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


def test_what_a_search_chose_is_listed(site, tmp_path):
    folder = write_run(tmp_path / "runs", RUN, [0.09, 0.11])
    info = read_json(folder / "run_info.json")
    trials = [
        {"trial": 1, "model": "svr", "parameters": {"C": 100.0, "gamma": "scale"}, "validation_mae": 0.2},
        {"trial": 2, "model": "extra_trees", "parameters": {"max_features": 0.123456}, "validation_mae": 0.1},
    ]
    for number, best in (("0", 2), ("1", 1)):
        info["members"][number] |= {"trials": trials, "best_trial": best}
    write_json(folder / "run_info.json", info)
    page = write(site, folder)
    for text in (
        "What the search chose",
        "extra trees",
        "max_features 0.1235",
        "2 of 2",
        "C 100, gamma scale",
        "1 of 2",
    ):
        assert text in page
    assert "What the search chose" not in write(site, write_run(tmp_path / "others", RUN, [0.09]))


def test_a_page_has_the_titles_of_its_run_and_ids_below(site, tmp_path):
    folder = write_run(tmp_path / "runs", RUN, [0.09])
    write_page(site, SiteRun(run=RUN, title="BRNet · KEFE · Formation enthalpy", folder=str(folder)), [])
    page = (site.folder / run_page(RUN)).read_text(encoding="utf-8")
    assert "<h1>BRNet · KEFE · Formation enthalpy</h1>" in page
    assert "<dd>kefe</dd>" in page


def test_a_fine_tuned_run_says_what_its_base_had_seen(site, tmp_path):
    folder = write_run(tmp_path / "runs", RUN, [0.09])
    info = read_json(folder / "run_info.json")
    info["members"]["0"] |= {"test_seen": 0, "test_unseen": 40, "test_seen_under": {}}
    write_json(folder / "run_info.json", info)
    assert "The base had seen none of the test materials (0 of 40)." in write(site, folder)
