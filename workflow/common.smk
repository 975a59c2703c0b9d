# Reads the configuration and the plan once; `wf` answers the questions of the rules (elemflow.plan.workflow). It lies in
# workflow/ on purpose: Snakemake puts the folder of an included file on the import path, here and in every job, so
# `import elemflow` works.

import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from elemflow.core.errors import ElemflowError
from elemflow.core.run import RUN_PATTERN as RUN
from elemflow.plan import paths
from elemflow.plan.stages.base import growing
from elemflow.plan.workflow import Workflow
from elemflow.provenance.failures import describe_failures

if workflow.modifier.path_modifier.replace_prefix(paths.ALL_TABLES) != paths.ALL_TABLES:
    raise WorkflowError("elemflow keeps its paths: remove 'prefix' or 'replace_prefix' from the module statement.")

# What ships lies next to this file, what is the user's in the folder that Snakemake works in. Scripts run in processes of
# their own and import the package that lies here, whatever is installed.
root = Path(workflow.current_basedir.get_path_or_uri(secret_free=False)).resolve().parent
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root / "workflow"), os.environ.get("PYTHONPATH")]))

try:
    wf = Workflow.load(config, root, workflow.configfiles, Path.cwd())
    if workflow.modifier.is_main_snakefile():  # another Snakefile has targets of its own
        wf.check_targets(sys.argv[1:])  # Snakemake itself knows its targets only later
except ElemflowError as error:
    raise WorkflowError(str(error)) from None


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


def check_contents():
    """Raise an error, and so end with a failure, if outputs are out of date or missing after a run that succeeded."""
    dag = workflow.dag
    # Part of a graph leaves the rest undone on purpose.
    targets = [] if dag.untilrules or dag.untilfiles or dag.omitrules or dag.omitfiles or dag.batch else dag.targetjobs
    if message := wf.out_of_date(dag.jobs, targets):
        raise WorkflowError(message)
