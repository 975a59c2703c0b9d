"""Configurations with a mistake, and the message that refuses them."""

import pytest
import yaml

from elemflow.config.load import load_plain as load
from elemflow.core.errors import ConfigError

CONFIG = {"studies": ["brnet2023"]}


def edit(project, file, change):
    path = project / "config" / file
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content))


def refusal(project, config=None, files=()):
    with pytest.raises(ConfigError) as caught:
        load(config or CONFIG, project, files)
    return str(caught.value)
