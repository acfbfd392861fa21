"""Benchmarks: figures for ``docs/performance.md``, as medians, and as ratios taken in one run."""
