"""Local tables, put together from the public repositories that hold their parts.

    python -m elemflow.tools.join oqmd_composition mp_polymorphs --folder <data folder>
    python -m elemflow.tools.join oqmd_composition --whole --folder <data folder>

The first form writes the tables whose SHA-256 the datasets pin, byte for byte. The second adds the training sets that
the pinned tables lack, since they come from copies of the repositories without files above 4 MB.
"""

import argparse
import logging
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from elemflow.config.yaml_schema import read_yaml
from elemflow.core.errors import ElemflowError
from elemflow.sources.joins import SERVER, TABLES, Upstream, write

ROOT = Path(__file__).resolve().parents[3]

log = logging.getLogger(__name__)


def pinned(root: Path = ROOT) -> dict[str, str]:
    """Return the SHA-256 that the datasets pin, also over the overlay of local tables, by the name of their file."""
    declared = [read_yaml(path) for path in sorted((root / "config/datasets").glob("*.yaml"))]
    declared += read_yaml(root / "config/overlays/local_tables.yaml")["overrides"]["datasets"].values()
    sources = [each.get("source", {}) for each in declared]
    return {each["path"]: each["sha256"] for each in sources if each.get("path") and each.get("sha256")}


def main() -> None:
    """Write tables into a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = {name.split(".")[0]: name for name in TABLES}
    parser.add_argument("tables", nargs="+", choices=[*names, "all"], help="names of tables, or all")
    parser.add_argument("--folder", type=Path, required=True, help="where the tables go, the data_folder of a build")
    parser.add_argument("--whole", action="store_true", help="add the large training sets of the two OQMD tables")
    parser.add_argument(
        "--downloads", type=Path, help="folder that keeps the repositories' files; else they are removed"
    )
    parser.add_argument("--server", default=SERVER, help="another server with the same paths")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    given.folder.mkdir(parents=True, exist_ok=True)
    chosen = list(names) if "all" in given.tables else given.tables
    pins = {} if given.whole else pinned()
    try:
        with TemporaryDirectory() as scratch:
            files = Upstream(given.downloads or Path(scratch), given.server.rstrip("/"), given.whole)
            for name in chosen:
                digest = write(names[name], files, given.folder, pins.get(names[name]))
                if given.whole:
                    log.info(
                        "%s: write sha256: %s into the files of its datasets and config/overlays/local_tables.yaml",
                        names[name],
                        digest,
                    )
    except ElemflowError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
