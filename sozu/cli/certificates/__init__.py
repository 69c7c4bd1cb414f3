"""What users do with certificates; its imports are slower than those of other verbs, for the sake of what reads a certificate."""
