"""Where figures came from, and that a reader sees one version of an archive whole."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from tests.workflows.scripted import NOW, frame

from vfr.adapters.store.archive import ParquetArchive
from vfr.adapters.store.archive_lock import file_lock
from vfr.adapters.store.objects import open_objects
from vfr.data.bitemporal.tables import ALWAYS
from vfr.errors import NoData, UnknownDataset
from vfr.workflows.as_of import describe_view
from vfr.workflows.provenance import provenance
from vfr.workflows.sync_publish import chosen, known_tables, view_as_of

DAY = date(2024, 3, 27)
CLOSE = datetime(2024, 3, 27, 20, tzinfo=UTC)


def bar(source: str, close: float | None, day: date = DAY, known: datetime = CLOSE) -> tuple:
    return ("ACME", day, close, close, close, close, 1e6, "USD", source, known)


def filed(source: str, item: str, value: float, known: datetime) -> tuple:
    return ("ACME", date(2023, 12, 31), "FY", item, value, "10-K", f"{source}-1", known.date(), source, known)


class Interrupted:
    """A real archive that another process publishes to after the first table of a reader."""

    def __init__(self, archive: ParquetArchive) -> None:
        self._archive = archive
        self.between = None

    def __getattr__(self, name: str) -> object:
        return getattr(self._archive, name)

    def read(self, kind, **chosen):
        found = self._archive.read(kind, **chosen)
        act, self.between = self.between, None
        if act is not None:
            act()
        return found


@pytest.fixture
def archive(tmp_path: Path) -> Interrupted:
    made = Interrupted(ParquetArchive(open_objects(str(tmp_path)), "live", file_lock(tmp_path)))
    made.publish(
        {
            "bars": frame("bars", [bar("one", 50.0), bar("two", 51.0)]),
            "profile": frame("profile", [("ACME", "name", "Acme", "two", ALWAYS)]),
            "fundamentals": frame(
                "fundamentals",
                [
                    filed("two", "revenue", 9.0, CLOSE - timedelta(days=9)),
                    filed("one", "revenue", 8.0, CLOSE - timedelta(days=5)),
                ],
            ),
        },
        sources=("one", "two"),
        now=NOW,
    )
    return made


def later(archive: ParquetArchive) -> None:
    archive.publish(
        {
            "profile": frame("profile", [("ACME", "name", "Renamed", "two", NOW - timedelta(hours=1))]),
            "fundamentals": frame("fundamentals", [filed("one", "revenue", 7.0, CLOSE - timedelta(days=1))]),
        },
        sources=("two", "one"),
        now=NOW + timedelta(hours=1),
    )


def test_each_figure_names_its_source(archive) -> None:
    told = provenance(archive, ["ACME", "BOLT"], NOW)
    assert told["ACME"]["bar"]["close"] == {"source": "one", "knownAt": CLOSE.isoformat()}
    assert told["ACME"]["profile"]["name"]["source"] == "two"
    assert told["BOLT"] == {"bar": {}, "profile": {}, "statement": {}}


def test_a_statement_is_of_the_best_source_that_had_spoken(archive) -> None:
    now = provenance(archive, ["ACME"], NOW)["ACME"]["statement"]["revenue"]
    then = provenance(archive, ["ACME"], CLOSE - timedelta(days=7))["ACME"]["statement"]["revenue"]
    assert (now["source"], now["accession"]) == ("one", "one-1")
    assert then["source"] == "two"


@pytest.mark.parametrize(("revenue", "restated"), [(9.0, False), (8.0, True)])
def test_another_source_with_the_same_figures_restates_nothing(tmp_path, revenue: float, restated: bool) -> None:
    made = ParquetArchive(open_objects(str(tmp_path)), "live", file_lock(tmp_path))
    told = [filed("two", "revenue", 9.0, CLOSE - timedelta(days=9))]
    told += [filed("one", item, revenue, CLOSE - timedelta(days=5)) for item in ("revenue", "net_income")]
    facts = {"bars": frame("bars", [bar("one", 50.0)]), "fundamentals": frame("fundamentals", told)}
    made.publish(facts, sources=("one", "two"), now=NOW)
    (stock,) = describe_view(view_as_of(made, NOW), ["ACME"])["stocks"]
    (statement,) = stock["statements"]
    assert statement["items"]["revenue"] == revenue
    assert statement["restated"] is restated
    assert (statement["firstKnownAt"], statement["knownAt"]) == ("2024-03-18", "2024-03-22")


def test_a_bar_without_a_close_is_not_the_newest(archive) -> None:
    bars = frame("bars", [bar("one", None, date(2024, 3, 28), NOW - timedelta(hours=2))])
    archive.publish({"bars": bars}, sources=("one", "two"), now=NOW)
    assert provenance(archive, ["ACME"], NOW)["ACME"]["bar"]["close"]["knownAt"] == CLOSE.isoformat()


@pytest.mark.parametrize(
    "look",
    [
        lambda a: provenance(a, ["ACME"], NOW),
        lambda a: view_as_of(a, NOW).version,
        lambda a: {kind: table.rows() for kind, table in known_tables(a).items()},
    ],
)
def test_a_reader_sees_one_version_whole(archive, look) -> None:
    before = look(archive)
    archive.between = lambda: later(archive)
    assert look(archive) == before
    assert len(archive.versions()) == 2
    assert look(archive) != before


def test_a_version_is_chosen_with_its_own_order_of_trust(archive) -> None:
    (first,) = archive.versions()
    later(archive)
    assert chosen(archive, first.version) == (first.version, ("one", "two"))
    assert chosen(archive)[1] == ("two", "one")
    with pytest.raises(UnknownDataset):
        known_tables(archive, "0" * 12)


def test_an_empty_archive_says_so(tmp_path) -> None:
    bare = ParquetArchive(open_objects(str(tmp_path)), "live", file_lock(tmp_path))
    assert chosen(bare) == (None, ())
    with pytest.raises(NoData):
        view_as_of(bare, NOW)
