from __future__ import annotations

import io

from hybridrad.features.progress import ProgressReport


def test_a_log_gets_a_line_per_tenth_and_ends_at_100_percent():
    stream = io.StringIO()
    with ProgressReport("Extraction", total=250, stream=stream) as progress:
        for _ in range(250):
            progress.advance()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 10
    assert "left" in lines[0]
    assert lines[-1].startswith("Extraction: 250 of 250 (100 %)")


def test_nothing_to_do_prints_nothing():
    stream = io.StringIO()
    with ProgressReport("Extraction", total=0, stream=stream):
        pass
    assert stream.getvalue() == ""
