"""Classes of options, read out of modules that are not imported."""

from pathlib import Path

import pytest

from elemflow.config.module_options import read_options
from elemflow.core.errors import ConfigError

MODULE = """
import absent
from typing import Literal
from pydantic import Field
from elemflow.sources.options import SourceOptions

Unit = Literal["eV", "meV"]

def texts(schema):
    schema["uniqueItems"] = True

class Options(SourceOptions):
    \"\"\"A service.\"\"\"

    names: tuple[str, ...] = Field(description="Names.", json_schema_extra=texts)
    unit: Unit = "eV"

    @absent.decorated
    def method(self):
        return absent.value
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "service.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_only_what_fields_need_is_run(tmp_path: Path) -> None:
    schema = read_options(write(tmp_path, MODULE)).model_json_schema()
    assert schema["required"] == ["names"]
    assert schema["properties"]["unit"]["enum"] == ["eV", "meV"]
    assert schema["properties"]["names"]["uniqueItems"] is True


def test_a_field_that_cannot_be_read_is_named_with_its_file(tmp_path: Path) -> None:
    path = write(tmp_path, MODULE.replace('unit: Unit = "eV"', "unit: absent.Unit"))
    with pytest.raises(ConfigError, match=r"service\.py: the fields of its class `Options` cannot be read: .*absent"):
        read_options(path)
