"""Whatever stands at any key of any file, it is accepted or refused in one message: no traceback, no endless work."""

import copy
import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from factories.tiny_project import DECLARED
from hypothesis import given, settings
from hypothesis import strategies as st

from elemflow.config.load import load
from elemflow.core.errors import ConfigError
from elemflow.plan import claims
from elemflow.plan.build import build

HOSTILE = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 1, 2, 10**30, -(10**30), 10**400, 0.5, 1.0, -0.0, 1e308, math.nan, math.inf, -math.inf]),
    st.sampled_from(
        ["", " ", "all", "none", "tiny", "ef", "ef+ef", "st", "../x", "a\n", "٣", "</script>", "=1+1", "é"]
    ),
    st.sampled_from([[], {}, [None], [[]], {"": None}, {"kind": None}, {"x": {"y": [1]}}, [{}], ["a", "a"]]),
)


def places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every key and item."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


EVERYWHERE = [(name, place) for name, content in DECLARED.items() for place in places(content)]


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    declared = copy.deepcopy(DECLARED)
    for _ in range(draw(st.integers(1, 2))):
        name, place = draw(st.sampled_from(EVERYWHERE))
        content: Any = declared[name]
        try:
            for key in place[:-1]:
                content = content[key]
            match draw(st.sampled_from(("replace", "delete", "add"))):
                case "replace":
                    content[place[-1]] = draw(HOSTILE)
                case "delete":
                    del content[place[-1]]
                case "add" if isinstance(content, dict):
                    content[draw(st.sampled_from(("x", "kind", "scheme", "extends", "with", "missing", "seed")))] = (
                        draw(HOSTILE)
                    )
        except (KeyError, IndexError, TypeError):  # the first change took the place of the second away
            pass
    return declared


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mutations")
    for kind in ("datasets", "models", "protocols", "studies"):
        (folder / "config" / kind).mkdir(parents=True)
    return folder


@given(declared=mutated())
@settings(max_examples=150)
def test_a_mutated_declaration_is_planned_or_refused_in_one_message(folder: Path, declared: dict[str, Any]) -> None:
    for name, content in declared.items():
        text = yaml.safe_dump(content, allow_unicode=True)
        (folder / "config" / f"{name}.yaml").write_text(text, encoding="utf-8")
    with suppress(ConfigError):
        found = load({"studies": ["tiny"]}, folder)
        claims.build(found, build(found, {}))


@given(text=st.text(st.sampled_from("ab:-[]{}&*!|>'\"#%@`,? \n\t10.eE~\ud800\x00"), max_size=60))
@settings(max_examples=150)
def test_any_text_is_a_declaration_or_refused_with_its_file(folder: Path, text: str) -> None:
    path = folder / "config/models/tiny_forest.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    for name, content in DECLARED.items():
        if name != "models/tiny_forest":
            (folder / "config" / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"tiny_forest\.yaml"):
        load({"studies": ["tiny"]}, folder)
