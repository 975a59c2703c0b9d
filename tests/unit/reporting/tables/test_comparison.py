import numpy as np
import pandas as pd
import pytest
from factories.reporting import (
    check_failure_is_shown,
    make_table,
    name_run,
    place,
    planned,
    table_files,
    view_of,
    write_run,
)

from elemflow.core.errors import DataError
from elemflow.core.files import write_json
from elemflow.evaluation import hypothesis_tests as statistics
from elemflow.evaluation.metrics import evaluate
from elemflow.reporting.index import write_tables_index
from elemflow.reporting.results import read_score
from elemflow.reporting.tables.kinds.comparison import BUILDER

FIVE_BY_TWO = {"scheme": "k_fold", "folds": 2, "repeats": 5, "validation": 0.1, "seed": 1}
BRNET = [0.100, 0.104, 0.101, 0.103, 0.099, 0.106, 0.102, 0.100, 0.105, 0.101]
BNET = [0.112, 0.110, 0.113, 0.109, 0.110, 0.111, 0.109, 0.112, 0.114, 0.108]


@pytest.fixture(scope="module")
def metrics(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    errors = {"brnet": BRNET, "bnet": BNET, "twin": BRNET, "one": [0.09]}
    runs = {name_run(model): write_run(root, name_run(model), values) for model, values in errors.items()}
    return {run: folder / "metrics.json" for run, folder in runs.items()}


NEEDED = {"fractions": {"train": 0.8, "test": 0.2}, "k_fold_rows": {"rows": 40}}


def make_comparison(models, split=None):
    table = make_table(models, [None] * len(models))
    split = {"seed": 0} | NEEDED.get((split or FIVE_BY_TWO)["scheme"], {}) | (split or FIVE_BY_TWO)
    return table | {"kind": "comparison", "splits": {"brnet2023": split}}


def test_numbers_are_those_of_the_members(metrics):
    tests = BUILDER.collect_frame(planned(make_comparison(["BRNet", "BNet", "Twin"])), metrics, {})
    first, twin = tests.iloc[0], tests.iloc[1]
    d = [a - b for a, b in zip(BRNET, BNET, strict=True)]
    ratio = 40 / 360  # as run_info.json of the samples says
    expected = statistics.corrected_resampled_t_test(d, ratio)
    assert first[["t_corrected", "df_corrected", "p_corrected"]].tolist() == pytest.approx([expected.t, 9, expected.p])
    dietterich = statistics.five_by_two_cv_t_test([d[i : i + 2] for i in range(0, 10, 2)])
    assert first[["t_5x2", "df_5x2", "p_5x2"]].tolist() == pytest.approx([dietterich.t, 5, dietterich.p])
    assert first["p_holm_corrected"] == pytest.approx(2 * expected.p)
    assert first["difference"] == pytest.approx(sum(d) / 10)
    # every material has the same error here, so that all resamples agree
    assert first["interval_low"] == pytest.approx(first["difference"]) == first["interval_high"]
    assert (twin["difference"], twin["p_corrected"], twin["effect_size"]) == (0, 0.5, 0)


def test_tests_say_the_unit_of_their_row_once(metrics):
    cfg = make_comparison(["BRNet", "BNet"])
    cfg["rows"][0]["label"] = "KEFE"
    assert view_of(BUILDER, cfg, metrics).rows[0][0] == "KEFE (eV/atom): BRNet against BNet"
    cfg["rows"][0]["label"] = "KEFE (eV/atom)"
    assert view_of(BUILDER, cfg, metrics).rows[0][0] == "KEFE (eV/atom): BRNet against BNet"


def test_a_run_without_its_info_is_named(tmp_path):
    runs = {
        name_run(model): write_run(tmp_path, name_run(model), BRNET) / "metrics.json" for model in ("brnet", "bnet")
    }
    runs[name_run("brnet")].with_name("run_info.json").unlink()
    with pytest.raises(DataError, match=r"brnet2023/run_info\.json is missing.*build the run again"):
        BUILDER.collect_frame(planned(make_comparison(["BRNet", "BNet"])), runs, {})


def test_five_by_two_test_belongs_to_five_by_two_folds_only(metrics):
    tests = BUILDER.collect_frame(
        planned(make_comparison(["BRNet", "BNet"], FIVE_BY_TWO | {"folds": 5, "repeats": 2})), metrics, {}
    )
    assert tests["p_5x2"].isna().all()
    assert tests["p_corrected"].notna().all()


def test_members_of_one_fold_count_once(tmp_path):
    both = {
        "brnet": [e + s for e in BRNET for s in (0.01, -0.01)],
        "bnet": [e + s for e in BNET for s in (-0.02, 0.02)],
    }
    runs = {name_run(model): write_run(tmp_path, name_run(model), e) / "metrics.json" for model, e in both.items()}
    found = BUILDER.collect_frame(
        planned(make_comparison(["BRNet", "BNet"], FIVE_BY_TWO | {"members_per_fold": 2})), runs, {}
    ).iloc[0]
    d = [a - b for a, b in zip(BRNET, BNET, strict=True)]
    corrected = statistics.corrected_resampled_t_test(d, 40 / 360)
    dietterich = statistics.five_by_two_cv_t_test([d[i : i + 2] for i in range(0, 10, 2)])
    expected = [20, corrected.t, 9, dietterich.t, statistics.cohens_d(d)]
    assert found[["members", "t_corrected", "df_corrected", "t_5x2", "effect_size"]].tolist() == pytest.approx(expected)


def test_the_interval_is_that_of_the_ensembles_where_they_are_reported(tmp_path):
    split = {"scheme": "k_fold", "folds": 5, "repeats": 1, "members_per_fold": 2}
    runs = {}
    for model, biases in (("brnet", (0.3, -0.28)), ("bnet", (0.1, 0.1))):  # large errors that cancel, and small ones
        folder = tmp_path / name_run(model)
        folder.mkdir(parents=True)
        members = [
            pd.DataFrame({"material_id": [f"Fe{9 * fold + i}O" for i in range(1, 10)], "member": 2 * fold + member})
            .assign(role="test", y_true=0.0, y_pred=bias)
            for fold in range(5) for member, bias in enumerate(biases)
        ]  # fmt: skip
        pd.concat(members).to_parquet(folder / "predictions.parquet")
        write_json(folder / "metrics.json", evaluate(folder / "predictions.parquet", "ensemble", "mean", 2).plain())
        rows = {"train": 36, "validation": 0, "test": 9}
        write_json(folder / "run_info.json", {"members": {str(number): {"rows": rows} for number in range(10)}})
        runs[name_run(model)] = folder / "metrics.json"
    found = BUILDER.collect_frame(planned(make_comparison(["BRNet", "BNet"], split)), runs, {}).iloc[0]
    assert found["members"] == 5
    assert found[["difference", "interval_low", "interval_high"]].tolist() == pytest.approx([-0.09] * 3)


def test_a_test_without_a_result_does_not_make_the_others_more_significant(metrics):
    whole = BUILDER.collect_frame(planned(make_comparison(["BRNet", "BNet", "Twin"])), metrics, {})
    without = BUILDER.collect_frame(planned(make_comparison(["BRNet", "BNet", "IRNet"])), metrics, {})
    assert without["p_holm_corrected"][0] == whole["p_holm_corrected"][0] > whole["p_corrected"][0]
    assert pd.isna(without["p_holm_corrected"][1])


def test_a_failed_run_is_shown_with_its_error_and_log(tmp_path, metrics):
    cfg = make_comparison(["BRNet", "BNet", "IRNet"])
    outputs = check_failure_is_shown(BUILDER, cfg, metrics, tmp_path, name_run("irnet"))
    assert outputs["html"].read_text(encoding="utf-8").count(">failed</a>") == 1
    assert len(BUILDER.read_frame(outputs["csv"])["log"].dropna()) == 1


def test_members_that_share_a_split_are_not_tested(metrics):
    tests = BUILDER.collect_frame(
        planned(make_comparison(["BRNet", "BNet"], {"scheme": "fractions", "split_per_member": False})), metrics, {}
    )
    assert tests["p_corrected"].isna().all()
    assert tests["interval_high"].notna().all()


@pytest.mark.parametrize(
    ("split", "splits"),
    [
        ({"scheme": "fractions", "split_per_member": False, "members": 2, "splits": 5}, 5),
        ({"scheme": "fractions", "split_per_member": True, "members": 10}, 10),
        ({"scheme": "k_fold_rows", "folds": 5, "members_per_fold": 2}, 5),
        ({"scheme": "k_fold_rows", "folds": 10}, 10),
    ],
)
def test_splits_with_test_sets_of_their_own_are_tested(metrics, split, splits):
    first = BUILDER.collect_frame(planned(make_comparison(["BRNet", "BNet"], split)), metrics, {}).iloc[0]
    d = np.subtract(BRNET, BNET).reshape(splits, -1).mean(axis=1).tolist()
    expected = statistics.corrected_resampled_t_test(d, 40 / 360)
    assert first[["t_corrected", "df_corrected"]].tolist() == pytest.approx([expected.t, splits - 1])
    assert pd.isna(first["p_5x2"])


def test_every_format_shows_the_tests_and_says_how(tmp_path, metrics):
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(make_comparison(["BRNet", "BNet", "IRNet"])), metrics, {}, outputs)
    for name in ("text", "md", "tex", "html"):
        page = " ".join(outputs[name].read_text(encoding="utf-8").split())
        for part in ("BRNet against BNet", "Nadeau and Bengio 2003", "Dietterich 1998", "not run", "is 0.111"):
            assert part in page, (name, part)
    assert "−0.0087" in outputs["text"].read_text()
    saved = BUILDER.read_frame(outputs["csv"])
    assert saved["members"].tolist() == [10, 0]


