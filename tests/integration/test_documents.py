"""Documents that are written from other files must agree with them."""

import re
import subprocess
import sys

import pytest
import yaml

from elemflow.tools.condafile import conda_file, locked_versions
from elemflow.tools.manual import with_key_tables


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


def test_manual_lists_every_key(root):
    text = (root / "config/README.md").read_text()
    assert text == with_key_tables(text), "run `make manual`"
    assert "`training.early_stopping.patience`" in text


def test_every_key_has_a_description(root):
    for line in (root / "config/README.md").read_text().splitlines():
        if line.startswith("| `") and line.count("|") == 5:
            assert line.split("|")[-2].strip(), f"no description: {line}"


def test_documented_commands_take_no_target_for_a_config_entry(root):
    documents = [root / "README.md", *(root / "docs").glob("*.md"), *(root / "config").rglob("*.*")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in documents).replace("\\\n", " ")
    entries = re.findall(r"snakemake [^\n`]*--config ((?:(?!--)\S+[ \t]*)+)", text)
    assert len(entries) > 3
    for entry in entries:  # `--config` takes every word up to the next option
        assert not re.search(r"(?<!\S)results/", entry), entry


def test_links_between_documents_lead_somewhere(root):
    documents = [root / "README.md", root / "CHANGELOG.md", *(root / "docs").glob("*.md"), root / "config/README.md"]
    links = [(path, link) for path in documents for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text())]
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


@pytest.mark.workflow
@pytest.mark.parametrize(
    "arguments", [[], ["--configfile", "config/demo.yaml"], ["--configfile", "config/overlays/small.yaml"]]
)
def test_dry_run_of_the_committed_configuration(root, tmp_path, arguments):
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "rules", *arguments],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
