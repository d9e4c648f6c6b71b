"""Benchmarks: ours and the peers in one run, over the same captured input. `make bench` runs them all."""
