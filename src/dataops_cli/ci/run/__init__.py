"""`dataops ci run`: on a laptop, what the jobs of a workflow would run."""