def test_tests_at_a_reduced_scale_are_marked(tmp_path, metrics):
    outputs, cfg = place(tmp_path, "table"), make_comparison(["BRNet", "BNet", "IRNet"])
    cfg["scales"]["brnet2023"] |= {"max_epochs": 5, "reduced": ["at most 5 epochs of 3,000"]}
    BUILDER.write(planned(cfg), metrics, {}, outputs)
    for name in ("text", "md", "tex", "html"):
        page = " ".join(outputs[name].read_text(encoding="utf-8").split())
        mark = r"\textdagger{}" if name == "tex" else "†"
        assert f"0.0087 {mark}" in page.replace("</span>", ""), name
        assert page.count(mark) == 2, name  # the test that was made, and the caption; not the one without a run
        assert "1 test: at most 5 epochs of 3,000. They show which model is better at that scale" in page, name


def test_overview_lists_tests_apart_from_cells(tmp_path, metrics):
    outputs = place(tmp_path, "table")
    cfg = make_comparison(["BRNet", "BNet"])
    BUILDER.write(planned(cfg), metrics, {}, outputs)
    write_tables_index(tmp_path / "all", [table_files(cfg, outputs)])
    assert pd.read_csv(tmp_path / "all/cells.csv").empty
    assert pd.read_csv(tmp_path / "all/tests.csv")["against"].tolist() == ["BNet"]


