"""Benchmarks refuse cohorts that the weights in use were trained on: what they would show is memory."""

from __future__ import annotations

from hybridrad.features.assembly import ExtractionRun


def refuse_if_trained_on(run: ExtractionRun) -> None:
    """Stop if the weights of an extraction were trained on any image of its cohort."""
    n = int((run.findings.index.get_level_values("code") == "W_TRAINED_ON").sum())
    if n:
        raise SystemExit(
            f"{n} of {run.n_cases} cases are images that the weights were trained on; "
            "a benchmark needs other weights or another cohort."
        )
