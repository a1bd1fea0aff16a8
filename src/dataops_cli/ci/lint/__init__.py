"""`dataops ci lint`: a registry of checks of a platform's files, each with its tool."""
