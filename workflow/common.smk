# Reads the configuration and the plan once; `wf` answers the questions of the rules (elemflow.plan.workflow). What ships lies
# next to this file, what is the user's in the folder that Snakemake works in.

import os
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from snakemake.exceptions import WorkflowError
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

from elemflow.core.errors import ElemflowError
from elemflow.core.run import RUN_PATTERN as RUN
from elemflow.plan import paths, reruns
from elemflow.plan.stages.base import growing
from elemflow.plan.workflow import Workflow
from elemflow.provenance.failures import describe_failures

if workflow.modifier.path_modifier.replace_prefix(paths.ALL_TABLES) != paths.ALL_TABLES:
    raise WorkflowError("elemflow keeps its paths: remove 'prefix' or 'replace_prefix' from the module statement.")

try:
    wf = Workflow.load(config, root, workflow.configfiles, Path.cwd())
    if workflow.modifier.is_main_snakefile():  # another Snakefile has targets of its own
        wf.check_targets(sys.argv[1:])  # Snakemake itself knows its targets only later
except ElemflowError as error:
    raise WorkflowError(str(error)) from None

if workflow.is_main_process:
    # Snakemake itself takes changed outputs for what they were, if their inputs are the same.
    reruns.on_damage(lambda record: workflow.dag.forcefiles.add(record))


wildcard_constraints:
    dataset=wf.constraints["dataset"],
    property=wf.constraints["property"],
    part=wf.constraints["part"],
    representation=wf.constraints["representation"],
    model=wf.constraints["model"],
    protocol=wf.constraints["protocol"],
    study=wf.constraints["study"],
    table=wf.constraints["table"],
    figure=wf.constraints["figure"],


def write_packing_plan():
    """Write which trainings may train others along; not while parsing, since only a start knows what will run."""
    # Imported here, since no other parse needs it.
    from elemflow.training import packing

    packing.write_plan(workflow.dag.needrun_jobs(), wf.settings.packing)


def write_published():
    """Write what papers print of the runs, for the lines that evaluations log."""
    from elemflow.core.files import write_json

    write_json(paths.PUBLISHED_OF_RUNS, wf.reports.published_of_runs())


def check_contents():
    """Raise an error, and so end with a failure, if outputs are out of date or missing after a run that succeeded."""
    dag = workflow.dag
    # Part of a graph leaves the rest undone on purpose.
    targets = [] if dag.untilrules or dag.untilfiles or dag.omitrules or dag.omitfiles or dag.batch else dag.targetjobs
    if message := wf.out_of_date(dag.jobs, targets):
        raise WorkflowError(message)
