"""No number moves by accident: what the small study of the guard gives is compared with hashes.json.

Exactly where processor and libraries are those of the hashes, else within the tolerances of build.py. See README.md.
"""

import importlib.util
import os
import sys
import warnings
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.workflow


def load_build() -> ModuleType:
    """Return build.py, which lies beside this file in no package."""
    spec = importlib.util.spec_from_file_location("guard_build", Path(__file__).with_name("build.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


guard = load_build()


def test_numbers_are_as_they_were(tmp_path: Path) -> None:
    if not os.environ.get("ELEMFLOW_GUARD"):
        pytest.skip("takes about six minutes on two cores; `make guard` or ELEMFLOW_GUARD=1 builds it")
    golden = guard.read_golden()
    here = guard.describe_platform()
    other = [
        f"{key} {golden['platform'].get(key)} -> {here[key]}"
        for key in here
        if golden["platform"].get(key) != here[key]
    ]
    if other:
        warnings.warn(f"Another platform, compared within tolerances only: {'; '.join(other)}", stacklevel=1)
    lines = guard.compare(golden["guard"], guard.build("guard", tmp_path), exact=not other)
    how = f"within tolerances (another platform: {'; '.join(other)})" if other else "to the bit"
    assert not lines, f"{len(lines)} differences, compared {how}:\n" + "\n".join(lines)
