"""HTML pages of the report: one style, no scripts, nothing loaded from elsewhere."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pandas as pd
from jinja2 import DictLoader, Environment, StrictUndefined

from elemflow.config.kinds import TABLE_KINDS
from elemflow.reporting.comparability import describe_rows
from elemflow.reporting.tables.view import NO_VALUE, TableView
from elemflow.reporting.text import format_range

_STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1b1f24; --soft: #5b6470; --line: #d5dae0; --rule: #1b1f24; --page: #ffffff;
  --raised: #f6f7f9; --link: #0b5c9e; --good: #1d6b3c; --bad: #a03a12;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6e9ed; --soft: #9aa4b0; --line: #343b44; --rule: #aeb6c0; --page: #14171b;
    --raised: #1c2026; --link: #7cb8ec; --good: #7fcf9b; --bad: #f0a080;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 74rem; padding: 2.5rem clamp(1rem, 4vw, 3rem) 4rem; background: var(--page);
  color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", "Noto Sans", "DejaVu Sans", sans-serif;
}
a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: .18em; }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--link); outline-offset: 3px; }
.eyebrow { margin: 0 0 .3rem; color: var(--soft); font-size: .875rem; }
h1 { margin: 0 0 1.75rem; font-size: clamp(1.35rem, 1.1rem + 1.2vw, 1.9rem); line-height: 1.2; text-wrap: balance; }
h2 { margin: 3.5rem 0 .2rem; font-size: 1.35rem; line-height: 1.25; }
h3 { margin: 2.25rem 0 .75rem; font-size: 1.05rem; }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: 0 0 .9rem; font-size: .875rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums lining-nums; }
table.grid { min-width: 60%; border-block: 2px solid var(--rule); }
.grid th, .grid td { padding: .65rem 0 .65rem 1.9rem; text-align: right; vertical-align: top; white-space: nowrap; }
.grid th:first-child {
  padding-left: 0; text-align: left; font-weight: 600; white-space: normal; min-width: 11rem; max-width: 22rem;
}
.grid thead th { border-bottom: 1px solid var(--rule); vertical-align: bottom; font-weight: 600; }
.grid tbody tr + tr > * { border-top: 1px solid var(--line); }
.grid span { display: block; }
.published, .difference, .spread, .missing { color: var(--soft); }
.difference { font-size: .875rem; }
.grid .spread { display: inline; font-weight: 400; }
.best { font-weight: 700; }
.within { color: var(--good); }
.beyond { color: var(--bad); }
.missing { font-style: italic; }
.caption { max-width: 46rem; margin-top: 1.4rem; font-size: .9375rem; }
.caption p { margin: 0 0 .5rem; }
.reference { color: var(--soft); }
details { margin-top: 1.75rem; font-size: .875rem; }
summary { cursor: pointer; color: var(--soft); width: fit-content; }
.list { margin-top: .8rem; }
.list th, .list td {
  padding: .3rem 1.5rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line);
}
.list .number { text-align: right; }
code, pre {
  font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .8125rem;
}
pre { overflow-x: auto; padding: 1rem; background: var(--raised); border-radius: 6px; line-height: 1.45; }
nav ul { columns: 18rem 3; column-gap: 2rem; margin: 0; padding: 0; list-style: none; }
nav li { break-inside: avoid; padding: .15rem 0; }
nav p { margin: 1.1rem 0 .2rem; font-weight: 600; }
section.mini table.grid { font-size: .875rem; border-block-width: 1px; }
section.mini .grid th, section.mini .grid td { padding-block: .4rem; }
.figures {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); gap: 2rem; margin-top: 1.2rem;
}
figure { margin: 0; min-width: 0; }
figure img {
  display: block; width: 100%; height: 17rem; object-fit: contain; padding: .6rem; background: #ffffff;
  border: 1px solid var(--line); border-radius: 6px;
}
figcaption { margin-top: .6rem; font-weight: 600; }
figcaption p { margin: 0; }
figcaption .files, figcaption details { margin-top: .3rem; font-size: .875rem; font-weight: 400; }
section.claim { margin-top: 1.6rem; padding-top: 1.1rem; border-top: 1px solid var(--line); max-width: 60rem; }
section.claim h3 { margin: 0 0 .5rem; max-width: 46rem; }
section.claim details { margin-top: .5rem; }
section.claim dl { margin: 0; font-size: .9375rem; }
section.claim dl div { display: grid; grid-template-columns: 13.5rem 1fr; gap: .8rem; }
section.claim dt { color: var(--soft); }
section.claim dd { margin: 0; }
section.claim .number { white-space: nowrap; }
.footnote { margin: .4rem 0 0; max-width: 46rem; color: var(--soft); font-size: .875rem; }
.verdict { font-weight: 600; }
.verdict.holds { color: var(--good); }
.verdict.fails { color: var(--bad); }
.verdict.open { color: var(--soft); }
.list tr:not(.first) td { border-top: 0; }
@media (max-width: 44rem) {
  section.claim dl div { grid-template-columns: 1fr; gap: 0; margin-bottom: .35rem; }
  body { padding-top: 1.5rem; }
  .grid, .grid tbody, .grid tr, .grid td, .grid tbody th { display: block; width: 100%; }
  .grid thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .grid tbody th:first-child { max-width: none; padding: .9rem 0 .35rem; }
  .grid td {
    display: grid; grid-template: "label published ." "label reproduced difference" / 1fr auto 5.2rem;
    column-gap: .5rem; align-items: baseline; padding: .3rem 0;
  }
  .grid .published { grid-area: published; }
  .grid .reproduced, .grid .missing { grid-area: reproduced; }
  .grid .difference { grid-area: difference; }
  .grid td:last-child { padding-bottom: .9rem; }
  .grid td.none { display: none; }
  .grid td::before {
  content: attr(data-label); grid-area: label; align-self: start; text-align: left; white-space: normal;
}
  .grid tbody tr + tr > td { border-top: 0; }
}
@media print { body { max-width: none; padding: 0; } details { display: none; } }
"""

