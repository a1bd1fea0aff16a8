"""dataops: one CLI for a SQL Server, dbt and Airflow data platform."""

__version__ = "0.1.0"
