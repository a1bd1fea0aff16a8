"""The database that holds source, bronze, silver and gold, one engine a module."""
