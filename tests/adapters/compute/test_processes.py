"""Workers stay: a new one costs seconds of imports."""

from __future__ import annotations

import pytest

from vfr.adapters.compute.processes import keep_worker


def test_a_worker_that_grew_is_not_taken_for_a_leaking_one(monkeypatch):
    process_executor = pytest.importorskip("joblib.externals.loky.process_executor")
    # The setting is joblib's own and may be renamed: then workers are stopped again, which only costs time.
    monkeypatch.setattr(process_executor, "_MAX_MEMORY_LEAK_SIZE", process_executor._MAX_MEMORY_LEAK_SIZE)
    assert process_executor._MAX_MEMORY_LEAK_SIZE < 1 << 32
    keep_worker()
    assert process_executor._MAX_MEMORY_LEAK_SIZE > 1 << 48