FIVE_FOLDS = {"scheme": "k_fold", "folds": 5, "repeats": 1}


def write_folds(root, model, errors, names):
    """Write a run whose fold k has the given errors for the materials of the given names."""
    folder = root / name_run(model)
    folder.mkdir(parents=True)
    folds = [
        pd.DataFrame(
            {"member": fold, "role": "test", "material_id": names[fold], "y_true": 0.0, "y_pred": errors[fold]}
        )
        for fold in range(len(names))
    ]
    pd.concat(folds).to_parquet(folder / "predictions.parquet")
    write_json(folder / "metrics.json", evaluate(folder / "predictions.parquet").plain())
    members = {str(fold): {"rows": {"train": 150, "validation": 10, "test": 40}} for fold in range(len(names))}
    write_json(folder / "run_info.json", {"members": members})
    return folder / "metrics.json"


def draw_folds():
    errors = np.random.default_rng(0).exponential(0.1, (5, 40))
    return errors, np.array([[f"Fe{40 * fold + row + 1}O" for row in range(40)] for fold in range(5)])


def test_runs_that_lost_different_materials_are_compared_over_those_of_both(tmp_path):
    errors, names = draw_folds()
    errors[:, :4] += 0.5  # what one representation cannot read is what the other finds hardest
    runs = {
        name_run("brnet"): write_folds(tmp_path, "brnet", errors[:, 4:], names[:, 4:]),
        name_run("bnet"): write_folds(tmp_path, "bnet", errors * 1.1, names),
    }
    cfg = make_comparison(["BRNet", "BNet"], FIVE_FOLDS)
    found = BUILDER.collect_frame(planned(cfg), runs, {}).iloc[0]
    d = -0.1 * errors[:, 4:].mean(axis=1)
    assert found[["difference", "effect_size"]].tolist() == pytest.approx([d.mean(), statistics.cohens_d(d)])
    assert found["p_corrected"] == pytest.approx(statistics.corrected_resampled_t_test(d, 40 / 160).p)
    assert found["interval_low"] < found["difference"] < found["interval_high"] < 0
    assert found[["shared_materials", "test_materials"]].tolist() == [180, 200]
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(cfg), runs, {}, outputs)
    for name in ("text", "md", "tex", "html"):
        page = " ".join(outputs[name].read_text(encoding="utf-8").split())
        assert "BRNet against BNet: over the 180 of 200 test materials that both runs predict." in page, name


