"""SQL Server as warehouse and source: connection, set-up, candidates, the switch that publishes."""
