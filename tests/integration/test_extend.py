"""A dataset, a model, a split scheme and every kind that a module declares are each added by one file."""

import re

import pandas as pd
import pytest
import yaml
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
        "workflow/elemflow/sources",
        "config/datasets",
        "workflow/elemflow/features",
        "workflow/elemflow/networks/families",
        "config/models",
        "workflow/elemflow/training/fitters",
        "config/models",
        "config/studies",
    ]
    for name, content in examples:
        path = project.folder / name
        assert not path.exists(), f"{name} is no addition"
        path.write_text(content, encoding="utf-8")
    sample = pd.read_csv(project.folder / "transport_sample.csv", dtype=str, keep_default_na=False)
    (project.folder / "sample.yaml").write_text(yaml.safe_dump(sample.to_dict("records")), encoding="utf-8")
    tables, figure = "results/tables/extended/", "results/figures/extended/errors"
    project.run(f"{tables}outliers", f"{tables}others", figure, studies="[extended]")
    table = (project.folder / "results/tables/extended/outliers").read_text(encoding="utf-8")
    assert re.search(r"forest +\d+\.\d %", table), table
    others = (project.folder / "results/tables/extended/others.md").read_text(encoding="utf-8")
    assert "Bottleneck of 4" in others
    assert "Average of ridge and a tree" in others
    assert re.search(r"µV/K\) \| \**\d+\** \| \**\d+\** \|", others), others
    numbers = (project.folder / "results/figures/extended/errors.csv").read_text(encoding="utf-8")
    assert len(numbers.splitlines()) == 21
