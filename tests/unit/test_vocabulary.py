"""The project speaks the field's terms: words that stood for them once may not come back.

docs/glossary.md defines the terms. The whole text of each file counts: documents, comments, docstrings, messages and names.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

# Pattern of a word and the term that stands in its place.
FORBIDDEN = {
    r"divisions?": "split",
    r"judg(?:e|es|ed|ing|ement|ements)": "evaluate, validation or test set",
    r"told|tells": "say, name, report, return whether",
    r"tell whether": "return whether",
    r"anew": "again",
    r"as ever": "unchanged",
    r"the draw of": "sampling error of the test set",
    r"worth of": "effect of, bias from",
    r"honest|honestly": "validation_selected; without selection on the test set",
    r"asks": "requests, requires",
    r"slip of the pen": "typo",
    r"habits?": "evaluation setting, training setting",
    r"fleets?": "members trained simultaneously, parallel_members",
    r"mend|mends|mended": "fix, correct",
    r"beside": "with, next to",
    r"source runs?": "pre-training run",
    r"target runs?": "fine-tuned run",
}
WORDS = re.compile("|".join(f"(?<![a-z])(?P<w{n}>{word})(?![a-z])" for n, word in enumerate(FORBIDDEN)), re.IGNORECASE)
SUGGESTIONS = list(FORBIDDEN.values())

DOCUMENTS = ("README.md", "docs/**/*.md", "config/**/*.md", "config/**/*.yaml", "resources/published/*.md")
CODE = (
    "Snakefile",
    "workflow/**/*.smk",
    "workflow/**/*.yaml",
    "workflow/**/*.rst",
    "workflow/**/*.j2",
    "workflow/elemflow/**/*.py",
)
SCRIPTS = ("scripts/*.py", "benchmarks/*.py", "envs/*", "Makefile", "pyproject.toml")

# Folders and files that are still being rewritten; the list must become empty.
NOT_YET_CLEAN: tuple[str, ...] = ()


def find_words(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line number, word and suggestion for each forbidden word of a text, across line breaks too."""
    for match in WORDS.finditer(re.sub(r"\s", " ", text)):
        kind = int((match.lastgroup or "w0").removeprefix("w"))
        yield text.count("\n", 0, match.start()) + 1, match.group(), SUGGESTIONS[kind]


def files(root: Path) -> list[Path]:
    """Return the files that are checked."""
    found = {path for pattern in (*DOCUMENTS, *CODE, *SCRIPTS) for path in root.glob(pattern) if path.is_file()}
    return sorted(found)


def is_clean_already(path: Path, root: Path) -> bool:
    """Return whether a file is in no folder of NOT_YET_CLEAN."""
    name = path.relative_to(root).as_posix()
    return not any(name == entry or name.startswith(f"{entry}/") for entry in NOT_YET_CLEAN)


def test_no_file_uses_a_word_outside_the_vocabulary(root):
    found = [
        f"{path.relative_to(root)}:{line}: '{word}'; write: {suggestion}"
        for path in files(root)
        if is_clean_already(path, root)
        for line, word, suggestion in find_words(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one division\nof materials", [1]),
        ("it was told\nand judged anew", [1, 2, 2]),
        ("as\never", [1]),
        ("Fleet_size = n_habits", [1, 1]),
        ("besides, tasks, masks, amendment, subdivision, honesty", []),
        ("the source runs", [1]),
    ],
)
def test_words_are_found_as_whole_words_and_in_names(text, lines):
    assert [line for line, _, _ in find_words(text)] == lines
