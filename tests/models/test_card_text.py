"""A card in words: complete, honest about what is not known, and safe whatever its texts hold."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt
from tests.models.stored_versions import card

from vfr.dashboard.card_page import card_page
from vfr.models.card_text import headline, sections, shown, to_markdown

FOLD = {
    "name": "2014", "train_start": "2005-01-03", "train_end": "2013-12-13", "labels_end": "2013-12-20",
    "test_start": "2014-01-02", "test_end": "2014-12-31", "rows": 160_000,
}  # fmt: skip
METRICS = {
    "rank_ic": 0.0131, "rank_ic_low": 0.0044, "rank_ic_high": 0.0212, "rank_ic_t": 2.9, "icir": 0.11,
    "brier": 0.2481, "brier_base_rate": 0.2479, "brier_skill": -0.0008, "brier_skill_low": -0.003,
    "brier_skill_high": 0.001, "accuracy": 0.5512, "accuracy_low": 0.53, "accuracy_high": 0.57,
    "accuracy_base_rate": 0.5521, "interval_coverage": 0.895, "interval_level": 0.9, "dates": 2012.0,
    "odd_new_one": None,
}  # fmt: skip
ROWS = [
    {"gate": "leak.ic", "passed": True, "figure": 0.0131, "bound": 0.08, "note": "mean rank IC"},
    {"gate": "parity", "passed": False, "figure": None, "bound": 1e-6, "note": ""},
    {"gate": "share_up", "passed": True, "figure": 0.97, "bound": None, "note": "printed, never gated"},
]
WHOLE = card(
    metrics=METRICS,
    folds=(FOLD,),
    gates={"passed": False, "refused": ["parity"], "rows": ROWS},
    params={
        "direction": {"ridge": 0.02}, "excess": {"ridge": 0.02, "clip": 3.0},
        "recipe": {"interval_level": 0.9}, "survivorship": "47 of 50 members",
    },
    tuning={"trials": 40, "source": "training folds only"},
    limitations=("It must not be used for other universes.",),
    files={"model_excess.json": "ab" * 32},
    machine="Linux x86_64, 2 processors",
    python="3.11.9",
    peak_rss_mb=812.0,
    parity={"names": 64, "sessions": 1},
    evidence="2026-01-01-7d-abc",
)  # fmt: skip


def table(title: str, made=WHOLE) -> dict[str, tuple[str, ...]]:
    (part,) = [part for part in sections(made) if part.title == title]
    assert all(len(row) == len(part.heads) for row in part.rows)
    return {row[0]: row[1:] for row in part.rows}


def test_a_figure_stands_beside_its_interval_and_its_baseline():
    found = table("Out of fold")
    assert found["Rank IC, mean of the sessions"] == ("0.0131", "0.0044 to 0.0212", "0")
    assert found["Accuracy of the direction"] == ("0.5512", "0.5300 to 0.5700", "0.5521")
    assert found["Brier score of P(up)"] == ("0.2481", "", "0.2479")
    assert found["Coverage of the interval"] == ("0.8950", "", "0.9000")
    assert found["Sessions judged"] == ("2,012", "", "")
    assert found["odd_new_one"] == ("—", "", "")


def test_what_is_no_better_than_nothing_is_said_in_words():
    verdict = next(part for part in sections(WHOLE) if part.title == "Verdict").lines
    assert verdict[0] == "Refused by its gates: parity."
    assert "is distinguishable from none: the interval of its rank IC is 0.0044 to 0.0212" in verdict[1]
    assert "not distinguishable from the base rate" in verdict[2]
    assert "2026-01-01-7d-abc" in verdict[3]
    worse = replace(WHOLE, metrics=METRICS | {"rank_ic_low": -0.01, "brier_skill_high": -0.001})
    verdict = next(part for part in sections(worse) if part.title == "Verdict").lines
    assert "not distinguishable from none" in verdict[1]
    assert "worse than the base rate" in verdict[2]


def test_limits_come_before_figures():
    titles = [part.title for part in sections(WHOLE)]
    assert titles.index("What it must not be used for") < titles.index("Out of fold")


def test_everything_that_made_it_is_there():
    assert table("Gates") == {
        "leak.ic": ("passed", "0.0131", "0.0800", "mean rank IC"),
        "parity": ("REFUSED", "—", "1e-06", ""),
        "share_up": ("printed", "0.9700", "", "printed, never gated"),
    }
    assert table("Walk-forward")["2014"][0] == "2005-01-03 to 2013-12-13"
    assert table("Hyper-parameters") == {
        "ridge": ("0.0200", "0.0200"), "clip": ("", "3"), "interval_level": ("0.9000", "0.9000"),
    }  # fmt: skip
    made = table("Made with")
    assert made["Machine"] == ("Linux x86_64, 2 processors",)
    assert made["Sample replayed on every load"] == ("64 names, 1 sessions",)
    assert table("Learned from")["Survivorship"] == ("47 of 50 members",)
    assert "staged of linear for 7d on bundled" in headline(WHOLE)


def test_a_card_of_the_first_form_shows_what_it_knows():
    old = card(folds=(), limitations=(), metrics={"rank_ic": 0.01}, gates={}, training_seconds=None, card_version=1)
    titles = {part.title for part in sections(old)}
    assert "Walk-forward" not in titles
    assert "What it must not be used for" not in titles
    assert "never judged" in to_markdown(old)
    refit = card(gates={"judged_with": "linear-7d-x"})
    assert "judged together with linear-7d-x" in to_markdown(refit)


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a | b | c",
    "[x](javascript:alert(1))",
    "# not a title\n\n- nor a list",
    "`code` *bold* </style></title>",
]


def hostile(text: str):
    return replace(
        WHOLE,
        model_id=text,
        data_name=text,
        member=text,
        metrics={text: text},
        importance={text: 1.0},
        limitations=(text,),
        folds=({"name": text, "rows": 1},),
        gates={"passed": False, "refused": [text], "rows": [ROWS[0] | {"gate": text, "passed": False, "note": text}]},
        params={"direction": {text: text}, "survivorship": text},
        tuning={"trials": text, "source": text},
        libraries={text: text},
        files={text: text},
        evidence=text,
    )  # fmt: skip


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parsed(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    tags.close()
    assert tags.open == []
    return tags


@pytest.mark.parametrize("text", HOSTILE)
def test_a_page_shows_any_text_as_text(text):
    clean, found = parsed(card_page(WHOLE)), parsed(card_page(hostile(text)))
    assert [tag for tag, _ in found.seen].count("title") == 1
    assert {tag for tag, _ in found.seen} == {tag for tag, _ in clean.seen}
    assert {name for _, attrs in found.seen for name in attrs} == {name for _, attrs in clean.seen for name in attrs}
    assert any(text in shown for shown in found.text)


def test_a_page_needs_nothing_else_and_lets_nothing_run():
    html = card_page(WHOLE)
    assert "default-src 'none'" in html
    body = html.split("</style>")[1]
    for word in ("http:", "https:", "src=", "href=", "<script", "@import", "url("):
        assert word not in body
    assert "--accent" in html  # the look of the dashboard
    assert "url(" not in html


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_shows_any_text_as_text(text):
    render = MarkdownIt("commonmark").enable("table").render
    clean, found = parsed(render(to_markdown(WHOLE))), parsed(render(to_markdown(hostile(text))))
    assert {tag for tag, _ in found.seen} <= {tag for tag, _ in clean.seen}
    assert [tag for tag, _ in found.seen].count("h2") == [tag for tag, _ in clean.seen].count("h2")
    assert not any("href" in attrs or "src" in attrs for _, attrs in found.seen)
    assert " ".join(text.split()) in "".join(found.text)
    tables = render(to_markdown(hostile(text))).count("<table>")
    assert tables == render(to_markdown(WHOLE)).count("<table>") >= 7


def test_markdown_holds_every_row_of_every_section():
    text = to_markdown(WHOLE)
    for part in sections(WHOLE):
        assert f"## {part.title}" in text
        for row in part.rows:
            assert f"| {row[0].replace('|', chr(92) + '|')} |" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "0.2500"), (-0.00012, "-0.00012"), (0.0, "0"), (1e9, "1,000,000,000"), (False, "no"), ("x", "x")],
)
def test_figures_are_shown_with_what_they_hold(value, text):
    assert shown(value) == text
