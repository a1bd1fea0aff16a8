"""Settings of an environment: the model, the layers they come from, and where each value came from."""
