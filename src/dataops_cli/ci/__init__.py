"""`dataops ci`: what the workflows of a repository call, on a runner of GitHub's or on a laptop."""
