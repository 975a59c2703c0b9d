# Reads the configuration and the plan once; `wf` answers the questions of the rules (elemflow.plan.workflow). What ships lies
# next to this file, what is the user's in the folder that Snakemake works in.

import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger


include: "locate.smk"


from elemflow.core.errors import ElemflowError
from elemflow.core.run import RUN_PATTERN as RUN
from elemflow.plan import paths, reruns
from elemflow.plan.missing_tables import MissingTables
from elemflow.plan.stages.base import growing
from elemflow.plan.workflow import Workflow
from elemflow.plan.writable import check_writable
from elemflow.provenance.failures import describe_failures

if workflow.modifier.path_modifier.replace_prefix(paths.ALL_TABLES) != paths.ALL_TABLES:
    raise WorkflowError("elemflow keeps its paths: remove 'prefix' or 'replace_prefix' from the module statement.")

try:
    wf = Workflow.load(config, root, workflow.configfiles, Path.cwd())
    if workflow.modifier.is_main_snakefile():  # another Snakefile has targets of its own
        wf.check_targets(sys.argv[1:])  # Snakemake itself knows its targets only later
    if workflow.is_main_process:
        wf.check_mirror()
except ElemflowError as error:
    raise WorkflowError(str(error)) from None


def make_again(record):
    """Have the product of a record made again; not while parsing, since the graph comes later."""
    workflow.dag.forcefiles.add(record)


if workflow.is_main_process:
    # Snakemake itself takes changed outputs for what they were, if their inputs are the same.
    reruns.on_damage(make_again)
    # Only the graph, which comes later, knows whether a local table is needed.
    logger.addFilter(MissingTables(wf.settings, config))


wildcard_constraints:
    dataset=wf.constraints["dataset"],
    property=wf.constraints["property"],
    part=wf.constraints["part"],
    scatteritem=r"\d+-of-\d+",
    representation=wf.constraints["representation"],
    model=wf.constraints["model"],
    protocol=wf.constraints["protocol"],
    study=wf.constraints["study"],
    base=wf.constraints["base"],
    table=wf.constraints["table"],
    figure=wf.constraints["figure"],


def check_results():
    """Refuse to start where results cannot be written; a dry-run and a plan need no such place."""
    try:
        check_writable(Path.cwd())
    except ElemflowError as error:
        raise WorkflowError(str(error)) from None


def write_packing_plan():
    """Write which trainings may train others along; not while parsing, since only a start knows what will run."""
    # Imported here, since no other parse needs it.
    from elemflow.training import packing

    packing.write_plan(workflow.dag.needrun_jobs(), wf.settings.packing)


def write_published():
    """Write what papers print of the runs, for the lines that evaluations log."""
    from elemflow.core.files import write_json

    write_json(paths.PUBLISHED_OF_RUNS, wf.reports.published_of_runs())


def follow_progress():
    """Log the time left after Snakemake's own count of steps."""
    from elemflow.plan.time_left import Progress

    logger.addHandler(Progress(wf.time_left(workflow.dag.needrun_jobs()), logger))


def check_contents():
    """Raise an error, and so end with a failure, if outputs are out of date or missing after a run that succeeded."""
    dag = workflow.dag
    # Part of a graph leaves the rest undone on purpose.
    targets = [] if dag.untilrules or dag.untilfiles or dag.omitrules or dag.omitfiles or dag.batch else dag.targetjobs
    if message := wf.out_of_date(dag.jobs, targets):
        raise WorkflowError(message)
