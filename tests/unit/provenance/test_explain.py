from types import SimpleNamespace

import pandas as pd
import pyarrow as pa
import pytest

from elemflow.core.content import forget, write_record
from elemflow.core.errors import DataError
from elemflow.core.files import read_json, sha256_file, write_json, write_parquet, write_text
from elemflow.explain import main
from elemflow.provenance.explain import explain

RUN = "kefe/formation_energy/ef/brnet/brnet2023"
MATERIALS = "results/datasets/kefe/materials.parquet"
SPLIT = "results/splits/kefe/formation_energy/brnet2023.parquet"


@pytest.fixture
def project(tmp_path):
    """The files of one run and its table, as the stages write them."""
    rows = pa.table({"material_id": ["FeO", "NaCl"]})
    write_parquet(tmp_path / MATERIALS, rows)
    write_parquet(tmp_path / SPLIT, rows, metadata={"split": {"scheme": "fractions", "seed": 2023}})
    write_json(
        tmp_path / "results/datasets/kefe/curation.json", {"steps": [{"step": "rows read", "rows": 2200}, {"step": "one per composition", "rows": 2135, "dropped": 65}]}
    )  # fmt: skip
    file = {
        "file": "kefe.json.gz",
        "bytes": 123456,
        "retrieved": "2026-11-20",
        "url": "https://x.org/kefe",
        "sha256": "ab" * 32,
    }
    write_json(tmp_path / "resources/raw/kefe/manifest.json", {"files": [file]})
    texts = {"version": "2020", "license": "CC BY 4.0", "citation": ["kim2017"]}
    write_json(tmp_path / "results/datasets/kefe/about.json", texts)
    members = {"0": {"seed": 77, "rows": {"train": 1729, "validation": 192, "test": 214}}}
    info = {
        "cfg": {"model": {"kind": "network"}, "protocol": {"training": {"batch_size": 32}}},
        "members": members,
        "inputs_sha256": {path: sha256_file(tmp_path / path) for path in (MATERIALS, SPLIT)},
        "commit": "abc123",
        "code": "0123456789abcdef",
        "versions": {"keras": "3.15.1"},
        "host": {"processor": "CPU", "platform": "Linux"},
        "backend": {"device": "cpu"},
        "started": "2026-11-20T10:00:00+00:00",
        "finished": "2026-11-20T11:00:00+00:00",
    }
    write_json(tmp_path / "results/runs" / RUN / "run_info.json", info)
    write_json(tmp_path / "results/runs" / RUN / "metrics.json", {"test": {"members": {"0": {"mae": 0.0962}}}})
    cells = [
        {"row": "KEFE", "column": "BRNet", "published": "0.096", "reproduced": "0.0962", "run": RUN},
        {
            "row": "KEFE",
            "column": "BNet",
            "published": "0.103",
            "reproduced": "",
            "run": RUN.replace("brnet/", "bnet/"),
        },
    ]
    (tmp_path / "results/tables/study").mkdir(parents=True)
    pd.DataFrame(cells).to_csv(tmp_path / "results/tables/study/table5.csv", index=False)
    (tmp_path / "results/tables/study/table5").write_text("as text")
    (tmp_path / "results/tables/study/table1.csv").write_text("row,column,dataset,materials\nKEFE,Ours,kefe,2135\n")
    (tmp_path / "results/tables/study/figure1.csv").write_text("panel,series,run,x\nKEFE,Ours,,2135\n")
    return tmp_path


def test_the_chain_of_a_cell_reaches_the_raw_bytes(project):
    shown = explain(project / "results/tables/study/table5.csv", ["kefe", "brn"])
    for part in (
        "tables/study/table5.csv: KEFE | BRNet", "0.096", "seed 77", "1,729 train", "test MAE 0.0962", "batch_size: 32",
        "seed: 2023", "2,135 rows, 65 dropped", "https://x.org/kefe", "ab" * 32, "CC BY 4.0", "commit abc123", "0123456789abcdef", "keras 3.15.1",
    ):  # fmt: skip
        assert part in shown, part
    assert shown.count("(unchanged)") == 2


def test_a_changed_or_lost_input_is_seen(project):
    (project / MATERIALS).write_bytes(b"other")
    (project / SPLIT).unlink()
    shown = explain(project / "results/runs" / RUN)
    assert f"{MATERIALS} (CHANGED since the run)" in shown
    assert f"{SPLIT} (no longer here)" in shown


def test_cells_are_listed_until_one_is_named(project):
    listed = explain(project / "results/tables/study/table5", ["KEFE"]).splitlines()
    assert listed == [f"KEFE | BRNet: {RUN}", f"KEFE | BNet: {RUN.replace('brnet/', 'bnet/')}"]


@pytest.mark.parametrize(
    ("path", "names", "message"),
    [
        ("results/tables/study/table6.csv", [], "no such run, table or figure"),
        ("results/tables/study/table5.csv", ["KEBG"], r"no cell matches 'KEBG'.*Labels of row: .+; column: "),
        ("results/runs/kefe", [], "a run is <dataset>/<property>"),
        ("results/tables/study", [], "no run; their folders"),
        ("results/tables/study/table1.csv", [], "shows datasets, not runs; .*has the curation.json of each"),
        ("results/tables/study/figure1.csv", [], "shows datasets, not runs"),
        ("resources/raw/kefe/manifest.json", [], "no such run, table or figure"),
        (f"results/runs/{RUN}/metrics.json", [], r"metrics\.json: no table or figure, since it has no csv"),
        (
            "results/tables/study/table5.csv",
            ["KEFE", "formation", "enthalpy", "BRNet"],
            "4 names for row and column; put quotes",
        ),
    ],
)
def test_what_does_not_exist_is_named(project, path, names, message):
    with pytest.raises(DataError, match=message):
        explain(project / path, names)


