"""`dataops report`: gold, and the state of the platform, as one HTML file."""
