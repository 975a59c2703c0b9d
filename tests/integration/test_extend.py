"""A dataset, a model, a split scheme, a kind of table and a kind of figure are each added by one file."""

import re

import pytest
from factories.tiny_project import make_project

EXAMPLE = re.compile(r"^```(?:yaml|python)\n# (\S+)\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.mark.workflow
def test_the_examples_of_the_guide_add_one_file_each_and_build(root, tmp_path):
    project = make_project(root, tmp_path)
    examples = EXAMPLE.findall((root / "docs/guide/extend.md").read_text(encoding="utf-8"))
    folders = [name.rpartition("/")[0] for name, _ in examples]
    assert folders == [
        "config/datasets",
        "config/models",
        "workflow/elemflow/splits/schemes",
        "config/protocols",
        "workflow/elemflow/reporting/tables/kinds",
        "workflow/elemflow/reporting/figures/kinds",
        "config/studies",
    ]
    for name, content in examples:
        path = project.folder / name
        assert not path.exists(), f"{name} is no addition"
        path.write_text(content, encoding="utf-8")
    targets = ("results/tables/extended/outliers", "results/figures/extended/errors")
    project.run(*targets, studies="[extended]")
    table = (project.folder / "results/tables/extended/outliers").read_text(encoding="utf-8")
    assert re.search(r"forest +\d+\.\d %", table), table
    numbers = (project.folder / "results/figures/extended/errors.csv").read_text(encoding="utf-8")
    assert len(numbers.splitlines()) == 21