def test_a_run_that_its_model_declined_is_marked(project):
    folder = project / "results/runs" / RUN
    reason = {"not_run": "too large (9 rows > 8)"}
    write_json(folder / "run_info.json", read_json(folder / "run_info.json") | {"members": {}} | reason)
    write_json(folder / "metrics.json", reason)
    assert "too large (9 rows > 8)" in explain(folder)


def test_a_label_that_is_part_of_another_can_be_chosen(project):
    path = project / "results/tables/study/table5.csv"
    cells = pd.read_csv(path)
    pd.concat([cells, cells.iloc[:1].assign(column="BRNet, one network")]).to_csv(path, index=False)
    assert "table5.csv: KEFE | BRNet\n" in explain(path, ["KEFE", "brnet"])
    assert len(explain(path, ["KEFE", "brn"]).splitlines()) == 2


def test_command_line(project, capsys):
    main([str(project / "results/runs" / RUN)])
    assert capsys.readouterr().out.startswith("run ")
    with pytest.raises(SystemExit, match="no such run"):
        main([str(project / "results/runs/none")])
    with pytest.raises(SystemExit) as stopped:
        main([])
    assert stopped.value.code == 2
    assert "python -m elemflow.explain" in capsys.readouterr().err


def test_the_chain_of_a_pretrained_run_goes_on_with_its_pretraining_run(project):
    source = "results/runs/" + RUN.replace("kefe", "jarvis")
    weights = f"{source}/model/member-0.keras"
    info = read_json(project / "results/runs" / RUN / "run_info.json")
    write_text(project / weights, "weights")
    write_parquet(project / SPLIT, pa.table({"material_id": ["FeO"]}), {"split": {"seed": 1}, "removed": {"0": 250}})
    inputs = {path: sha256_file(project / path) for path in (MATERIALS, SPLIT, weights)}
    write_json(project / source / "run_info.json", info)
    pretrained = info | {"pretrained": source.removeprefix("results/runs/"), "inputs_sha256": inputs}
    write_json(project / "results/runs" / RUN / "run_info.json", pretrained)
    shown = explain(project / "results/runs" / RUN)
    assert f"{weights} (unchanged)" in shown
    assert "{0: 250} materials by member" in shown
    assert shown.splitlines().count(f"{'pre-trained by':<22} {pretrained['pretrained']}") == 1
    assert shown.count("seed 77") == 2


def write_results(project, mae=0.0962):
    """Write predictions, metrics and their records as the jobs do."""
    folder = project / "results/runs" / RUN
    write_parquet(folder / "predictions.parquet", pa.table({"y_pred": [1.0, 2.0]}))
    write_json(folder / "metrics.json", {"test": {"members": {"0": {"mae": mae}, "1": {"mae": 0.1}}}})
    params = SimpleNamespace(cfg={}, code="")
    write_record(folder / "provenance.json", params, inputs=[], outputs=[folder / "predictions.parquet"])
    inputs, outputs = [folder / "predictions.parquet"], [folder / "metrics.json"]
    write_record(folder / "metrics.provenance.json", params, inputs=inputs, outputs=outputs)
    forget()
    table = project / "results/tables/study/table5.csv"
    cells = pd.read_csv(table, dtype=str, keep_default_na=False).assign(metric="mae")
    cells.loc[0, "reproduced"] = f"{(mae + 0.1) / 2:.8g}"
    cells.to_csv(table, index=False)
    return folder, table


def test_predictions_metrics_and_table_follow_from_each_other(project):
    _, table = write_results(project)
    text = explain(table, ["KEFE", "BRNet"])
    assert f"results/runs/{RUN}/predictions.parquet (unchanged)" in text
    assert f"results/runs/{RUN}/metrics.json (unchanged)" in text
    assert "CHANGED" not in text


def test_an_edited_table_names_the_metrics_that_it_is_not_of(project):
    _, table = write_results(project)
    table.write_text(table.read_text().replace("0.0981", "0.0881"))
    assert f"CHANGED              0.0881 is no value of results/runs/{RUN}/metrics.json" in explain(
        table, ["KEFE", "BRNet"]
    )


def test_edited_metrics_and_predictions_are_named(project):
    folder, _ = write_results(project)
    write_json(folder / "metrics.json", {"test": {"members": {"0": {"mae": 0.07}}}})
    assert f"results/runs/{RUN}/metrics.json (CHANGED since the evaluation)" in explain(folder)
    write_parquet(folder / "predictions.parquet", pa.table({"y_pred": [1.0, 3.0]}))
    text = explain(folder)
    assert f"results/runs/{RUN}/predictions.parquet (CHANGED since the training)" in text
    assert "metrics.json was computed from other predictions than these" in text


def test_a_recorded_cell_leads_to_the_record(project, root):
    run = RUN.replace("brnet/", "bnet/")
    shown = explain(project / "results/tables/study/table5.csv", ["KEFE", "BNet"])
    info = read_json(root / "resources/record" / run / "run_info.json")
    assert f"resources/record/{run}, not computed in this copy" in shown
    assert f"commit {info['commit']}" in shown
    assert shown.count("test MAE") == len(info["members"])
    assert f"{MATERIALS} (another file in this copy)" in shown
    assert "results/features/kefe/ef.parquet (not in this copy)" in shown
    assert info["inputs_sha256"][MATERIALS] in shown
    assert explain(root / "resources/record" / run).splitlines()[0] == f"run                    {run}"


def test_a_run_that_is_neither_here_nor_recorded(project, tmp_path, monkeypatch):
    monkeypatch.setattr("elemflow.provenance.explain.ROOT", tmp_path)
    assert "this copy has no result of it" in explain(project / "results/tables/study/table5.csv", ["", "BNet"])
