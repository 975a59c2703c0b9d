"""What `elemflow finetune` starts from: the base that ships, a file, or a run."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elemflow.base.origin import Origin
    from elemflow.multitask.file import BaseFile


def start_of(base_file: Path | None, run: str | None, results: Path) -> tuple["BaseFile", "Origin", list[str]]:
    """Return what is fine-tuned, where it comes from, and a note if it does not say what it was trained on.

    Args:
        base_file: A base or an exported run; None is the base that ships.
        run: Folder of a run, or a part of its id, in place of a file.
        results: Folder of the results, in which the run is looked for.
    """
    from elemflow.base.origin import origin_of_file, origin_of_run
    from elemflow.base.predictor import SHIPPED
    from elemflow.core.places import find
    from elemflow.multitask.from_run import knows_seen, read_start

    base: BaseFile
    reason = ""
    if run:
        from elemflow.base.run_start import start_of_run
        from elemflow.cli.export import bibliography_of
        from elemflow.inference.run_folders import find_run

        folder = find_run(run, results)
        base, reason = start_of_run(folder)
        origin = origin_of_run(folder, base.facts.name, bibliography_of(folder))
    else:
        path = base_file or find(SHIPPED)
        base = read_start(path)
        origin = origin_of_file(path, base.facts.name)
    if knows_seen(base):
        return base, origin, []
    how = reason or "The file does not list them; export the run again with this version, or name the run (--run)."
    unknown = f"It is unknown which rows {base.facts.name} was trained on: on new compositions errors may be larger."
    return base, origin, [f"{unknown} {how}"]
