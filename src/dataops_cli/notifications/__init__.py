"""Notifications: what is made known of deployments, the pipeline and the health, where the settings say."""
