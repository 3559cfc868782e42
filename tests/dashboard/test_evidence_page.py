"""The page of evidence: complete in itself, true to the tables it was made from, and plain about what they say."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from importlib import resources

import numpy as np
import pytest
from tests.dashboard.evidence_reports import by_year, coverage, held, ranks, real_tables, report, study, weights

from vfr.dashboard.chart import Plot
from vfr.dashboard.evidence_figures import Absent, Figure, figures
from vfr.dashboard.evidence_page import page
from vfr.dashboard.evidence_verdict import Verdict, verdict
from vfr.workflows.evidence_report import EvidenceReport, Table

DASH = "\N{EN DASH}"
VOID = {"meta", "link", "br", "img", "input"}
NOTHING = "\N{EN DASH}"
EVIL = "<script>alert(1)</script>\"'&</style><img src=x onerror=y>"


class Parsed(HTMLParser):
    """Tags with their attributes, cells of tables, and whether every tag is closed in its order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.words: list[str] = []
        self.style = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(attrs) == len(dict(attrs)), (tag, attrs)
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        where = self._open[-1] if self._open else ""
        if where == "style":
            self.style += data
        elif where in ("td", "th"):
            self.tables[-1][-1][-1] += data
        self.words.append(data)


@pytest.fixture(scope="module")
def skilled() -> EvidenceReport:
    return report(*real_tables(study(0.2)))


@pytest.fixture(scope="module")
def chance() -> EvidenceReport:
    return report(*real_tables(study(0.0)), facts={"horizon": "7d"})


@pytest.fixture(scope="module")
def text(skilled: EvidenceReport, chance: EvidenceReport) -> str:
    return page([skilled, chance], importance={"1d": {"momentum_12_1": 2.0, "beta_252": 1.0}})


def answers(found: Verdict) -> dict[str, str]:
    return {finding.question: finding.answer for finding in found.findings}


def told(found: Verdict, question: str) -> str:
    return next(finding.text for finding in found.findings if finding.question == question)


def drawn(made: EvidenceReport, title: str) -> Figure:
    return next(f for f in figures(made) if isinstance(f, Figure) and f.title.startswith(title))


def places(svg: str) -> list[tuple[float, float]]:
    """Return the centres of the circles of a drawing."""
    return [(float(x), float(y)) for x, y in re.findall(r'<circle class="dot" cx="([-\d.]+)" cy="([-\d.]+)"', svg)]


def test_nothing_comes_from_elsewhere_and_nothing_runs(text: str) -> None:
    found = Parsed(text)
    for tag, attributes in found.tags:
        assert tag not in ("script", "link", "img", "iframe", "object", "form", "base"), tag
        assert "style" not in attributes, tag
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#"), attributes
    assert not re.search(r"@import|url\(|https?:", text)


