"""Numbers that would fill the memory are refused with file, key and the largest value."""

import pytest
from factories.configuration import edit, refusal

STACK = {"width": 64, "layers": 2}


def change(content, keys, value):
    for key in keys[:-1]:
        content = content[key]
    content[keys[-1]] = value


@pytest.mark.parametrize("value", [10**30, 1e30])
@pytest.mark.parametrize(
    ("file", "keys", "largest"),
    [
        ("models/brnet.yaml", ("spec", "stacks", 0, "width"), "16384"),
        ("models/brnet.yaml", ("spec", "stacks", 0, "layers"), "1000"),
        ("protocols/brnet2023.yaml", ("split", "members"), "100"),
        ("protocols/brnet2023.yaml", ("training", "batch_size"), "1048576"),
        ("protocols/brnet2023.yaml", ("training", "max_epochs"), "1000000"),
    ],
)
def test_a_number_that_fills_the_memory_is_refused(project, file, keys, largest, value):
    edit(project, file, lambda content: change(content, keys, value))
    message = refusal(project)
    assert f"config/{file}" in message
    assert str(keys[-1]) in message
    assert largest in message.replace(",", "") or isinstance(value, float)


def test_folds_repeats_and_members_are_bounded_together(project):
    split = {"scheme": "k_fold", "folds": 100, "repeats": 100, "members_per_fold": 100, "seed": 1}
    edit(project, "protocols/brnet2023.yaml", lambda content: content.update(split=split))
    message = refusal(project)
    assert "config/protocols/brnet2023.yaml: key 'split': 1,000,000 trainings" in message
    assert "at most 1,000" in message
