"""Kill a small build again and again at random moments, and compare its files with those of an undisturbed one.

    python benchmarks/kill_at_random.py --kills 10 --seed 1       # some ten minutes on two cores

Both builds are copies of the project with the tiny study of the tests: a forest and two networks with many epochs, with
a checkpoint every half second. Each start of the second copy gets one signal at a random moment: SIGKILL or
SIGTERM, to Snakemake alone (its jobs go on as orphans), to all of its processes, or to one of its jobs. The next start
follows at once, after `--unlock` if Snakemake's lock is left behind. A build that finishes before its kills are used up
starts again from nothing. In the end every file with results must have the same bytes, no other file may be there but
hidden temporary files, which are counted, and a dry-run must find nothing to do.
"""

import argparse
import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from factories.tiny_project import TINY_PROTOCOL, TINY_STUDY, Project, make_project  # noqa: E402  with the tests

TARGETS = ("results/tables/tiny/errors", "results/tables/tiny/test", "results/tables/tiny/sizes")
OPTIONS = ("--cores", "2", "--config", "studies=[tiny]", "--nocolor", "--rerun-incomplete")
TIMES = re.compile(r"/(logs|benchmarks|plan|checkpoints)/|/(run_info\.json|history\.parquet)$|\.inputs\.json$")
"""Files with times, hosts or names of processes."""
TEMPORARY = re.compile(r"/\.[^/]*\.part[^/]*$")
"""Files that were being written when their process was killed; nothing reads them."""
VICTIMS = ("driver", "all", "job")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=300)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        base = _make(Path(name) / "base", options.epochs).folder  # code may be edited meanwhile
        quiet = Project(shutil.copytree(base, Path(name) / "quiet", symlinks=True))
        started = time.monotonic()
        quiet.run(*TARGETS)
        lasted = time.monotonic() - started
        wanted = _files(quiet.folder)
        print(f"undisturbed: {lasted:.0f} s, {len(wanted)} files to compare")
        kills = rounds = 0
        while kills < options.kills:
            rounds += 1
            project = Project(shutil.copytree(base, Path(name) / f"round-{rounds}", symlinks=True))
            while True:
                moment = chance.uniform(0, lasted) if kills < options.kills else None
                state = _start(project, moment, chance)
                if state is None:
                    break
                kills += 1
                print(f"kill {kills}: {state}", flush=True)
            _compare(project, wanted)
            print(f"build {rounds}: {len(wanted)} files equal, dry-run empty", flush=True)
    print(f"{kills} kills in {rounds} builds: every file as in the undisturbed build")


def _make(folder: Path, epochs: int) -> Project:
    project = make_project(ROOT, folder)
    training = TINY_PROTOCOL["training"] | {"max_epochs": epochs, "early_stopping": None}
    project.declare("protocols/tiny", TINY_PROTOCOL | {"training": training})
    project.declare("studies/tiny", TINY_STUDY | {"figures": {}, "claims": {}})
    project.edit("workflow/elemflow/training/loop.py", "CHECKPOINT_SECONDS = 600.0", "CHECKPOINT_SECONDS = 0.5")
    return project


def _start(project: Project, moment: float | None, chance: random.Random) -> str | None:
    """Start a build; return what was killed, or None if it finished."""
    if (project.folder / ".snakemake/locks").is_dir() and any((project.folder / ".snakemake/locks").iterdir()):
        project.run("--unlock")
    with tempfile.TemporaryFile("w+") as shown:
        process = subprocess.Popen(
            [sys.executable, "-m", "snakemake", *OPTIONS, *TARGETS],
            cwd=project.folder,
            env=os.environ | {"PYTHONPATH": str(project.folder / "workflow")},
            stdout=shown,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        killed = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moment)
        if process.poll() is None:
            killed = _kill(process.pid, chance) + f" after {moment:.1f} s"
        process.wait()
        shown.seek(0)
        text = shown.read()
    if killed is None and process.returncode:
        sys.exit(f"A start without a kill failed:\n{text[-4000:]}")
    return killed if process.returncode else None


def _kill(driver: int, chance: random.Random) -> str:
    number = chance.choice((signal.SIGKILL, signal.SIGTERM))
    victim = chance.choice(VICTIMS)
    jobs = [pid for pid in _descendants(driver) if ".snakemake/scripts" in _command(pid)]
    if victim == "job" and not jobs:
        victim = "driver"
    chosen = {"driver": [driver], "all": [driver, *_descendants(driver)], "job": jobs[:1]}[victim]
    for pid in chosen:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    return f"{number.name} to {'a job' if victim == 'job' else 'all processes' if victim == 'all' else 'the driver'}"


def _descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *_descendants(child)]
    return found


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    return ""


def _files(folder: Path) -> dict[str, bytes]:
    """Return every file with results, by its path."""
    found = {str(path.relative_to(folder)): path for path in sorted((folder / "results").rglob("*")) if path.is_file()}
    left_out = [name for name in found if TIMES.search(f"/{name}") or TEMPORARY.search(f"/{name}")]
    return {name: path.read_bytes() for name, path in found.items() if name not in left_out}


def _wait_for_orphans(folder: Path) -> None:
    """Wait until no job of a killed Snakemake works in a folder."""
    while any(_is_in(place, folder) for place in Path("/proc").glob("[0-9]*/cwd")):
        time.sleep(0.5)


def _is_in(place: Path, folder: Path) -> bool:
    try:
        return place.resolve() == folder.resolve()
    except OSError:
        return False


def _compare(project: Project, wanted: dict[str, bytes]) -> None:
    _wait_for_orphans(project.folder)
    found = _files(project.folder)
    other = [name for name in {*wanted, *found} if wanted.get(name) != found.get(name)]
    if other:
        sys.exit(f"{len(other)} files are absent, left over or have other bytes: {', '.join(sorted(other)[:20])}")
    temporary = [path for path in (project.folder / "results").rglob(".*") if TEMPORARY.search(str(path))]
    if temporary:
        print(f"{len(temporary)} temporary files of killed processes are left")
    if left := project.planned("--", *TARGETS):
        sys.exit(f"A dry-run would run {', '.join(sorted(left))} again.")


if __name__ == "__main__":
    main()
