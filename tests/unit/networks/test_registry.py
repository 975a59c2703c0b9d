"""Families of networks by name."""

import pytest

from elemflow.core.errors import ConfigError
from elemflow.networks.families.registry import network_families, read_spec


def test_a_family_is_read_by_its_class() -> None:
    declared = {"family": "unet", "widths": [8, 4], "activation": {"name": "relu"}, "batch_norm": {}}
    spec = read_spec(declared)
    assert type(spec) is network_families()["unet"]
    assert read_spec(spec) is spec
    assert spec.name == "unet"


def test_an_unknown_family_is_named() -> None:
    with pytest.raises(ConfigError, match=r"'spec\.family': 'unett' is no family.*Did you mean 'unet'"):
        read_spec({"family": "unett"})


def test_a_shorthand_is_replaced_before_a_network_is_read() -> None:
    dense = network_families()["dense"]
    declared = {"branches": "8x2-1", "stacks": [{"width": 8, "layers": 3}, {"width": 4, "layers": 1}]}
    expanded = dense.expand(declared, "models/x.yaml")
    assert expanded == {"stacks": [{"width": 8, "layers": 3, "branches": [2, 1]}, {"width": 4, "layers": 1}]}
    with pytest.raises(ConfigError, match=r"^models/x\.yaml: key 'spec\.branches': no stack of width 9. Known: 8, 4"):
        dense.expand(declared | {"branches": "9x2-1"}, "models/x.yaml")
