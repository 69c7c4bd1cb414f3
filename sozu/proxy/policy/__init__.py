"""What is asked of messages beyond their grammar: `limits` (how much, how slow) and `hops` (how far, by what names)."""
