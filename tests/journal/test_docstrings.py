from __future__ import annotations

import doctest
import importlib

import numpy as np
import pytest

MODULES = ["vfr.journal.records", "vfr.workflows.outbox", "vfr.workflows.journalled"]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_the_docstrings_run(name):
    found = doctest.testmod(importlib.import_module(name), extraglobs={"np": np})
    assert (found.failed, found.attempted > 0) == (0, True)
