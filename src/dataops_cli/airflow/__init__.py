"""Airflow's REST API: what the CLI asks of it, and watching a run."""
