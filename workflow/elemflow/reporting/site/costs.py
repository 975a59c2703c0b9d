"""The page of what the jobs cost."""

from pathlib import Path

import pandas as pd

from elemflow.reporting.costs import list_costs
from elemflow.reporting.site.render import COSTS, Site


def write_costs_page(site: Site, csv: str | Path) -> None:
    """Write time, memory and waiting per rule and per study, from the csv of `elemflow.reporting.costs`."""
    columns, groups = list_costs(pd.read_csv(csv))
    site.write(COSTS, "costs", title="What the jobs cost", columns=columns, groups=groups)
