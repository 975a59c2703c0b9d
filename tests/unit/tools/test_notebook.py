"""Notebooks of the documents: their cells run, and what they show is what is stored."""

import base64
import re
import shutil
from types import SimpleNamespace

import pytest
from factories.predicting import write_run

from elemflow.tools import notebook, site

NETWORK = "results/runs/kefe/formation_energy/ef/brnet_recommended/p"
ERRORS = """column,published,reproduced,spread,verdict,recorded,dataset
BNet,0.103,0.1087,0.004,undecided,3b319d7f07a2,kefe
"""


def code(source, **more):
    return {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source} | more


def outputs_of(*sources):
    return [cell["outputs"] for cell in notebook.run_cells([code([source]) for source in sources])]


@pytest.fixture
def project(root, tmp_path, monkeypatch):
    """A folder with the results that the notebook reads; its network is an ensemble of trees of another dataset."""
    for name in ("config", "resources/data"):
        shutil.copytree(root / name, tmp_path / name)
    write_run(tmp_path)
    (tmp_path / NETWORK).parent.mkdir(parents=True)
    shutil.move(tmp_path / "results/runs/toy/gap/ef/m/p", tmp_path / NETWORK)
    (tmp_path / "results/tables/demo").mkdir(parents=True)
    (tmp_path / "results/tables/demo/errors.csv").write_text(ERRORS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_notebook_of_the_guide_runs_and_shows_what_is_stored(root, project):
    stored = notebook.read(root / "docs/guide/notebook.ipynb")["cells"]
    done = list(notebook.run_cells(stored))
    of_data = [place for place, cell in enumerate(stored) if "demo" not in cell["metadata"].get("tags", ())]
    assert len(of_data) >= 5
    assert [done[place] for place in of_data] == [stored[place] for place in of_data]
    kinds = [[set(each.get("data", ())) for each in cell.get("outputs", ())] for cell in done]
    assert kinds == [[set(each.get("data", ())) for each in cell.get("outputs", ())] for cell in stored]


def test_a_figure_that_was_open_before_is_not_of_the_notebook():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.figure()
    assert outputs_of("1 + 1") == [
        [{"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/plain": ["2"]}}]
    ]


def test_it_is_small(root):
    assert (root / "docs/guide/notebook.ipynb").stat().st_size < 60_000


def test_a_cell_shows_what_it_prints_and_its_last_value():
    printed, value, nothing = outputs_of("a = 2\nprint(a)", "a + 1", "a + 1;\nNone")
    assert printed == [{"output_type": "stream", "name": "stdout", "text": ["2\n"]}]
    assert value[0]["data"] == {"text/plain": ["3"]}
    assert nothing == []


def test_a_frame_is_a_table_and_a_figure_a_picture():
    frame, figure, after = outputs_of(
        "import pandas as pd\npd.DataFrame({'a': [1]})",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]);\nNone",
        "None",
    )
    assert "<table" in "".join(frame[0]["data"]["text/html"])
    assert base64.b64decode(figure[0]["data"]["image/png"]).startswith(b"\x89PNG")
    assert after == []


def test_a_cell_that_fails_is_named():
    with pytest.raises(RuntimeError, match=r"cell 2 failed:\n1 / 0") as caught:
        outputs_of("1", "1 / 0")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_running_writes_the_file_once_more(tmp_path):
    path = tmp_path / "n.ipynb"
    notebook.write(path, {"cells": [code(["1 + 1"])], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    notebook.main([str(path)])
    first = path.read_bytes()
    notebook.main([str(path)])
    assert path.read_bytes() == first
    assert notebook.read(path)["cells"][0]["outputs"][0]["data"] == {"text/plain": ["2"]}


def test_a_page_has_code_outputs_and_pictures(root):
    page = notebook.to_markdown(notebook.read(root / "docs/guide/notebook.ipynb"))
    assert page.startswith("# In a notebook\n")
    assert page.count("```") % 2 == 0
    assert "<table>" in page
    assert re.search(r'<img alt="figure" src="data:image/png;base64,[A-Za-z0-9+/=]+">', page)


def test_the_site_has_a_page_of_each_notebook_and_links_to_it(tmp_path):
    notebook.write(tmp_path / "a.ipynb", {"cells": [code(["1"])]})
    config = SimpleNamespace(plugins=SimpleNamespace(_current_plugin=None), site_dir="site", use_directory_urls=False)
    files = [SimpleNamespace(src_uri="guide/a.ipynb", abs_src_path=str(tmp_path / "a.ipynb"))]
    _, page = site.on_files(files, config)
    assert page.src_uri == "guide/a.md"
    assert page.content_string == "```python\n1\n```\n"
    other = SimpleNamespace(file=SimpleNamespace(src_uri="index.md"))
    assert site.on_page_markdown("[x](guide/a.ipynb)", other) == "[x](guide/a.md)"
