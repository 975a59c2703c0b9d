# Finds the folder that ships, also where a hosting service has the workflow, and makes its package importable: all that has
# to happen before anything of the package can be imported.

import os
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from snakemake.sourcecache import HostingProviderFile


def unpack(hosted):
    """Return a folder with the commit of a workflow that is hosted, since Snakemake itself gets single files only."""
    commit = hosted.hosted_repo.repo.commit(hosted.ref)
    folder = Path(".snakemake/elemflow") / commit.hexsha
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent) as name, TemporaryFile() as packed:
            hosted.hosted_repo.repo.archive(packed, commit.hexsha)
            packed.seek(0)
            tarfile.open(fileobj=packed).extractall(f"{name}/unpacked", filter="data")
            Path(name, "unpacked", ".commit").write_text(commit.hexsha, encoding="ascii")
            try:
                Path(name, "unpacked").rename(folder)
            except OSError:
                if not folder.exists():  # or another process was first
                    raise
    return folder.resolve()


here = workflow.current_basedir
root = unpack(here) if isinstance(here, HostingProviderFile) else Path(str(here)).resolve().parent
# This process, and the scripts, which run in processes of their own, import the package that lies here.
sys.path.insert(0, str(root / "workflow"))
os.environ.update(PYTHONPATH=os.pathsep.join([str(root / "workflow"), *filter(None, [os.getenv("PYTHONPATH")])]))
