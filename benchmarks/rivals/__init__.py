"""Ways to score a batch, ours and others', made alike and timed alike; what `benchmarks/executors.py` is made of."""
