"""A version's card as one page that needs nothing else: no script, no file, no network."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from importlib import resources

from vfr.models.card_text import Section, headline, sections
from vfr.models.prediction import ModelCard

__all__ = ["card_page"]

_HEAD = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
  <title>{title}</title>
  <style>
{style}
td {{ overflow-wrap: anywhere; }}
  </style>
</head>
<body>
  <header>
    <h1>{title}</h1>
    <p>{about}</p>
  </header>
  <main>
"""

_FOOT = """  </main>
  <footer>
    <p>Daily predictions of single stocks are barely better than a coin, and the figures here say so. Not investment
      advice.</p>
  </footer>
</body>
</html>
"""


def card_page(card: ModelCard) -> str:
    """Return a card as HTML in the look of the dashboard; every text of the card is escaped."""
    style = resources.files("vfr.dashboard").joinpath("page.css").read_text(encoding="utf-8")
    head = _HEAD.format(title=escape(card.model_id), style=style.rstrip(), about=escape(headline(card)))
    return head + "".join(line for part in sections(card) for line in _section(part)) + _FOOT


def _section(part: Section) -> Iterable[str]:
    yield f'    <section class="panel">\n      <h2>{escape(part.title)}</h2>\n'
    if part.lines:
        yield "      <ul>\n"
        yield from (f"        <li>{escape(line)}</li>\n" for line in part.lines)
        yield "      </ul>\n"
    if part.rows:
        yield '      <div class="scroll">\n        <table>\n          <thead><tr>'
        yield from (f'<th scope="col">{escape(head)}</th>' for head in part.heads)
        yield "</tr></thead>\n          <tbody>\n"
        for row in part.rows:
            cells = "".join(f"<td>{escape(cell)}</td>" for cell in row)
            yield f"            <tr>{cells}</tr>\n"
        yield "          </tbody>\n        </table>\n      </div>\n"
    yield "    </section>\n"
