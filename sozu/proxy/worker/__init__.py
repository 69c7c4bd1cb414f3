"""A worker's surroundings: the process that a master starts around the data path."""
