"""The layers of the warehouse, in the order in which they are built."""

LAYERS = ("bronze", "silver", "gold")
