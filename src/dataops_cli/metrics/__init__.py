"""What is known of an environment as Prometheus metrics."""
