"""Airflow's REST API: what the CLI asks of it, and watching a run."""

# The DAG that builds and publishes the layers: see airflow/dags/dataops_pipeline.py.
PIPELINE = "dataops_pipeline"
