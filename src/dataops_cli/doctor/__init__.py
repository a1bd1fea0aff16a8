"""`dataops doctor`: what an environment needs of this machine and its engine, one small check each."""
