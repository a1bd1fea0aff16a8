"""The warehouse contract: what the nine relations hold, computed without SQL."""
