"""Numbers and sentences of tables and figures, and their escaping in each format."""

import math
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pylatexenc.latexencode import RULE_DICT, UnicodeToLatexConversionRule, UnicodeToLatexEncoder

from elemflow.core.files import read_json
from elemflow.plan.items import DatasetAbout, PlannedItem

METRICS = {
    "mae": "mean absolute error",
    "rmse": "root-mean-square error",
    "r2": "coefficient of determination R²",
    "median_ae": "median absolute error",
    "p90_abs_error": "90th percentile of the absolute error",
}
HIGHER_IS_BETTER = {"r2"}
WIDTH = 100  # characters per line of plain text
PLAIN = (1e-4, 1e6)
"""Numbers between these are written without a power of ten."""
SMALL_DECIMALS = 6
"""Decimals from which on a smaller number shows its digits."""
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
WHOLE_PERCENT = 100  # differences from here on, in per cent, are shown without decimals

_TEX_RULES = {
    "≟": r"$\stackrel{?}{=}$",
    "×": r"$\times$",
    "|": r"\textbar{}",
    "\u202f": r"\,",
}
"""What pylatexenc lacks, or writes with a command that needs a package."""


def count_decimals(value: float, printed: str | None = None, digits: int = 3) -> int:
    """Return how many decimals show `digits` significant digits, from those of the printed value to two more."""
    fraction = re.search(r"\.(\d+)", printed or "")
    shown = len(fraction.group(1)) if fraction else 0
    significant = digits - 1 - math.floor(math.log10(abs(value))) if value else 0
    return min(max(shown, significant, 0), shown + 2 if fraction else 8)


def format_number(value: float, decimals: int) -> str:
    """Format a number with a true minus sign and without a negative zero.

    Outside `PLAIN` it is written with a power of ten and three significant digits; a small one only where so many
    decimals are wanted that its digits, and not a rounded zero, shall be seen.
    """
    low, high = PLAIN
    small = 0 < abs(value) < low and decimals >= SMALL_DECIMALS
    if math.isfinite(value) and (small or abs(value) >= high):
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa} × 10{str(int(exponent)).translate(_RAISED)}".replace("-", "−")
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def format_percent(value: float) -> str:
    """Format a difference in per cent with its sign."""
    decimals = 1 if abs(value) < WHOLE_PERCENT else 0
    text = format_number(value, decimals)
    sign = "+" if value > 0 and float(f"{value:.{decimals}f}") > 0 else ""
    return f"{sign}{text.replace('inf', '∞')}\u202f%"


