"""What is known of an environment: gathered side by side, for whoever shows it or passes it on."""
