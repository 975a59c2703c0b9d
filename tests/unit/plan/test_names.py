"""Names in declarations that are only looked up: a wrong one is refused while the plan is made."""

import importlib
from pathlib import Path

import pytest
from factories import planning
from factories.configuration import DATASET, NETWORK

from elemflow.config.kinds import SOURCES
from elemflow.core.errors import ConfigError
from elemflow.plan.names import WITHOUT_SERVER, check_mirror, check_names
from elemflow.plan.published import PublishedIndex, PublishedValue, Question

PUBLISHED: PublishedIndex = {
    Question("mine", "T5", "d1", "gap", "ef", "brnet"): (
        PublishedValue(0.3, "0.3", "eV", "", 17, 5, "mine T5", ""),
        PublishedValue(0.2, "0.2", "eV", "", 48, 5, "mine T5", ""),
    )
}
BIBTEX = "@article{jha2018,\n title = {A}}\n@misc(gupta2023, title = {B})\n@string{acta, {C}}\n"


@pytest.fixture
def references(tmp_path: Path) -> list[Path]:
    path = tmp_path / "references.bib"
    path.write_text(BIBTEX)
    return [path, tmp_path / "absent.bib"]


def refusal(changes: dict, references: list[Path], studies: tuple[str, ...] = ("mine", "other")) -> str:
    chosen = planning.settings()
    for name, change in changes.items():
        getattr(chosen, name).update(change)
    with pytest.raises(ConfigError) as caught:
        check_names(chosen.typed(), PUBLISHED, studies, references)
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"models": {"m": NETWORK | {"published": {"model": "brnett"}}}},
            "config/models/m.yaml: key 'published.model': no values of a model 'brnett' are known. Did you mean 'brnet'?",
        ),
        (
            {"models": {"m": NETWORK | {"published": {"model": "brnet", "depth": 18}}}},
            "config/models/m.yaml: key 'published.depth': no values of 'brnet' with 18 layers are known. Known: 17, 48.",
        ),
        (
            {"datasets": {"d": DATASET | {"published_size": {"othr": 5}}}},
            "config/datasets/d.yaml: key 'published_size.othr': no study 'othr'. Known: mine, other. Did you mean 'other'?",
        ),
        (
            {"datasets": {"d": DATASET | {"citation": ["jha2018", "jha2081"]}}},
            "config/datasets/d.yaml: key 'citation': no entry 'jha2081'",
        ),
        (
            {"studies": {"s": {"title": "S", "citation": ["acta"]}}},
            "config/studies/s.yaml: key 'citation': no entry 'acta'",
        ),
    ],
)
def test_a_name_that_is_looked_up_in_vain_is_refused_with_the_nearest(changes, message, references):
    assert message in refusal(changes, references)


def test_names_that_exist_pass(references):
    chosen = planning.settings(citation=["gupta2023"])
    chosen.datasets["d1"] |= {"citation": ["jha2018"], "published_size": {"other": 7, "mine": 5}}
    check_names(chosen.typed(), PUBLISHED, ["other"], references)
    chosen.models["m"] = NETWORK | {"published": {"model": "anything"}}
    check_names(chosen.typed(), {}, ["mine", "other"], references)


def test_a_nearest_reference_is_proposed(references):
    message = refusal({"datasets": {"d": DATASET | {"citation": ["jha2081"]}}}, references)
    assert "Did you mean 'jha2018'? Add it to config/published/references.bib." in message


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"published_model": "brent"}, "'published_model': no values of a model 'brent' are known. Did you mean 'brnet'"),
        ({"published_dataset": "d7"}, "'published_dataset': table 'T5' of mine has no dataset 'd7'. Known: d1."),
        ({"published_size": 6}, "'published_size': table 'T5' of mine has no size '6'. Known: 5."),
    ],
)  # fmt: skip
def test_a_cell_that_names_what_a_table_does_not_print_is_refused(keys, message):
    row = {"dataset": "d1", "property": "gap", "published_table": "T5", **keys}
    with pytest.raises(ConfigError, match=message.replace(".", r"\.")):
        planning.build(planning.settings({"t": planning.table(rows=[row])}), PUBLISHED)


def test_a_cell_may_show_no_printed_value():
    row = {"dataset": "d1", "property": "gap", "published_table": "T5", "published_model": "none"}
    plan = planning.build(planning.settings({"t": planning.table(rows=[row])}), PUBLISHED)
    assert all(cell.published is None for cell in plan.tables["mine", "t"].planned)


def test_a_mirror_that_is_needed_exists(tmp_path: Path):
    (tmp_path / "mirror").mkdir()
    for mirror in (None, "https://example.org/raw", str(tmp_path / "mirror")):
        check_mirror(mirror, ["d1"])
    check_mirror(str(tmp_path / "miror"), [])
    with pytest.raises(ConfigError, match=r"key 'mirror': no folder .*/miror, from which d1 is .* mean 'mirror'\?"):
        check_mirror(str(tmp_path / "miror"), ["d1"])


def test_kinds_without_a_server_are_those_of_their_modules():
    of_modules = set()
    for kind, module in SOURCES.items():
        options = importlib.import_module(module).Options
        if "is_local" in vars(options) and not {"path", "url"} & set(options.model_fields):
            of_modules.add(kind)
    assert of_modules == set(WITHOUT_SERVER)