def format_range(low: int, high: int) -> str:
    """Format a range of counts, as one number if both ends agree."""
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def letter(number: int) -> str:
    """Return the mark of a footnote: a to z, then aa, ab and so on."""
    return (letter(number // 26 - 1) if number >= 26 else "") + chr(ord("a") + number % 26)  # noqa: PLR2004  letters


@cache
def _tex_encoder() -> UnicodeToLatexEncoder:
    own = UnicodeToLatexConversionRule(RULE_DICT, {ord(sign): command for sign, command in _TEX_RULES.items()})
    return UnicodeToLatexEncoder(
        conversion_rules=[own, "defaults"],
        replacement_latex_protection="braces-after-macro",
        unknown_char_policy="keep",
        unknown_char_warning=False,
    )


def escape_tex(text: str) -> str:
    """Escape text for LaTeX; symbols without a glyph in common fonts become commands."""
    # An empty line would end a paragraph, which a caption and a cell cannot have.
    return str(_tex_encoder().unicode_to_latex(re.sub(r"[ \t]*[\r\n][\s]*", " ", text)))


def escape_markdown(text: str) -> str:
    """Escape text for a cell or a paragraph of GitHub-flavoured Markdown."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", " ".join(text.split()))


def escape_rst(text: str) -> str:
    """Escape text for a paragraph of reStructuredText, which is also what `cat` shows.

    An underscore inside a word and a lone punctuation mark stay as they are, so that identifiers
    and paths remain readable.
    """
    text = re.sub(r"([\\*`|])", r"\\\1", " ".join(text.split()))
    text = re.sub(r"_(?![A-Za-z0-9])|(?<![A-Za-z0-9])_", r"\\_", text)
    text = re.sub(r"::$", r":\\:", text)
    return re.sub(r"^(?=[^\w\\]|\w+[.)](\s|$))", r"\\", text)  # no list, field, quote or rule at the start


def fill(text: str) -> str:
    """Wrap a paragraph of plain text."""
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def simple_table(header: Sequence[str], groups: Iterable[tuple[str, Sequence[Sequence[str]]]]) -> str:
    """Draw a reStructuredText simple table that is also aligned plain text.

    Args:
        header: Column titles; the first column is aligned left, all others right.
        groups: Heading over all columns and the lines below it; headings may be empty.

    Returns:
        The table, ending in a line break.
    """
    groups = list(groups)
    lines = [line for _, members in groups for line in members]
    widths = [max(len(line[column]) for line in [header, *lines]) for column in range(len(header))]
    gap = 2
    lacking = max([len(heading) for heading, _ in groups], default=0) - (sum(widths) + gap * (len(widths) - 1))
    widths[-1] += max(lacking, 0)
    rule = "  ".join("=" * width for width in widths)

    def align(line: Sequence[str]) -> str:
        cells = [
            line[0].ljust(widths[0]),
            *(text.rjust(width) for text, width in zip(line[1:], widths[1:], strict=True)),
        ]
        return "  ".join(cells).rstrip()

    parts = [rule, align(header), rule]
    for number, (heading, members) in enumerate(groups):
        if heading:
            parts += [""] * (number > 0) + [heading, "-" * len(rule)]
        parts += [align(line) for line in members]
    return "\n".join([*parts, rule]) + "\n"


def name_metric(metric: str) -> str:
    """Return the metric in words."""
    return METRICS.get(metric, metric)


def title_metric(metric: str) -> str:
    """Return the metric in words as a sentence or an axis begins."""
    name = name_metric(metric)
    return name[:1].upper() + name[1:]


def short_metric(metric: str) -> str:
    """Return the metric as short labels call it: an acronym where it is common, or words."""
    return metric.upper() if metric in {"mae", "rmse"} else name_metric(metric)


def describe_data(datasets: Mapping[str, DatasetAbout], used: Iterable[str], curation: Mapping[str, str | Path]) -> str:
    """Return a sentence with the source, version and size of every dataset used.

    Args:
        datasets: Title, version, citation and license of each dataset.
        used: Datasets in order of appearance.
        curation: Path of each dataset's `curation.json`; a missing file leaves the size open.
    """
    sources = []
    for dataset in dict.fromkeys(used):
        about = datasets.get(dataset, DatasetAbout(title=dataset))
        path = curation.get(dataset)
        found = read_json(path) if path and Path(path).is_file() else {}
        size = f"{found['materials']:,} materials" if found else "number of materials not known"
        keys = about.citation if isinstance(about.citation, str) else ", ".join(about.citation)
        details = [size, *_describe_losses(found), about.version, keys, about.license]
        sources.append(f"{about.title} ({'; '.join(text for text in details if text)})")
    return f"Data: {'; '.join(sources)}." if sources else "Data: none."


def _describe_losses(curation: Mapping[str, Any]) -> Iterator[str]:
    """Yield what of a source could not be read, from its `curation.json`."""
    read = next((step["rows"] for step in curation.get("steps", ())), 0)
    for stage, lost in curation.get("not_understood", {}).items():
        yield f"{lost['rows']:,} of {read:,} rows dropped, {stage} not understood"
    if missing := curation.get("without_structure"):
        yield f"{missing['rows']:,} of {read:,} rows without a structure"
    for name, about in curation.get("properties", {}).items():
        if about.get("unreadable"):
            yield f"{about['unreadable']:,} of {read:,} cells of {name} dropped, no numbers"


def describe_protocols(protocols: Mapping[str, str], used: Iterable[str]) -> str:
    """Return the protocols in words; a protocol without a description is given by its name."""
    names = list(dict.fromkeys(used))
    titles = [f"{protocols[name].rstrip('.')} ({name})" if name in protocols else name for name in names]
    return f"Protocol{'s' * (len(titles) > 1)}: {'; '.join(titles)}." if titles else ""


def describe_missing(cells: Iterable[PlannedItem], mark: str) -> str:
    """Return why cells have no data, and how many cells each reason concerns; nothing if all have."""
    reasons = Counter(cell.missing.rstrip(".") for cell in cells if cell.missing)
    shown = "; ".join(f"{reason} ({count})" for reason, count in reasons.items())
    return f"Marked “{mark}”, with the number of cells: {shown}." if shown else ""


def describe_spread(runs: Iterable[tuple[int, float | None]]) -> str:
    """Return what values and ± mean, given members and spread of each run that has a result.

    Several members without a spread mean that the best of them is reported.
    """
    shown = list(runs)
    if not shown:
        return "No run has a result yet."
    averaged = sorted({members for members, spread in shown if spread is not None})
    best = sorted({members for members, spread in shown if members > 1 and spread is None})
    alone = any(members == 1 for members, _ in shown)
    if alone and not averaged and not best:
        return "Each reproduced value comes from one member or ensemble, so there is no spread."
    sentences = []
    if averaged:
        several = format_range(averaged[0], averaged[-1])
        sentences.append(
            f"Reproduced values are means over {several} members (seeds, folds or ensembles); ± is the sample standard "
            "deviation over members."
        )
    if best:
        several = format_range(best[0], best[-1])
        sentences.append(f"A value without ± of {several} members is that of the member with the lowest test error.")
    if alone:
        sentences.append(
            "One of a single member has no ± either." if best else "A value without ± has one member, no spread."
        )
    return " ".join(sentences)
