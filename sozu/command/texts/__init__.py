"""Values as they stand in files for people: `flow`, for whoever writes YAML, without the slow import of what reads it."""
