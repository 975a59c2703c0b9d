# Names the line of a mistake in the syntax of the configuration; Snakemake says only that it is no YAML.

from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError


def readable(path):
    """Return the path of a file that can be read as YAML."""
    try:
        yaml.safe_load(Path(path).read_bytes())
    except yaml.reader.ReaderError:
        raise WorkflowError(f"{path}: not UTF-8 text, or with control characters. Save the file as UTF-8.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        line = f", line {place.line + 1}" if place else ""
        raise WorkflowError(f"{path}{line}: not valid YAML: {getattr(error, 'problem', None) or error}.") from None
    return path
