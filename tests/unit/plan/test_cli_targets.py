import pytest

from elemflow.core.errors import ConfigError
from elemflow.plan.cli_targets import Known, check_targets

KNOWN = Known(
    declared=["brnet2023", "irnet2021", "demo"],
    selected=["brnet2023"],
    items={"tables": {"brnet2023": ["table2", "table5"]}, "figures": {"brnet2023": ["figure1"]}},
    ids={
        "dataset": ["kefe", "kebg"],
        "property": ["band_gap"],
        "representation": ["ef", "pa"],
        "model": ["brnet"],
        "protocol": ["brnet2023"],
    },
)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("results/tables/irnet2021/table1", r"'irnet2021' is not asked for; add --config 'studies=\[irnet2021\]'"),
        ("results/claims/demo", "'demo' is not asked for"),
        ("results/figures/brnet23/figure1.png", "no study 'brnet23'. Did you mean 'brnet2023'"),
        ("results/tables/brnet2023/table6", "no such item. Its tables: table2, table5. Did you mean 'table5'"),
        ("results/figures/brnet2023/table5.svg", "Its figures: figure1"),
        ("results/runs/kefee/band_gap/ef/brnet/brnet2023/metrics.json", "no dataset 'kefee'. Did you mean 'kefe'"),
        ("results/runs/kefe/band_gap/ef/brnett/brnet2023/metrics.json", "no model 'brnett'"),
        ("results/splits/kefe/band_gap/brnet2024.parquet", "no protocol 'brnet2024'. Did you mean 'brnet2023'"),
        ("results/splits/kefe/band_gp/brnet2023.parquet", "no property 'band_gp'. Did you mean 'band_gap'"),
        ("results/datasets/kebgg/materials.parquet", "no dataset 'kebgg'"),
        ("results/features/kebg/paa.parquet", "no representation 'paa'. Did you mean 'pa'"),
        ("results/runs/kebg/band_gap/pa+eff/brnet/brnet2023", "no representation 'eff'. Did you mean 'ef'"),
        ("results/candidates/kebgg/kefe/band_gap/ef/brnet/brnet2023/ranked.csv", "no dataset 'kebgg'"),
        ("results/candidates/kebg/kefe/band_gap/ef/brnett/brnet2023/ranked.csv", "no model 'brnett'"),
        ("results/tables/brnet2023/", r"a folder; ask for a table in it \(table2, table5\), or for all of .* word tables"),
        ("results/figures/brnet2023", r"a folder; ask for a figure in it \(figure1\)"),
        ("results/figures/brnet2023/figure1.pdf", r"a figure has no file '\.pdf'. There are \.csv, \.svg, \.png, and"),
        ("results/tables/brnet2023/table5.xlsx", r"a table has no file '\.xlsx'. There are \.csv, \.md, \.tex, \.html"),
        ("results/runs/kefe/band_gap/ef/brnet/brnet2023/", r"such as results/runs/.*/brnet/brnet2023/metrics\.json\."),
        ("results/runs/kefe", r"such as results/runs/kefe/<property>/<representation>/<model>/<protocol>/metrics\.json\."),
        ("results/datasets/kebg/", r"a folder; ask for a file in it, such as results/datasets/kebg/materials\.parquet\."),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_target_is_named(target, message):
    with pytest.raises(ConfigError, match=message) as caught:
        check_targets(["all", target], KNOWN)
    assert str(caught.value).startswith(f"{target}: ")


@pytest.mark.parametrize(
    "target",
    [
        "tables",
        "results/tables/all",
        "results/tables/brnet2023/table5.csv",
        "results/tables/brnet2023/references.bib",
        "results/tables/brnet2023/CITATION.cff",
        "results/crate/brnet2023/",
        "results/claims/brnet2023",
        "results/plan/cost.tsv",
        "results/runs/kefe/band_gap/ef+pa/brnet/brnet2023/metrics.json",
        "results/features/kefe/pa.rejected.parquet",
        "results/candidates/kefe/kebg/band_gap/ef/brnet/brnet2023/ranked.csv",
        "resources/raw/kefe/manifest.json",
        "elsewhere/results/tables/irnet2021/table1",
    ],
)
def test_what_a_rule_may_make_passes(target):
    check_targets([target], KNOWN)


@pytest.mark.parametrize("option", ["--cleanup-metadata", "--report", "-O"])
def test_files_that_are_no_targets_pass(option):
    check_targets([option, "results/tables/irnet2021/table1", "results/runs/gone/band_gap"], KNOWN)
    with pytest.raises(ConfigError):
        check_targets([option, "a", "--cores", "2", "results/tables/irnet2021/table1"], KNOWN)
