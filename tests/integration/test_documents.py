"""Documents agree with the files that they are generated from, and their links, examples and commands work."""

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from click import Group
from factories.forked_snakemake import run_forked
from factories.tiny_project import make_project

from elemflow.cli.main import Commands, main
from elemflow.config.kinds import FIGURE_KINDS, TABLE_KINDS
from elemflow.config.yaml_schema import read_yaml
from elemflow.plan.claim_kinds.registry import claim_kinds
from elemflow.record.cells import PAPERS
from elemflow.tools import command_page, manual, pipeline
from elemflow.tools.condafile import conda_file, locked_versions

FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"(?<!`)`((?:snakemake|elemflow|python -m|python benchmarks|make) [^`\n]+)`")
PROGRAMS = ("cat", "echo", "export", "printf", "rsync", "scancel", "source", "squeue", "touch")
# What a reader fills in, and what stands for it here. Only the first line of a pair that matches is used.
STAND_INS = {
    "results/runs/<run>": "results/runs/kefe/formation_energy/ef/brnet/brnet2023",
    "<folder of tables>": "tables",
    "<folder>": "tables",
    "<other dataset>": "kebg",
    "<dataset>/<property>/<representation>/<model>/<protocol>": "kefe/formation_energy/ef/brnet/brnet2023",
    "<dataset>/<property>/ef+pa/<model>/<protocol>": "kefe/formation_energy/ef+pa/brnet_damped/recipe",
    "results/tables/<study>/<table>": "results/tables/brnet2023/table5",
    "studies=[<study>]": "studies=[brnet2023]",
}


def documents(root: Path) -> list[Path]:
    """Return all documents that are written by hand or generated."""
    return [
        root / "README.md",
        root / "CHANGELOG.md",
        root / "config/README.md",
        *sorted((root / "docs").rglob("*.md")),
    ]


@dataclass(frozen=True)
class Command:
    """A command of a document, continuation lines joined."""

    page: Path
    text: str

    @property
    def words(self) -> list[str]:
        """Words of the command without comments."""
        return shlex.split(self.text, comments=True)


def commands(root: Path, program: str) -> Iterator[Command]:
    """Yield the commands of all documents that begin with a program."""
    for page in documents(root):
        text = page.read_text(encoding="utf-8")
        blocks = [block for language, block in FENCED.findall(text) if language in {"", "bash"}]
        lines = [line for block in blocks for line in _lines(block)]
        for line in [*lines, *INLINE.findall(FENCED.sub("", text))]:
            if line.startswith(f"{program} "):
                yield Command(page.relative_to(root), line)


def _lines(block: str) -> Iterator[str]:
    """Yield the commands of a block, a quoted text over several lines as one of them."""
    waiting = ""
    for line in block.replace("\\\n", " ").splitlines():
        waiting = f"{waiting}\n{line}" if waiting else line
        try:
            shlex.split(waiting, comments=True)
        except ValueError:
            continue
        yield waiting
        waiting = ""


def test_conda_file_has_the_locked_versions(root):
    requirements = (root / "envs/requirements.in").read_text()
    lock = (root / "envs/requirements.txt").read_text()
    text = (root / "envs/environment.yaml").read_text()
    assert text == conda_file(requirements, lock), "run `make lock`"
    pins = yaml.safe_load(text)["dependencies"][-1]["pip"]
    assert len(pins) > 20
    for pin in pins:
        name, version = re.sub(r"\[.*\]", "", pin).split("==")
        assert locked_versions(lock)[name] == version


def test_lock_is_hashed_and_names_no_index(root):
    lock = (root / "envs/requirements.txt").read_text()
    assert "://" not in lock
    assert lock.count("--hash=sha256:") > len(locked_versions(lock))


def test_generated_pages_agree_with_the_schemas():
    page = manual.REFERENCE.read_text(encoding="utf-8")
    assert page == manual.configuration_page(), "run `make manual`"
    assert "`training.early_stopping.patience`" in page
    assert command_page.REFERENCE.read_text(encoding="utf-8") == command_page.command_page(), "run `make manual`"
    assert pipeline.PICTURE.read_text(encoding="utf-8") == pipeline.picture(), "run `make manual`"