_TEMPLATES = {
    "page": """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>{{ style | safe }}</style>
</head>
<body>
{% block body required %}{% endblock %}
</body>
</html>
""",
    "grid": """{% macro grid(view, anchors=false) -%}
<div class="scroll">
<table class="grid">
<thead><tr><th scope="col"></th>\
{% for column in view.columns %}<th scope="col">{{ column }}</th>{% endfor %}</tr></thead>
<tbody>
{% for label, cells in view.rows %}
{% set row = loop.index %}
<tr><th scope="row">{{ label }}</th>
{% for cell in cells %}
{% if cell %}
<td data-label="{{ view.columns[loop.index0] }}" title="{{ cell.run }}"{% if anchors %} \
id="{{ row }}-{{ loop.index }}"{% endif %}>
{% if view.has_published %}
<span class="published">{{ cell.published or "—" }}</span>
{% endif %}
{% if cell.done %}
<span class="reproduced{{ " best" if cell.best }}">{{ cell.reproduced }}\
{% if cell.spread %}<span class="spread"> ± {{ cell.spread }}</span>{% endif %}\
{% if cell.mark %} {{ cell.mark }}{% endif %}</span>
<span class="difference {{ cell.agreement }}">{{ cell.difference }}</span>
{% else %}
<span class="missing">{% if cell.log %}<a href="../../{{ cell.log | replace("results/", "", 1) }}">\
{{ cell.reproduced }}</a>{% else %}{{ cell.reproduced }}{% endif %}</span>
{% endif %}
</td>
{% else %}
<td class="none"></td>
{% endif %}
{% endfor %}
</tr>
{% endfor %}
</tbody>
</table>
</div>
{%- endmacro %}
{% macro key() -%}
<p class="key"><span class="published">Each cell:</span><span class="published">published</span>\
<span>reproduced<span class="spread"> ± spread</span></span>\
<span class="difference">difference in %</span></p>
{%- endmacro %}""",
    "table": """{% extends "page" %}{% from "grid" import grid, key %}{% block body %}
<p class="eyebrow">{{ view.study }}</p>
<h1>{{ title }}</h1>
{% if view.has_published %}{{ key() }}{% endif %}

{{ grid(view, anchors=true) }}
<div class="caption">
{% for sentence in view.caption %}
<p>{{ sentence }}</p>
{% endfor %}
<p class="reference">{{ view.reference }}</p>
</div>
{% if cells %}
<details>
<summary>Runs behind the cells</summary>
<div class="scroll"><table class="list">
<thead><tr><th scope="col">Row</th><th scope="col">Column</th><th scope="col">Members</th>\
<th scope="col">Materials</th><th scope="col">Epochs at most</th><th scope="col">Test materials</th>\
<th scope="col">Run</th></tr></thead>
<tbody>
{% for cell in cells %}
<tr><td>{{ cell.row }}</td><td>{{ cell.column }}</td><td class="number">{{ cell.members }}</td>\
<td class="number">{{ cell.materials }}</td><td class="number">{{ cell.epochs }}</td>\
<td class="number">{{ cell.test_rows }}</td><td><code>{{ cell.run }}</code></td></tr>
{% endfor %}
</tbody></table></div>
</details>
{% endif %}
{% endblock %}""",
    "tables": """{% extends "page" %}{% from "grid" import grid, key %}{% block body %}
<h1>{{ title }}</h1>
<nav>
{% for study in studies %}
<p>{{ study.title }}</p>
<ul>{% for item in study.tables %}<li><a href="#{{ item.view.label }}">{{ item.view.title }}</a></li>{% endfor %}</ul>
{% endfor %}
</nav>
<p>As csv, all tables of a kind together: \
{% for kind in kinds %}{{ kind.overview_title }}: <a href="{{ kind.overview }}">{{ kind.overview }}</a>\
{{ "; " if not loop.last }}{% endfor %}</p>
{{ key() }}
{% for study in studies %}
<h2>{{ study.title }}</h2>
<p class="eyebrow">{{ study.reference }}</p>
{% for item in study.tables %}
<section class="mini" id="{{ item.view.label }}">
<h3><a href="{{ item.file }}">{{ item.view.title }}</a></h3>
{{ grid(item.view) }}
</section>
{% endfor %}
{% endfor %}
{% endblock %}""",
    "claims": """{% extends "page" %}{% block body %}
<h1>{{ title }}</h1>
<p>As tables: <a href="claims.csv">claims.csv</a>, one line per claim, and <a href="cells.csv">cells.csv</a>, \
one per cell behind them.</p>
<p class="key"><span><b class="verdict holds">holds</b> enough cases bear it out</span>\
<span><b class="verdict fails">does not hold</b> too few can</span>\
<span><b class="verdict open">not testable</b> data, results or scale are lacking</span></p>
{% for view in views %}
{% if views | length > 1 %}<h2>{{ view.study_title }}</h2>{% endif %}
<p class="eyebrow">{{ view.reference }}</p>
<p>{{ view.summary }}</p>
{% if view.model_selection %}<p class="caption"><b>How the paper chose.</b> {{ view.model_selection }}</p>{% endif %}
{% for claim in view.claims %}
<section class="claim" id="{{ claim.study }}-{{ claim.id }}">
<h3>{{ claim.text }}</h3>
<dl>
<div><dt>Reproduced</dt><dd><b class="verdict {{ styles[claim.verdict.word] }}">{{ claim.told }}</b>\
{% if claim.numbers != "—" %} {{ claim.numbers }}{% endif %}</dd></div>
<div><dt>In the paper's own numbers</dt><dd>{% if claim.printed %}<b class="verdict {{ styles[claim.printed.word] }}">\
{{ claim.paper }}</b>{% if claim.published != "—" %} {{ claim.published }}{% endif %}\
{% else %}{{ claim.paper }}{% endif %}</dd></div>
{% if claim.rule %}<div><dt>Checked as</dt><dd>{{ claim.rule }}</dd></div>{% endif %}
{% if claim.source %}<div><dt>From</dt><dd>{{ claim.source }}</dd></div>{% endif %}
</dl>
{% if claim.note %}<p class="footnote">{{ claim.note }}</p>{% endif %}
{% if claim.cases %}
<details>
<summary>{{ claim.cases | length }} case{{ "s" if claim.cases | length > 1 }} and the cells behind</summary>
<div class="scroll"><table class="list">
<thead><tr><th scope="col">Case</th><th scope="col">Cell</th><th scope="col" class="number">Published</th>\
<th scope="col" class="number">Reproduced</th><th scope="col" class="number">Change, published</th>\
<th scope="col" class="number">Change, reproduced</th><th scope="col"></th></tr></thead>
<tbody>
{% for case in claim.cases %}
{% for cell in case.cells %}
<tr{% if loop.first %} class="first"{% endif %}>\
<td>{% if loop.first %}{{ case.label }}{% endif %}</td>\
<td>{% if cell.href %}<a href="{{ cell.href }}">{{ cell.label }}</a>{% else %}{{ cell.label }}{% endif %}</td>\
<td class="number">{{ cell.published }}</td><td class="number">{{ cell.reproduced }}</td>\
<td class="number">{% if loop.first %}{{ case.printed }}{% endif %}</td>\
<td class="number">{% if loop.first %}{{ case.number }}{% endif %}</td>\
<td>{% if loop.first %}{{ case.sign }} {{ case.outcome.reason }}{% endif %}</td></tr>
{% endfor %}
{% endfor %}
</tbody></table></div>
</details>
{% endif %}
</section>
{% endfor %}
{% endfor %}
{% endblock %}""",
    "costs": """{% extends "page" %}{% block body %}
<h1>{{ title }}</h1>
<p>The last start of every job in this folder, as a table: <a href="costs.csv">costs.csv</a></p>
{% for heading, lines in groups.items() %}
<h2>{{ heading }}</h2>
<div class="scroll"><table class="list">
<thead><tr>{% for name in columns %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for line in lines %}
<tr>{% for value in line %}<td{% if not loop.first %} class="number"{% endif %}>{{ value }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
{% endfor %}
{% endblock %}""",
    "figures": """{% extends "page" %}{% block body %}
<h1>{{ title }}</h1>
<p>The numbers drawn in every figure: <a href="numbers.csv">numbers.csv</a></p>
{% for study in studies %}
<h2>{{ study.title }}</h2>
<p class="eyebrow">{{ study.reference }}</p>
<div class="figures">
{% for item in study.figures %}
<figure id="{{ item.label }}">
<a href="{{ item.svg }}"><img src="{{ item.png }}" alt="{{ item.title }}" loading="lazy"></a>
<figcaption><p>{{ item.title }}</p>
<p class="files"><a href="{{ item.svg }}">SVG</a> · <a href="{{ item.png }}">PNG</a></p>
<details><summary>Caption and values</summary><pre>{{ item.caption }}</pre></details>
</figcaption>
</figure>
{% endfor %}
</div>
{% endfor %}
{% endblock %}""",
}


