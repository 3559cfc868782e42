"""A kernel that another test process compiles is waited for."""

from __future__ import annotations

import fcntl
from threading import Thread

from tests.compiling import one_at_a_time

KERNEL = """
from numba import njit

@njit(cache=True)
def doubled(x):
    return 2 * x
"""


def test_a_kernel_waits_for_whoever_compiles_it(tmp_path, monkeypatch):
    (tmp_path / "kernel_of_a_test.py").write_text(KERNEL)
    monkeypatch.syspath_prepend(tmp_path)
    from kernel_of_a_test import doubled

    said = []
    with one_at_a_time(tmp_path), (tmp_path / "kernel_of_a_test.doubled.compiling").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        asking = Thread(target=lambda: said.append(doubled(21)))
        asking.start()
        asking.join(0.2)
        assert asking.is_alive()
        fcntl.flock(other, fcntl.LOCK_UN)
        asking.join()
    assert said == [42]
