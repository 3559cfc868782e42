"""Reports of evidence as one page that needs nothing else: no script, no file, no network.

The page says first what was found, then on what, then shows it, then prints every table. Its figures are drawings
inside the page (`vfr.dashboard.chart`), so the security policy in its head forbids everything but its own style sheet.
"""

from __future__ import annotations

import hashlib
import math
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib import resources
from typing import Final

from vfr.dashboard.chart import key
from vfr.dashboard.evidence_figures import Absent, Figure, figures
from vfr.dashboard.evidence_verdict import verdict
from vfr.dashboard.evidence_words import Finding, sentence
from vfr.workflows.evidence_report import Cell, EvidenceReport, Table, cell_text

__all__ = ["page"]

_HEAD: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '{digest}'; base-uri 'none'; \
form-action 'none'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<a class="skip" href="#verdict">Skip to the verdict</a>
<header>
<h1>Evidence</h1>
<p>{data}</p>
</header>
<main>
"""

_FOOT: Final = """</main>
<footer>
<p>Daily predictions of single stocks are barely better than a coin, and the figures here say so. Not investment
advice.</p>
</footer>
</body>
</html>
"""

_LUCK: Final = (
    "Each answer stands by itself at 95 %: of twenty questions without any skill behind them, one is answered "
    "“shown” by luck. What is not distinguishable from luck is called not shown."
)

_UNKNOWN: Final = "\N{EN DASH}"

_LONG: Final = 48
"""Letters of a cell from which on it is broken into lines."""

_BADGES: Final[Mapping[str, str]] = {"shown": "up", "passed": "up", "failed": "down"}


def page(reports: Sequence[EvidenceReport], *, importance: Mapping[str, Mapping[str, float]] | None = None) -> str:
    """Return reports as one HTML page.

    Parameters
    ----------
    reports : sequence of EvidenceReport
        At least one, shown in their order.
    importance : mapping, optional
        Importance by feature (any unit), by the horizon whose models it is of: ``{"7d": {"momentum_12_1": 0.2}}``.

    Returns
    -------
    str
        A document of its own. Every text of a report is escaped. Figures that are not known are shown as such; a
        figure whose table a report lacks is named with the reason.

    Raises
    ------
    ValueError
        If there is no report.

    Examples
    --------
    >>> report = EvidenceReport({"data": "us-480", "horizon": "7d"}, (Table("Made <up>", ("a",), ((0.5,),)),))
    >>> "Made &lt;up&gt;" in page([report])
    True
    """
    if not reports:
        raise ValueError("a page of evidence needs at least one report")
    style = "".join(
        resources.files("vfr.dashboard").joinpath(f).read_text("utf-8") for f in ("page.css", "evidence.css")
    )
    digest = "sha256-" + b64encode(hashlib.sha256(style.encode()).digest()).decode()
    data = ", ".join(dict.fromkeys(str(r.facts.get("data", "unnamed data")) for r in reports))
    names = _names(reports)
    title = escape(f"Evidence: {', '.join(names)}")
    parts = [_HEAD.format(digest=digest, style=style, title=title, data=escape(data))]
    parts += _contents(names)
    parts += _verdicts(reports, names)
    parts += _facts(reports, names)
    for n, (report, name) in enumerate(zip(reports, names, strict=True)):
        chosen = (importance or {}).get(str(report.facts.get("horizon")))
        parts += _report(report, name, f"r{n}", chosen if "judged" not in report.facts else None)
    return "".join([*parts, _FOOT])


def _names(reports: Sequence[EvidenceReport]) -> list[str]:
    """Return a name for each report, by its horizon and what it judges."""
    names: list[str] = []
    for report in reports:
        what = str(report.facts.get("judged", "models"))
        name = f"{report.facts.get('horizon', 'unknown horizon')}, {what}"
        names.append(name if name not in names else f"{name} ({len(names) + 1})")
    return names


def _contents(names: Sequence[str]) -> Iterator[str]:
    yield '<nav class="panel" aria-label="Contents"><ul><li><a href="#verdict">Verdict</a></li>'
    yield '<li><a href="#facts">Facts</a></li>'
    for n, name in enumerate(names):
        yield f'<li><a href="#r{n}">{escape(name)}</a></li>'
    yield "</ul></nav>\n"


def _verdicts(reports: Sequence[EvidenceReport], names: Sequence[str]) -> Iterator[str]:
    yield '<section class="panel" id="verdict" aria-labelledby="verdict-title" tabindex="-1">\n'
    yield f'<h2 id="verdict-title">Verdict</h2>\n<p class="quiet">{_LUCK}</p>\n'
    for report, name in zip(reports, names, strict=True):
        found = verdict(report)
        yield f'<div class="verdict"><h3>{escape(name)}</h3>\n'
        said = " ".join(words for words in (found.headline, found.caution, found.failures) if words)
        yield f"<p>{escape(said)}</p>\n"
        yield '<ul class="findings">\n'
        yield from (_finding(finding) for finding in found.findings)
        yield "</ul></div>\n"
    yield "</section>\n"


def _finding(finding: Finding) -> str:
    kind = _BADGES.get(finding.answer, "quietly")
    return (
        f"<li><span>{escape(sentence(finding.question))}</span>"
        f'<span class="badge {kind}">{finding.answer}</span>'
        f'<span class="why">{escape(finding.text)}</span></li>\n'
    )


def _facts(reports: Sequence[EvidenceReport], names: Sequence[str]) -> Iterator[str]:
    facts = list(dict.fromkeys(name for report in reports for name in report.facts))
    rows = tuple((name, *(report.facts.get(name) for report in reports)) for name in facts)
    yield '<section class="panel facts" id="facts" aria-labelledby="facts-title">\n<h2 id="facts-title">Facts</h2>\n'
    yield from _grid(("fact", *names), rows, "facts-title")
    yield "</section>\n"


def _report(report: EvidenceReport, name: str, anchor: str, importance: Mapping[str, float] | None) -> Iterator[str]:
    places = [(table.title, f"{anchor}-t{n}") for n, table in enumerate(report.tables)]
    yield f'<section class="panel" id="{anchor}" aria-labelledby="{anchor}-title">\n'
    yield f'<h2 id="{anchor}-title">{escape(name)}</h2>\n<h3>Figures</h3>\n'
    found = figures(report, importance)
    yield '<div class="figures">\n'
    for n, drawn in enumerate(found):
        if isinstance(drawn, Figure):
            yield from _figure(drawn, f"{anchor}-f{n}", dict(reversed(places)).get(drawn.source))
    yield "</div>\n"
    absent = [f"{one.title} ({one.why})" for one in found if isinstance(one, Absent)]
    if absent:
        yield f'<p class="quiet">Not drawn: {escape("; ".join(absent))}.</p>\n'
    yield f'<h3>Tables</h3>\n<nav class="tables" aria-label="Tables of {escape(name)}"><ul>'
    yield from (f'<li><a href="#{place}">{escape(title)}</a></li>' for title, place in places)
    yield "</ul></nav>\n<p class='quiet'>A dash stands for what is not known.</p>\n"
    for n, table in enumerate(report.tables):
        yield from _table(table, f"{anchor}-t{n}")
    yield "</section>\n"


def _figure(figure: Figure, anchor: str, place: str | None) -> Iterator[str]:
    yield f'<figure><figcaption id="{anchor}"><h4>{escape(figure.title)}</h4>{escape(figure.text)}'
    if place is not None:
        yield f' <a href="#{place}" aria-label="Table: {escape(figure.source)}">Table</a>'
    yield f"</figcaption>\n{figure.drawing.svg(anchor)}\n"
    if figure.series:
        items = "".join(f"<li>{key(series)}{escape(series.name)}</li>" for series in figure.series)
        yield f'<ul class="legend">{items}</ul>\n'
    yield "</figure>\n"


def _table(table: Table, anchor: str) -> Iterator[str]:
    yield f'<div class="table"><h4 id="{anchor}">{escape(table.title)}</h4>\n'
    if table.rows:
        yield from _grid(table.columns, table.rows, anchor)
    if table.note:
        yield f"<p>{escape(table.note)}</p>\n"
    yield "</div>\n"


def _grid(columns: Sequence[str], rows: Sequence[Sequence[Cell]], label: str) -> Iterator[str]:
    """Yield a table that scrolls by keyboard too; its first column names the rows."""
    values = [[row[n] for row in rows] for n in range(len(columns))]
    right = [not any(isinstance(value, str | bool) for value in column) for column in values]
    shown = [_shown(column) for column in values]
    yield f'<div class="scroll" role="region" aria-labelledby="{label}" tabindex="0"><table aria-labelledby="{label}">'
    heads = (f'<th scope="col"{_class(number=n)}>{escape(h)}</th>' for h, n in zip(columns, right, strict=True))
    yield f"<thead><tr>{''.join(heads)}</tr></thead>\n<tbody>\n"
    for n in range(len(rows)):
        cells = [f'<th scope="row"{_class(number=right[0])}>{escape(shown[0][n])}</th>']
        for column, words, number in zip(values[1:], shown[1:], right[1:], strict=True):
            kind = _class(number=number, down=column[n] is False, prose=len(words[n]) > _LONG)
            cells.append(f"<td{kind}>{escape(words[n])}</td>")
        yield f"<tr>{''.join(cells)}</tr>\n"
    yield "</tbody></table></div>\n"


def _class(**kinds: bool) -> str:
    names = " ".join(name for name, holds in kinds.items() if holds)
    return f' class="{names}"' if names else ""


def _shown(column: Sequence[Cell]) -> list[str]:
    """Return the words of a column, its figures with the same decimals where their sizes allow it."""
    sizes = [abs(v) for v in column if isinstance(v, float) and math.isfinite(v)]
    if all(size.is_integer() for size in sizes):
        decimals: int | None = 0
    elif max(sizes) <= 1.0:
        decimals = 4
    else:
        uneven = max(sizes) >= 1000 or min((s for s in sizes if s), default=1.0) < 0.005
        decimals = None if uneven else 2
    return [cell_text(value, _decimals(value) if decimals is None else decimals, unknown=_UNKNOWN) for value in column]


def _decimals(value: Cell) -> int:
    """Return the decimals of a figure that stands beside others of quite another size."""
    if not isinstance(value, float):
        return 0
    return 0 if value.is_integer() and abs(value) >= 10 else 4 if abs(value) < 1 else 2
