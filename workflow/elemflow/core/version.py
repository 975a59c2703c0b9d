"""The version of elemflow, installed or run from its folder."""

import importlib.metadata
import tomllib
from pathlib import Path


def version() -> str:
    """Return the version of elemflow."""
    try:
        return importlib.metadata.version("elemflow")
    except importlib.metadata.PackageNotFoundError:
        project = Path(__file__).resolve().parents[3] / "pyproject.toml"
        found: str = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]
        return found
