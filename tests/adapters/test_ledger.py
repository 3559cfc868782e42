from __future__ import annotations

import json

from vfr.adapters.store.ledger import FileLedger


def test_rows_chain_and_any_change_is_seen(tmp_path):
    path = tmp_path / "evidence" / "ledger.jsonl"
    ledger = FileLedger(path)
    first = ledger.append({"kind": "evidence", "horizon": "7d"})
    ledger.append({"kind": "evidence", "horizon": "1d"})
    ledger.append({"kind": "evidence", "horizon": "30d"})
    assert ledger.broken() == ()
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert rows[1]["previous"] == first

    rows[1]["entry"]["horizon"] = "30d"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert ledger.broken() == (1,)

    del rows[1]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert ledger.broken() == (1,)


def test_an_empty_ledger_is_whole(tmp_path):
    assert FileLedger(tmp_path / "ledger.jsonl").broken() == ()
