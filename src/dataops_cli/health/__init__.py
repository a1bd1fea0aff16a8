"""`dataops health`: whether the platform is all right, and if not, what is wrong and what to do."""
