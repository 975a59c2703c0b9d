"""Parameters that follow from the declarations of networks."""

import pytest

from elemflow.config.load import load
from elemflow.config.outlines import count_parameters


@pytest.fixture(scope="module")
def models(root):
    return load({"studies": ["brnet2023"]}, root).models


@pytest.mark.parametrize(
    ("model", "representation", "expected"),
    [
        ("brnet", "ef", 4_548_385),  # Table 6 of brnet2023
        ("irnet17", "pa", 5_568_417),
        ("random_forest", "ef", None),  # no network
        ("brnet", "pa_frac", None),  # columns are not known before the features
        ("brnet_recommended", "ef", None),  # widths follow from the size of the training set
    ],
)
def test_parameters_are_counted_where_the_declaration_says_them(models, model, representation, expected):
    assert count_parameters(models[model], representation) == expected
