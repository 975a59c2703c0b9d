"""What the file of a user's network reads counts as its code."""

from pathlib import Path

import pytest

from elemflow.provenance.code_digest import code_digest, forget
from elemflow.provenance.companions import companions

NETWORK = """
import json, keras
from pathlib import Path
from helper import width
from . import layers
WEIGHTS = json.loads(Path(__file__).with_name("w.json").read_text())
TABLE = "data/scale.csv"
NO_FILE = "nothing.json \\0 /"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in {
        "nets/own.py": NETWORK,
        "nets/helper.py": "import deeper\nwidth = 4\n",
        "nets/deeper.py": "import helper\n",
        "nets/layers.py": "",
        "nets/other.py": "x = 1\n",
        "nets/w.json": "[1]",
        "nets/other.json": "[1]",
        "data/scale.csv": "a\n1\n",
        "step.py": "print(1)\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_modules_and_files_that_the_code_names(project: Path) -> None:
    found = companions(project / "nets/own.py", project)
    names = ["data/scale.csv", "nets/deeper.py", "nets/helper.py", "nets/layers.py", "nets/w.json"]
    assert [path.relative_to(project.resolve()).as_posix() for path in found] == names


@pytest.mark.parametrize(
    ("edited", "counts"),
    [("nets/w.json", True), ("data/scale.csv", True), ("nets/helper.py", True), ("nets/deeper.py", True),
     ("nets/other.py", False), ("nets/other.json", False)],
)  # fmt: skip
def test_an_edit_of_what_is_read_changes_the_digest(project: Path, edited: str, counts: bool) -> None:
    def digest() -> str:
        forget()
        own = project / "nets/own.py"
        return code_digest(project / "step.py", project, (), (own, *companions(own, project)))

    before = digest()
    assert digest() == before
    path = project / edited
    path.write_text(path.read_text() + ("z = 2\n" if path.suffix == ".py" else " "))
    assert (digest() != before) is counts


def test_a_file_with_a_mistake_has_no_companions(project: Path) -> None:
    (project / "nets/own.py").write_text("def (")
    assert companions(project / "nets/own.py", project) == ()
