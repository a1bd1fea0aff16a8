"""One screen on an environment: what is in force, how it runs, what is wrong."""