def test_every_key_has_a_description():
    for line in manual.REFERENCE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| `") and line.count("|") == 5 and "…" not in line:
            assert line.split("|")[-2].strip(), f"no description: {line}"


def test_readme_is_short(root):
    assert len((root / "README.md").read_text(encoding="utf-8").splitlines()) < 120


def test_documented_commands_take_no_target_for_a_config_entry(root):
    documented = [*documents(root), *(root / "config").rglob("*.yaml")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in documented).replace("\\\n", " ")
    entries = re.findall(r"snakemake [^\n`]*--config ((?:(?!--)\S+[ \t]*)+)", text)
    assert len(entries) > 3
    for entry in entries:  # `--config` takes every word up to the next option
        assert not re.search(r"(?<!\S)results/", entry), entry


def test_links_between_documents_lead_somewhere(root):
    links = [(path, link) for path in documents(root) for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text())]
    links = [(path, link) for path, link in links if "://" not in link]
    assert len(links) > 50
    for document, link in links:
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        assert target.exists(), f"{document}: {link}"
        if anchor and target.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", target.read_text(), flags=re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
            assert anchor in anchors, f"{document}: {link}"


def test_every_page_is_on_the_site(root):
    site = yaml.load((root / "mkdocs.yml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    listed = set(re.findall(r"[\w/]+\.md", str(site["nav"])))
    pages = {path.relative_to(root / "docs").as_posix() for path in (root / "docs").rglob("*.md")}
    notebooks = {path.relative_to(root / "docs").with_suffix(".md") for path in (root / "docs").rglob("*.ipynb")}
    assert listed == pages | {page.as_posix() for page in notebooks}


def test_the_tables_and_figures_of_the_papers_are_listed(root):
    page = (root / "docs/reference/studies.md").read_text(encoding="utf-8")
    for study in PAPERS:
        declared = read_yaml(root / f"config/studies/{study}.yaml")
        items = (", ".join(f"`{name}`" for name in sorted(declared[key])) for key in ("tables", "figures"))
        row = f"| `{study}` | {' | '.join(items)} |"
        assert row in page, f"docs/reference/studies.md needs this row: {row}"


@pytest.mark.parametrize(
    ("section", "kinds"),
    [("Kinds of table", TABLE_KINDS), ("Figures", FIGURE_KINDS), ("Claims", claim_kinds())],
    ids=["tables", "figures", "claims"],
)
def test_every_kind_is_described(root, section, kinds):
    page = (root / "docs/reference/studies.md").read_text(encoding="utf-8")
    rows = page.split(f"\n## {section}\n")[1].split("\n## ")[0]
    described = set(re.findall(r"^\| `(\w+)`", rows, flags=re.MULTILINE)) - {"kind"}  # a head of columns
    lacking = sorted(kinds.keys() - described)
    assert not lacking, f"docs/reference/studies.md, section '{section}', needs a row for: {', '.join(lacking)}"
    assert not described - kinds.keys(), f"section '{section}' has rows of no kind: {described - kinds.keys()}"


def test_documents_that_files_mention_exist(root):
    places = ("workflow", "scripts", "benchmarks", "tests", "resources/published")
    files = [
        path for place in places for path in (root / place).rglob("*") if path.suffix in {".py", ".yaml", ".smk", ".md"}
    ]
    mentions = {(path, name) for path in files for name in re.findall(r"docs/[\w/]+\.\w+", path.read_text("utf-8"))}
    assert mentions
    missing = sorted(f"{path.relative_to(root)}: {name}" for path, name in mentions if not (root / name).exists())
    assert not missing, "\n".join(missing)


def test_the_architecture_names_what_folders_import(root):
    """Each folder of the package is in the table, imports folders above it, and of these no others than named."""
    text = (root / "docs/explanation/architecture.md").read_text(encoding="utf-8")
    section = text.split("## Folders of the package")[1].split("\n## ")[0]
    rows = [line.split("|")[1:4] for line in section.splitlines() if line.startswith("| `")]
    named = {folder.strip(" `"): set(re.findall(r"`([\w.]+)`", imports)) for folder, _, imports in rows}
    package = root / "workflow/elemflow"
    folders = {path.parent.relative_to(package).parts[0] for path in package.glob("*/*.py")}
    nested = {name for name in named if "." in name}
    assert folders == set(named) - nested
    above: set[str] = set()
    for folder, imports in named.items():
        own = package / folder.replace(".", "/")
        inner = [package / name.replace(".", "/") for name in nested if name.startswith(f"{folder}.")]
        files = [path for path in own.rglob("*.py") if not any(path.is_relative_to(below) for below in inner)]
        found = {name for path in files for name in _imported_folders(path, nested)} - {folder}
        assert found <= imports, f"{folder} imports {sorted(found - imports)}, which the table lacks"
        assert imports <= above, f"{folder} is above {sorted(imports - above)} in the table"
        above.add(folder)


def _imported_folders(path: Path, nested: set[str]) -> Iterator[str]:
    """Yield the folders of the package that a module imports; those in `nested` are folders of their own."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("elemflow."):
            for name in [f"{node.module}.{alias.name}" for alias in node.names]:
                _, folder, below, *_ = [*name.split("."), ""]
                yield f"{folder}.{below}" if f"{folder}.{below}" in nested else folder


def test_examples_in_documents_can_be_read(root):
    for page in documents(root):
        for language, block in FENCED.findall(page.read_text(encoding="utf-8")):
            if language == "yaml":
                assert yaml.safe_load(block) is not None, page
            elif language == "python":
                compile(block, str(page), "exec")


def test_programs_in_documents_are_known(root):
    known = (*PROGRAMS, "cut", "elemflow", "snakemake", "python", "make")
    for page in documents(root):
        for language, block in FENCED.findall(page.read_text(encoding="utf-8")):
            if language == "bash":
                for line in block.replace("\\\n", " ").splitlines():
                    assert line.split()[0] in known, f"{page}: {line}"


def test_make_targets_in_documents_exist(root):
    targets = set(re.findall(r"^(\w+):", (root / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    named = {command.words[1] for command in commands(root, "make")}
    assert {"run", "test", "docs"} <= named <= targets


def test_python_commands_in_documents_have_their_options(root):
    named = list(commands(root, "python"))
    assert len(named) > 10
    for command in named:
        words = command.words[1:]
        if words[0] == "-c":
            compile(words[1], str(command.page), "exec")
            continue
        if words[:2] == ["-m", "http.server"]:
            continue
        file = f"workflow/{words[1].replace('.', '/')}.py" if words[0] == "-m" else words[0]
        source = (root / file).read_text(encoding="utf-8")
        for option in [word.split("=")[0] for word in words if word.startswith("--")]:
            assert f'"{option}"' in source, f"{command.page}: {command.text}: {option}"


def test_elemflow_commands_in_documents_have_their_options(root):
    named = [command for command in commands(root, "elemflow") if not command.words[1].startswith("-")]
    assert len(named) > 10
    for command in named:
        name, *words = command.words[1:]
        found = Commands().get_command(main.make_context("elemflow", ["--help"], resilient_parsing=True), name)
        while isinstance(found, Group):
            found = found.commands.get(words.pop(0))
        assert found is not None, f"{command.page}: {command.text}"
        options = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
        for option in [word.split("=")[0] for word in words if word.startswith("--")]:
            assert option in options, f"{command.page}: {command.text}: {option}"


@pytest.mark.parametrize("module", ["elemflow.predict"])
def test_commands_describe_themselves(root, module):
    environment = _environment(root)
    called = [sys.executable, "-m", module, "--help"]
    done = subprocess.run(called, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout


@pytest.mark.workflow
def test_snakemake_commands_in_documents_can_be_planned(root, tmp_path):
    """Dry-run every command, those with the same options together, in a copy that has the files of the examples."""
    project = make_project(root, tmp_path)
    _write_examples(root, project.folder)
    grouped: dict[tuple[str, ...], set[str]] = {}
    for command in commands(root, "snakemake"):
        planned = _plannable(command)
        if planned:
            options, targets = planned
            grouped.setdefault(options, set()).update(targets)
    assert len(grouped) > 8
    for options, targets in grouped.items():
        line = " ".join(sorted(targets)) + " " + shlex.join(options)
        # Braces are the shell's to expand.
        words = subprocess.run(
            ["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, text=True, check=True
        ).stdout
        status, shown = run_forked([*words.split("\0")[:-1], "--dry-run", "--quiet", "all"], project.folder)
        assert status == 0, f"{line}\n{shown[-3500:]}"


def _plannable(command: Command) -> tuple[tuple[str, ...], list[str]] | None:
    """Return options and targets of a command, or None if there is nothing to plan."""
    text = command.text
    for written, stand_in in STAND_INS.items():
        text = text.replace(written, stand_in)
    if "…" in text or "..." in text or "--report" in text or "--unlock" in text or "--profile" in text:
        return None
    assert "<" not in text, f"{command.page}: what stands for the placeholder in: {command.text}"
    options: list[str] = []
    targets: list[str] = []
    taken_by = ""
    for word in shlex.split(text, comments=True)[1:]:
        if word.startswith("-"):
            taken_by = word if word in {"--config", "--configfile", "--cores", "--set-threads"} else ""
            options += [] if word in {"-n", "--cores", "--keep-going"} else [word]
        elif taken_by:
            options += [] if taken_by == "--cores" else [word]
            taken_by = "" if taken_by == "--cores" else taken_by
        else:
            targets.append(word)
    return tuple(word for word in options if word != "--"), targets


def _write_examples(root: Path, folder: Path) -> None:
    """Write the examples of the documents that begin with their path, and the files that commands write."""
    for page in documents(root):
        for language, block in FENCED.findall(page.read_text(encoding="utf-8")):
            named = re.match(r"# ((?:config|my_models|workflow)/\S+|\w+\.yaml)\b", block)
            if named and language in {"yaml", "python"} and "<id>" not in named[1]:
                path = folder / named[1]
                path.parent.mkdir(parents=True, exist_ok=True)
                before = path.read_text(encoding="utf-8") if path.exists() and "studies/alloys" in named[1] else ""
                path.write_text(before + block, encoding="utf-8")
    for command in commands(root, "echo"):
        subprocess.run(["bash", "-c", command.text], cwd=folder, check=True)
    declared = [root / "config/overlays/local_tables.yaml", *(root / "config/datasets").glob("*.yaml")]
    for name in re.findall(r"\bpath: ([\w./]+)", "\n".join(path.read_text(encoding="utf-8") for path in declared)):
        (folder / "tables" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "tables" / name).touch()
    (folder / "alloys.csv").write_text("composition,formation_enthalpy\nAg3Ti,-0.1\n", encoding="utf-8")
    (folder / "sample.yaml").write_text("- {pretty_formula: NaCl, mp_id: a, S_p: 1}\n", encoding="utf-8")
    (folder / "ids.csv").write_text("id\nmp-22862\n", encoding="utf-8")
    shutil.copytree(root / "benchmarks", folder / "benchmarks")


def _environment(folder: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(folder / "workflow")}


@pytest.mark.workflow
@pytest.mark.parametrize(
    "arguments", [[], ["--configfile", "config/demo.yaml"], ["--configfile", "config/overlays/small.yaml"]]
)
def test_dry_run_of_the_committed_configuration(root, tmp_path, arguments):
    status, shown = run_forked(["--dry-run", "--quiet", "rules", *arguments], root)
    assert status == 0, shown[-3000:]
