"""`vfr data repair`: what is damaged is named, mended, and brought back by the next sync, as a user types it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli import test_sync
from tests.cli.conftest import RunCli
from tests.conformance.replay import Replay

from vfr.adapters.store.publishing import try_writer

SYNC = ("data", "sync", "--universe", "QXZ", "--provider", "tiingo,edgar", "--since", "2024-05-01")


@pytest.fixture
def vendors() -> Iterator[dict[str, Replay]]:
    with test_sync.ExitStack() as stack:
        yield {name: stack.enter_context(Replay(v.play)) for name, v in test_sync.VENDORS.items()}


live = test_sync.live


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def archives(body: dict) -> list[dict]:
    return [row for row in body["checks"] if row["check"] == "archives"]


def test_damage_is_named_mended_and_fetched_again(live: RunCli, tmp_path: Path) -> None:
    live(*SYNC)
    [sound] = archives(live("doctor", "--json").json)
    assert sound["outcome"] == "ok"
    whole = live("data", "as-of", "2024-06-07", "--symbols", "QXZ", "--name", "live", "--json").json
    [bars] = (tmp_path / "home/archives/live/files/bars").iterdir()
    flip(bars)

    refused = live(*SYNC, "--refetch")
    assert refused.code == 1
    assert "vfr data repair live" in refused.err
    checked = live("doctor", "--json")
    assert checked.code == 1
    [row] = archives(checked.json)
    assert (row["outcome"], bars.name in row["message"]) == ("failed", True)
    assert "vfr data repair live" in row["fix"]

    done = live("data", "repair", "--json").json
    assert done["success"]
    assert done["changed"]
    assert done["lost"] == [{"table": "bars", "part": "2024", "rows": 44, "restored": 0}]
    assert live("data", "versions", "--json").json["versions"][0]["version"] == done["version"]
    assert archives(live("doctor", "--json").json)[0]["outcome"] == "ok"

    assert done["next"] == "vfr data sync --as live --refetch"
    again = live(*done["next"].split()[1:], "--provider", "tiingo,edgar", "--json").json
    assert again["new"] == {"tiingo bars": 44}
    after = live("data", "as-of", "2024-06-07", "--symbols", "QXZ", "--name", "live", "--json").json
    assert after["dataVersion"] == whole["dataVersion"]


def test_says_in_words_what_was_lost(live: RunCli, tmp_path: Path) -> None:
    live(*SYNC)
    [bars] = (tmp_path / "home/archives/live/files/bars").iterdir()
    bars.unlink()
    (tmp_path / "home/archives/live/quarantine.parquet").write_bytes(b"PAR1xx")
    shown = live("data", "repair", "live").out
    assert "44" in shown
    assert "quarantine.parquet cannot be read" in shown
    assert "--refetch" in shown
    assert "intact" in live("data", "repair").out


def test_there_is_nothing_to_repair(cli: RunCli, tmp_path: Path) -> None:
    refused = cli("data", "repair", "live", "--json")
    assert (refused.code, refused.json["code"]) == (2, "UNKNOWN_DATASET")
    assert not (tmp_path / "home/archives").exists()
    assert cli("data", "repair", "../x", "--json").json["code"] == "UNKNOWN_DATASET"


def test_a_running_sync_is_not_disturbed(live: RunCli, tmp_path: Path) -> None:
    live(*SYNC)
    with try_writer(tmp_path / "home/archives/live"):
        assert live("data", "repair", "--json").json["code"] == "SYNC_BUSY"
