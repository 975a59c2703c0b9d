from factories.reporting import make_table, name_run, place, planned, write_run

from elemflow.core.files import read_json, write_json
from elemflow.reporting.tables.base import load_builder
from elemflow.reporting.versions import describe_versions


def test_runs_with_the_same_versions_need_no_words():
    assert describe_versions([]) == ""
    assert describe_versions([{"numpy": "2.4"}, {"numpy": "2.4", "matminer": "1"}, {}]) == ""


def test_different_versions_are_counted():
    text = describe_versions([{"numpy": "2.4", "keras": "3"}, {"numpy": "2.5", "keras": "3"}, {"numpy": "2.4"}])
    assert "numpy 2.4 (2) and 2.5 (1)" in text
    assert "keras" not in text


def test_a_table_says_that_its_numbers_are_of_different_versions(tmp_path):
    runs = {
        name_run(model): write_run(tmp_path, name_run(model), [0.1, 0.2]) / "metrics.json"
        for model in ("brnet", "bnet")
    }
    captions = []
    for numpy in ("2.4", "2.5"):
        for path, version in zip(runs.values(), ("2.4", numpy), strict=True):
            info = path.with_name("run_info.json")
            write_json(info, read_json(info) | {"versions": {"numpy": version}})
        outputs = place(tmp_path / numpy, "table")
        table = planned(make_table(["BRNet", "BNet"], [None, None]))
        load_builder("errors").write(table, runs, {}, outputs)
        captions.append(outputs["md"].read_text())
    assert ["different versions" in caption for caption in captions] == [False, True]
    assert "numpy 2.4 (1) and 2.5 (1)" in captions[1]
