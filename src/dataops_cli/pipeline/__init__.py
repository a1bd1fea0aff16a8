"""One run of the layers: plan it, build aside, test, publish, keep a record."""
