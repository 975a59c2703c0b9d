"""The page of what the jobs cost."""

from pathlib import Path

import pandas as pd

from elemflow.reporting.costs import COLUMNS, list_costs
from elemflow.reporting.site.render import COSTS, Site


def write_costs_page(site: Site, csv: str | Path) -> None:
    """Write hours, memory and waiting per rule and per study, from the csv of `elemflow.reporting.costs`."""
    groups = list_costs(pd.read_csv(csv))
    site.write(COSTS, "costs", title="What the jobs cost", columns=list(COLUMNS.values()), groups=groups)
