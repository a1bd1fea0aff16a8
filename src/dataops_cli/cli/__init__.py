"""The commands: parse, call, render. Heavy imports stay inside the command that needs them."""
