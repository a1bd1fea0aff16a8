"""`dataops ci pr`: a pull request's title, description and files."""
