"""The source data: AdventureWorks' seven tables, loaded from files or generated."""
