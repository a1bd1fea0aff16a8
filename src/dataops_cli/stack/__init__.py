"""The Compose stack: load its files, observe the engine, reconcile, execute the plan."""
