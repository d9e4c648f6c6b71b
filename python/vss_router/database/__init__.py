"""The database behind the status: its last known rows, its history, and what is computed from it."""