def test_runs_that_predict_the_same_materials_keep_the_numbers_of_their_metrics(tmp_path, metrics):
    cfg = make_comparison(["BRNet", "BNet"])
    found = BUILDER.collect_frame(planned(cfg), metrics, {}).iloc[0]
    errors = [read_score(metrics[name_run(model)], "mae").per_member for model in ("brnet", "bnet")]
    assert found["difference"] == sum(a - b for a, b in zip(*errors, strict=True)) / 10
    assert found["shared_materials"] == found["test_materials"] == 40
    outputs = place(tmp_path, "table")
    BUILDER.write(planned(cfg), metrics, {}, outputs)
    assert "that both runs predict" not in " ".join(outputs["text"].read_text(encoding="utf-8").split())


def test_a_member_without_a_common_material_is_refused(tmp_path):
    errors, names = draw_folds()
    others = names.copy()
    others[3] = [f"Co{row + 1}O" for row in range(40)]
    runs = {
        name_run("brnet"): write_folds(tmp_path, "brnet", errors, names),
        name_run("bnet"): write_folds(tmp_path, "bnet", errors, others),
    }
    with pytest.raises(DataError, match="no test material of member 3 in common"):
        BUILDER.collect_frame(planned(make_comparison(["BRNet", "BNet"], FIVE_FOLDS)), runs, {})


def test_the_interval_draws_compositions_with_all_their_materials(tmp_path):
    generator = np.random.default_rng(0)
    of_composition = np.abs(generator.normal(1, 0.2, (5, 20)))
    found = {}
    for entries in (1, 4):
        names = np.array([[f"Fe{20 * k + c + 1}O#{e}" for c in range(20) for e in range(entries)] for k in range(5)])
        ours, theirs = (np.repeat(values, entries, axis=1) for values in (of_composition, np.ones((5, 20))))
        folder = tmp_path / str(entries)
        runs = {
            name_run("brnet"): write_folds(folder, "brnet", ours, names),
            name_run("bnet"): write_folds(folder, "bnet", theirs, names),
        }
        line = BUILDER.collect_frame(planned(make_comparison(["BRNet", "BNet"], FIVE_FOLDS)), runs, {}).iloc[0]
        found[entries] = line[["interval_low", "interval_high"]].tolist()
    assert found[4] == pytest.approx(found[1])  # four equal entries of a composition say no more than one


def test_rounding_is_no_difference(tmp_path):
    errors, names = draw_folds()
    runs = {
        name_run("brnet"): write_folds(tmp_path, "brnet", errors * (1 - 1e-15), names),
        name_run("bnet"): write_folds(tmp_path, "bnet", errors, names),
    }
    found = BUILDER.collect_frame(planned(make_comparison(["BRNet", "BNet"], FIVE_FOLDS)), runs, {}).iloc[0]
    numbers = ["difference", "interval_low", "interval_high", "effect_size", "t_corrected"]
    assert found[[*numbers, "p_corrected"]].tolist() == [0, 0, 0, 0, 0, 0.5]


def test_unequal_members_are_refused(metrics):
    with pytest.raises(DataError, match=r"has 10 members and .* 1, though they share a protocol"):
        BUILDER.collect_frame(planned(make_comparison(["BRNet", "One"])), metrics, {})