@cache
def _environment() -> Environment:
    return Environment(
        loader=DictLoader(_TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )


def _render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(style=_STYLE, **values)


def render_table_page(view: TableView, cells: pd.DataFrame) -> str:
    """Render one table as a page of its own."""
    return _render("table", title=view.title, view=view, cells=[_list_cell(line) for line in cells.to_dict("records")])


def _list_cell(line: Mapping[Any, Any]) -> dict[str, Any]:
    low, high = line["test_rows_min"], line["test_rows_max"]
    rows = NO_VALUE if pd.isna(low) else format_range(low, high)
    epochs = NO_VALUE if pd.isna(line["max_epochs"]) else f"{line['max_epochs']:,}"
    known = {str(name): None if pd.isna(value) else value for name, value in line.items()}
    shown = {"materials": describe_rows(known), "epochs": epochs, "test_rows": rows}
    return {**line, "members": line["members"] or NO_VALUE, **shown}


def render_tables_index(studies: Sequence[Mapping[str, Any]]) -> str:
    """Render all tables on one page.

    Args:
        studies: Title, reference and `tables` of each study; a table has its `view` and the `file` to link to.
    """
    return _render("tables", title="Tables: published and reproduced", studies=studies, kinds=TABLE_KINDS.values())


def render_figures_index(studies: Sequence[Mapping[str, Any]]) -> str:
    """Render thumbnails of all figures on one page.

    Args:
        studies: Title, reference and `figures` of each study; a figure has `label`, `title`, `caption`,
            and the paths `svg` and `png` to link to.
    """
    return _render("figures", title="Figures", studies=studies)


def render_claims(title: str, views: Sequence[Mapping[str, Any]]) -> str:
    """Render the claims of one study or of several.

    Args:
        title: Title of the page.
        views: Each study as `elemflow.reporting.claims_page.view_claims` arranges it.
    """
    styles = {"holds": "holds", "does not hold": "fails", "not testable": "open"}
    return _render("claims", title=title, views=views, styles=styles)


def render_costs(columns: Sequence[str], groups: Mapping[str, Sequence[Sequence[str]]]) -> str:
    """Render what the jobs cost.

    Args:
        columns: Heads of the columns.
        groups: Lines of each table, by its heading.
    """
    return _render("costs", title="What the jobs cost", columns=columns, groups=groups)
