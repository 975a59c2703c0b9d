import pandas as pd
import pytest
from factories.reporting import name_run, write_run

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
