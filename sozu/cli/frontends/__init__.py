"""Options of `sozu frontend`: `conditions` name a frontend, `edits` say what it does with its requests."""
