from __future__ import annotations

import json

from vfr.data.quality import QualityReport, finding


def test_findings_are_ordered_by_severity_and_survive_json() -> None:
    findings = [
        finding("c", "info", [f"example {i}" for i in range(9)], "something."),
        finding("b", "warning", (), "counted elsewhere.", 12),
        finding("a", "error", ["x"], "bad."),
    ]
    report = QualityReport.of(findings, {"rowsRead": 3, "first": "2019-01-02"})
    assert [f.check for f in report.findings] == ["a", "b", "c"]
    assert report.findings[2].count == 9
    assert len(report.findings[2].examples) == 5
    assert report.count("warning") == 1
    assert QualityReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report