def test_the_policy_allows_its_own_style_and_nothing_else(text: str) -> None:
    found = Parsed(text)
    [policy] = [a["content"] for _, a in found.tags if a.get("http-equiv") == "Content-Security-Policy"]
    digest = b64encode(sha256(found.style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_every_reference_inside_the_page_leads_somewhere(text: str) -> None:
    attributes = [a for _, a in Parsed(text).tags]
    ids = [a["id"] for a in attributes if "id" in a]
    assert max(Counter(ids).values()) == 1
    asked = {a["href"][1:] for a in attributes if a.get("href")} | {
        a["aria-labelledby"] for a in attributes if a.get("aria-labelledby")
    }
    assert asked <= set(ids)
    assert len(asked) > 40


def test_tables_can_be_scrolled_and_read_without_a_mouse(text: str) -> None:
    tags = Parsed(text).tags
    for n, (tag, _) in enumerate(tags):
        if tag == "table":
            around = tags[n - 1][1]
            assert (around["role"], around["tabindex"]) == ("region", "0")
            assert around["aria-labelledby"]
    scopes = Counter(a.get("scope") for tag, a in tags if tag == "th")
    assert set(scopes) == {"col", "row"}


def test_every_table_of_every_report_is_there_whole(skilled: EvidenceReport) -> None:
    tables = Parsed(page([skilled])).tables[1:]
    assert len(tables) == len(skilled.tables)
    for shown, table in zip(tables, skilled.tables, strict=True):
        assert tuple(shown[0]) == table.columns
        for cells, row in zip(shown[1:], table.rows, strict=True):
            for cell, value in zip(cells, row, strict=True):
                if isinstance(value, bool):
                    assert cell == ("yes" if value else "no")
                elif isinstance(value, str):
                    assert cell == value
                elif value is None or np.isnan(value):
                    assert cell == NOTHING
                else:
                    decimals = len(cell.partition(".")[2])
                    assert float(cell.replace(",", "")) == pytest.approx(value, abs=0.51 * 10**-decimals)


@pytest.mark.parametrize(
    ("column", "shown"),
    [
        ((0.5, 0.25, 1.0, None), ["0.5000", "0.2500", "1.0000", NOTHING]),
        ((2.5, 10.0, float("nan")), ["2.50", "10.00", NOTHING]),
        ((0.0132, 160000.0, 0.0), ["0.0132", "160,000", "0.0000"]),
        ((1200, 3, True), ["1,200", "3", "yes"]),
        ((3.0, 1500.0, float("inf")), ["3", "1,500", NOTHING]),
        ((-0.00001, 0.5), ["0.0000", "0.5000"]),
    ],
)
def test_figures_of_a_column_share_their_decimals(column: tuple[object, ...], shown: list[str]) -> None:
    table = Table("t", ("name", "figure"), tuple(("x", value) for value in column))  # type: ignore[arg-type]
    rows = Parsed(page([report(table)])).tables[-1][1:]
    assert [row[1].replace("-0.0000", "0.0000") for row in rows] == shown


def test_numbers_stand_right_and_words_left() -> None:
    table = Table("t", ("name", "figure", "none"), (("a", 0.5, None), ("b", 1.5, "x")))
    heads = [a.get("class") for tag, a in Parsed(page([report(table)])).tags if tag == "th" and a["scope"] == "col"][
        -3:
    ]
    assert heads == [None, "number", None]


def test_whatever_a_report_says_is_text() -> None:
    tables = [
        Table(EVIL, (EVIL, "b"), ((EVIL, 1.0),), EVIL),
        ranks((EVIL, 0.01, 5.0), (f"b{EVIL}", 0.01, 5.0)),
        by_year(("2010", EVIL, 0.01, 2.0), ("2011", f"b{EVIL}", 0.01, 2.0)),
        held((EVIL, EVIL, 0.1), (EVIL, "equal weight", 0.1)),
    ]
    made = report(*tables, facts={"data": EVIL, "horizon": EVIL, EVIL: EVIL})
    found = Parsed(page([made, made], importance={EVIL: {EVIL: 1.0}}))
    assert not {"script", "img"} & {tag for tag, _ in found.tags}
    assert not any(name in ("onerror", "src") for _, attributes in found.tags for name in attributes)
    assert sum(EVIL in words for words in found.words) > 20


def test_no_report_is_no_page() -> None:
    with pytest.raises(ValueError, match="at least one"):
        page([])


def test_weights_are_drawn_beside_equal_ones() -> None:
    made = report(weights(("2010", "a", 0.5), ("2010", "b", 0.5), ("2011", "a", 0.55), ("2011", "b", 0.45)))
    drawing = drawn(made, "Learned weights").drawing
    assert isinstance(drawing, Plot)
    assert [[mark.y for mark in series.marks] for series in drawing.series] == [[0.5, 0.55], [0.5, 0.45]]
    assert drawing.lines == ((0.5, ""),)
    assert "a, 2011: 0.550" in drawing.svg("x")


def test_every_figure_is_drawn_from_the_tables_of_a_run(skilled: EvidenceReport) -> None:
    learned = weights(("2010", "lightgbm", 0.6), ("2010", "linear", 0.4))
    made = EvidenceReport(skilled.facts, (*skilled.tables, held(("2010", "average", 0.1)), learned))
    found = figures(made, {"momentum_12_1": 1.0})
    assert [f.title for f in found if isinstance(f, Absent)] == []
    assert len(found) == 13
    titles = {table.title for table in made.tables}
    assert {f.source for f in found if isinstance(f, Figure)} - {""} <= titles


def test_what_is_not_drawn_is_said_with_the_reason() -> None:
    shown = "".join(Parsed(page([report(ranks(("average", 0.01, 2.5)))])).words)
    assert "Not drawn: Rank IC by year (the report has no table “Rank IC by year”)" in shown
    assert "Feature importance (none was given)" in shown
    assert "Not drawn: Rank IC (" not in shown


def test_calibrated_bins_lie_on_the_diagonal_and_others_do_not() -> None:
    bins = [(n, 0.4 + 0.02 * n, 0.4 + 0.02 * n, 0.5, 0.5, 10) for n in range(1, 11)]
    heads = ("bin", "P(up)", "went up", "confidence", "sign right", "rows")
    svg = drawn(report(Table("Reliability (average)", heads, tuple(bins))), "Reliability of P(up)").drawing.svg("x")
    line = re.search(r'class="reference" x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)"', svg)
    assert line is not None
    x1, y1, x2, y2 = map(float, line.groups())
    points = places(svg)
    assert len(points) == 10
    for x, y in points:
        assert y == pytest.approx(y1 + (x - x1) * (y2 - y1) / (x2 - x1), abs=0.2)
    off = [(*bins[0][:2], 0.5, *bins[0][3:]), *bins[1:]]
    x, y = places(drawn(report(Table("Reliability", heads, tuple(off))), "Reliability of P(up)").drawing.svg("x"))[0]
    assert y < y1 + (x - x1) * (y2 - y1) / (x2 - x1) - 20


def test_error_bars_span_1_96_standard_errors() -> None:
    made = report(by_year(("2010", "average", 0.02, 2.0), ("2011", "average", -0.01, -4.0)))
    svg = drawn(made, "Rank IC by year").drawing.svg("x")
    bars = [
        tuple(map(float, b))
        for b in re.findall(r'class="whisker" x1="[\d.]+" y1="([\d.]+)" x2="[\d.]+" y2="([\d.]+)"', svg)
    ]
    (_, top), (_, bottom) = places(svg)
    unit = (bottom - top) / 0.03
    halves = [abs(low - high) / 2 / unit for low, high in bars]
    assert halves == pytest.approx([1.96 * 0.02 / 2, 1.96 * 0.01 / 4], rel=0.02)
    zero = float(re.findall(r'class="reference" x1="[\d.]+" y1="([\d.]+)"', svg)[0])
    assert (zero - top) / unit == pytest.approx(0.02, rel=0.02)


def test_yearly_means_add_up_and_returns_compound() -> None:
    made = report(
        by_year(("2010", "average", 0.02, 2.0), ("2011", "average", -0.05, 2.0)),
        held(
            ("2010", "average", 0.1),
            ("2010", "equal weight", 0.0),
            ("2011", "average", 0.5),
            ("2011", "equal weight", 0.2),
        ),
    )
    svg = drawn(made, "Cumulative").drawing.svg("x")
    assert re.findall("<title>(.*?)</title>", svg) == ["average, to 2010: 0.0200", "average, to 2011: -0.0300"]
    told_of = re.findall("<title>(.*?)</title>", drawn(made, "Portfolios").drawing.svg("x"))
    assert "average, end of 2011: 1.650" in told_of
    assert "equal weight, end of 2011: 1.200" in told_of


def test_figures_that_are_not_known_leave_a_gap_not_a_zero() -> None:
    nan = float("nan")
    made = report(
        by_year(("2010", "average", nan, nan), ("2011", "average", 0.01, nan), ("2012", "average", 0.02, 0.0))
    )
    svg = drawn(made, "Rank IC by year").drawing.svg("x")
    assert len(places(svg)) == 2
    assert "whisker" not in svg
    assert "nan" not in re.sub("<title>.*?</title>", "", svg)


def test_intervals_outside_the_band_are_crossed() -> None:
    rows = (("average", "2010", 0.79, False), ("average", "2011", 0.90, True), ("linear", "2010", 0.1, False))
    made = report(Table("Interval of the excess return", ("model", "group", "coverage", "80-97 %"), rows))
    svg = drawn(made, "Coverage of the interval").drawing.svg("x")
    assert svg.count('class="cross"') == 1
    assert svg.count('class="dot"') == 1
    band = re.search(r'class="band" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', svg)
    assert band is not None
    start, width = map(float, band.groups())
    [(x, _)] = places(svg)
    assert (x - start) / width == pytest.approx(0.10 / 0.17, abs=0.01)


def test_only_the_largest_features_are_shown_as_shares() -> None:
    found = figures(report(), {f"f{n:02}": float(n) for n in range(40)})[-1]
    assert isinstance(found, Figure)
    named = re.findall("<title>(.*?)</title>", found.drawing.svg("x"))
    assert len(named) == 20
    assert named[0] == f"f39: {39 / 780:.2%}"


def test_planted_skill_is_shown_and_chance_is_not(skilled: EvidenceReport, chance: EvidenceReport) -> None:
    found = verdict(skilled)
    shown = {"order of names", "order beyond known exposures", "gain over the reference"}
    assert shown <= set(found.shown)
    assert found.headline.startswith("Skill shows in ")
    assert "members at t, made up), above zero" in told(found, "order of names")
    none = verdict(chance)
    assert none.shown == ()
    assert none.headline == f"No skill shows in any of {sum(f.skill for f in none.findings)} questions."
    assert answers(none)["probability of an excess return"] == "not shown"


def test_the_verdict_is_of_rows_that_count() -> None:
    found = verdict(report(ranks(("average", 0.01, 1.0), ("linear", 0.02, 1.9))))
    assert answers(found) == {"order of names": "not shown"}
    assert "9.0" not in told(found, "order of names")
    assert "not distinguishable from zero" in told(found, "order of names")


def test_skill_among_survivors_is_shown_with_a_caution() -> None:
    made = ranks(("average", 0.05, 9.0))
    assert verdict(report(made)).caution == ""
    survivors = replace(made, rows=tuple(("all names", *row[1:]) for row in made.rows[:1]))
    assert verdict(report(survivors)).shown == ("order of names",)
    assert "order of names. Index membership is not known: " in page([report(survivors)])


def test_a_table_of_a_longer_title_is_another_table() -> None:
    made = ranks(("average", 0.05, 9.0))
    other = Table(f"{made.title} without the future", made.columns, made.rows)
    assert verdict(report(other)).findings == ()
    named = Table(f"{made.title} (average)", made.columns, made.rows)
    assert answers(verdict(report(named))) == {"order of names": "shown"}


def test_models_that_were_chosen_from_need_a_higher_bar() -> None:
    rows = [("average", 0.01, 1.0), ("a", 0.02, 2.3), ("b", 0.02, 2.5)]
    assert "1 of 2 above 2.4, the bar for 3: b." in told(verdict(report(ranks(*rows))), "order of names")


def test_names_ordered_the_wrong_way_round_are_no_skill() -> None:
    found = verdict(report(ranks(("average", -0.02, -5.0))))
    assert answers(found) == {"order of names": "not shown"}
    assert "wrong way round" in told(found, "order of names")


@pytest.mark.parametrize(
    ("row", "answer", "words"),
    [
        ((0.2, 0.62, 0.58, 0.01, 0.07), "shown", "Reached with a lift"),
        ((1.0, 0.61, 0.61, -0.01, 0.01), "failed", "Reached, but without a lift"),
        ((1.0, 0.61, 0.61, 0.0, 0.0), "failed", "Reached, but without a lift"),
        ((1.0, 0.55, 0.50, 0.02, 0.08), "failed", "Not reached at any coverage"),
        ((0.0, float("nan"), float("nan"), float("nan"), float("nan")), "not known", "No call"),
    ],
)
def test_the_sixty_percent_question(row: tuple[float, float, float, float, float], answer: str, words: str) -> None:
    found = verdict(report(coverage(row)))
    assert answers(found) == {"60 % right direction": answer}
    assert told(found, "60 % right direction").startswith(words)
    assert (found.failures == "Failed: 60 % right direction.") == (answer == "failed")


def test_sixty_percent_with_lift_on_few_calls_outweighs_more_without() -> None:
    found = verdict(report(coverage((1.0, 0.65, 0.65, -0.01, 0.01), (0.1, 0.61, 0.58, 0.01, 0.05))))
    assert told(found, "60 % right direction") == (
        "Reached with a lift over the base-rate rule: 61.0 % on 10.0 % of the calls (500 dates), the base-rate rule "
        "58.0 % on the same; lift 3.0 points [1.0 to 5.0]."
    )


def test_the_leak_alarm_silences_every_claim(skilled: EvidenceReport) -> None:
    rows = (("linear", "leak.ic", 0.2, 0.08, False), ("linear", "finite", 0.0, 0.0, True))
    rung = Table("Gates and leak alarm", ("member", "gate", "figure", "bound", "passed"), rows)
    assert verdict(skilled).shown
    found = verdict(report(*skilled.tables[:-1], rung))
    assert found.shown == ()
    assert found.headline.startswith("The leak alarm rings")
    assert "leak alarm" in found.failures
    assert answers(found)["gates"] == "passed"
    assert told(found, "leak alarm") == "Failed: linear leak.ic 0.2000 (bound 0.0800)."


def test_skill_without_its_interval_is_not_known() -> None:
    row = ("average", 0.55, 0.01, 0.99)
    found = verdict(report(Table("Direction", ("rule", "accuracy", "skill", "share UP"), (row,))))
    assert answers(found) == {"probability of UP": "not known"}
    assert "interval not in the report" in told(found, "probability of UP")


@pytest.mark.parametrize(
    ("p", "answer"), [((0.01, 0.04), "shown"), ((0.01, 0.2), "not shown"), ((float("nan"),), "not known")]
)
def test_the_best_of_several_must_beat_every_benchmark(p: tuple[float, ...], answer: str) -> None:
    rows = tuple((f"rule {n}", "Brier", "average", value) for n, value in enumerate(p))
    found = verdict(report(Table("Superior predictive ability", ("benchmark", "loss", "best", "p"), rows)))
    assert answers(found) == {"best of several": answer}
    assert f"average over the rule 0 (p {p[0]:.2f})" in told(found, "best of several")


def test_the_classic_score_is_asked_only_what_it_says() -> None:
    heads = ("rule", "accuracy", "skill", "share UP")
    table = Table("Direction", heads, (("composite above 50", 0.5, None, 0.6), ("ex-ante base rate", 0.55, 0.0, 1.0)))
    made = report(ranks(("composite", 0.01, 1.0)), table, facts={"judged": "the classic score"})
    found = verdict(made)
    assert answers(found) == {"order of names": "not shown", "direction": "not known"}
    assert "1d, the classic score" in page([made])


def test_what_failed_is_named() -> None:
    rows = (("average", "all", 0.9, 2.0, 1.0, True), ("average", "2010", 0.7, 1.0, 1.0, False))
    heads = ("model", "group", "coverage", "interval score", "score of scaled volatility", "80-97 %")
    served = ("linear", "a rise", "served (shrunk Platt)", None, "")
    better = ("linear", "a rise", "isotonic", -3.0, "better than the served one")
    made = report(
        Table("Interval of the excess return", heads, rows),
        Table("Calibrators out of fold", ("member", "probability of", "calibrator", "t", "verdict"), (served, better)),
        Table(
            "Gates and leak alarm",
            ("member", "gate", "figure", "bound", "passed"),
            (("linear", "training_rows", 9000.0, 10000.0, False),),
        ),
    )
    found = verdict(made)
    assert found.failures == "Failed: intervals, calibrator, gates."
    assert found.headline == "Nothing here can show skill or its absence: the tables that would are missing."
    assert told(found, "intervals") == (
        "Coverage outside 80-97 % in average 2010 (70.0 %). "
        "Scaled volatility has the better interval score than average."
    )
    assert told(found, "gates") == "Failed: linear training_rows 9,000 (bound 10,000)."


def test_a_portfolio_is_held_to_its_interval_after_cost() -> None:
    heads = ("model", "cost (bps)", "mean difference", "t", "Sharpe difference", "low", "high")
    cheap, dear = ("average", 0.0, 0.1, 9.0, 0.9, 0.5, 1.3), ("average", 10.0, 0.0, 0.1, 0.1, -0.2, 0.4)
    found = verdict(report(Table("Portfolio against equal weight", heads, (cheap, dear))))
    assert answers(found) == {"portfolio after cost": "not shown"}
    assert "0.10 [-0.20 to 0.40]" in told(found, "portfolio after cost")


@pytest.mark.parametrize("scheme", [0, 1])
def test_marks_stand_out_from_the_page(scheme: int) -> None:
    """At least 3 to 1, as WCAG 2.2 asks of graphics (success criterion 1.4.11)."""
    colours: dict[str, str] = {}
    for name in ("page.css", "evidence.css"):
        style = resources.files("vfr.dashboard").joinpath(name).read_text(encoding="utf-8")
        blocks = re.findall(r":root \{(.*?)\}", style, flags=re.DOTALL)
        colours |= dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", blocks[scheme]))
    for front in (*(f"c{n}" for n in range(8)), "bad", "quiet"):
        for back in ("panel", "band"):
            bright, dark = sorted((luminance(colours[front]), luminance(colours[back])), reverse=True)
            assert (bright + 0.05) / (dark + 0.05) >= 3.0, (front, back)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
