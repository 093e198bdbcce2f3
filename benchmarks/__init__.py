"""What Stepwell costs and how fast it is, beside its floors. `python -m benchmarks`; docs/benchmarks.md says what each row means."""
