"""Worker processes: what a user sees of their start and their end."""

import subprocess
import sys

import pytest

POOLS = """
import math
import pebble
from hybridrad.processes import worker_context

for _ in range(4):
    pool = pebble.ProcessPool(max_workers=3, context=worker_context([]))
    pool.schedule(math.sqrt, args=(4.0,)).result()
    pool.close()
    pool.join()
print("done")
"""


def test_pool_done_before_its_last_worker_started_prints_no_traceback(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", POOLS], capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done\n"
    assert done.stderr == ""


@pytest.mark.parametrize(
    "call",
    ["cohort.check(n_jobs=2)", "hr.extract_features(cohort, [hr.RadiomicsExtractor()], store='features', n_jobs=2)"],
)
def test_script_without_a_main_guard_runs_once(call, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import hybridrad as hr\n"
        "print('started')\n"
        "cohort = hr.make_cohort('cohort', n_patients=6, random_state=0)\n"
        f"{call}\n"
        "print('ended')\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["started", "ended"]
