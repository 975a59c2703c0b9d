"""Reproducible deep learning on materials data.

`Features`, `Predictor`, `load_dataset`, `load_results` and `load_run` are imported when they are first used.
"""

NAMES = ("Features", "Predictor", "load_dataset", "load_results", "load_run")


def __getattr__(name: str) -> object:
    """Return a name of `elemflow.api`, which imports scikit-learn and pandas."""
    if name not in NAMES:
        raise AttributeError(f"module 'elemflow' has no attribute '{name}'")
    from elemflow import api  # noqa: PLC0415  the command line and the workflow start without it

    return getattr(api, name)


def __dir__() -> list[str]:
    return [*globals(), *NAMES]
