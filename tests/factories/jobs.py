"""Wildcards of jobs as plain namespaces."""

from types import SimpleNamespace


def wildcards(run, **more):
    """Return the wildcards of a job of a run."""
    return SimpleNamespace(**run.keys(), **more)
