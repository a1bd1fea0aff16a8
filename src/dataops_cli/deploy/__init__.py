"""Releases: taking a commit to an environment, and bringing an earlier one back."""
