import re
from string import Formatter

import pytest

from elemflow.core.run import RUN_KEYS
from elemflow.plan import paths

PATTERNS = {
    name: value for name, value in vars(paths).items() if name.isupper() and isinstance(value, str) and "/" in value
}
del PATTERNS["RUN_PATTERN"]
IDS = dict.fromkeys(
    (*RUN_KEYS, "part", "scatteritem", "study", "table", "figure", "candidates", "name", "base", "number"), "x"
)


@pytest.mark.parametrize("name", PATTERNS)
def test_every_pattern_has_known_wildcards(name):
    assert {field for _, field, _, _ in Formatter().parse(PATTERNS[name]) if field} <= set(IDS)
    assert PATTERNS[name].startswith(("results", "resources/", "config/"))


def test_no_two_artefacts_share_a_path():
    plain = list(PATTERNS.values())
    assert len(set(plain)) == len(plain)


def test_every_record_lies_in_the_folder_of_its_outputs():
    for record, output in (
        ("MATERIALS_RECORD", "MATERIALS"), ("FEATURES_RECORD", "FEATURES"), ("SPLIT_RECORD", "SPLIT"),
        ("RUN_RECORD", "PREDICTIONS"), ("METRICS_RECORD", "METRICS"), ("APPLICABILITY_RECORD", "APPLICABILITY"),
        ("IMPORTANCE_RECORD", "IMPORTANCE"),
    ):  # fmt: skip
        folder, _, name = PATTERNS[output].rpartition("/")
        assert PATTERNS[record] in (f"{folder}/provenance.json", f"{folder}/{name.rpartition('.')[0]}.provenance.json")


def test_logs_and_benchmarks_are_those_of_a_rule_and_a_job():
    assert paths.log("make_crate", "{study}") == "results/logs/make_crate/{study}.log"
    assert paths.benchmark("write_plan") == "results/benchmarks/write_plan.tsv"


def test_rules_and_package_take_their_paths_from_here(root):
    files = [root / "Snakefile", *(root / "workflow").rglob("*.smk"), *(root / "workflow/elemflow").rglob("*.py")]
    spelled = re.compile(r"""^[^#]*["']results/\w""", flags=re.MULTILINE)
    found = {str(path.relative_to(root)) for path in files if spelled.search(path.read_text())}
    assert found <= ELSEWHERE


ELSEWHERE = {
    "workflow/elemflow/plan/paths.py",
    "workflow/elemflow/inference/predictor.py",  # a message
    "workflow/elemflow/provenance/crate.py",  # names inside an archive
    "workflow/elemflow/reporting/pages.py",  # a template
    "workflow/elemflow/tools/site.py",  # a page of the documents
    "workflow/elemflow/training/packing.py",  # training does not know the plan
}
