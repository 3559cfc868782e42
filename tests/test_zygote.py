"""Forked children: each does what it is told, and one that fails fails its test with its own traceback."""

from __future__ import annotations

import pytest
from tests.zygote import zygote

CHILD = """
import time

def child(what, path):
    if what == "fails":
        raise ValueError("nothing to write to " + path)
    open(path, "w").write(what)
    time.sleep(0.0 if what == "ends" else 60.0)
"""


def test_children_end_are_killed_and_fail(tmp_path):
    with zygote(CHILD) as fork:
        assert fork("ends", tmp_path / "with space").ended() == 0
        assert (tmp_path / "with space").read_text() == "ends"
        hanging = fork("hangs", tmp_path / "other")
        hanging.kill()
        assert hanging.ended() == -9
        with pytest.raises(pytest.fail.Exception, match="ValueError: nothing to write to here"):
            fork("fails", "here").ended()
        assert fork("ends", tmp_path / "after").ended() == 0


def test_what_cannot_be_imported_is_told():
    with pytest.raises(pytest.fail.Exception, match="No module named 'nowhere'"), zygote("import nowhere"):
        pass
