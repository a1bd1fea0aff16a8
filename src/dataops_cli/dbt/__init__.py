"""dbt: running it in this process, and what its manifest and results say."""
