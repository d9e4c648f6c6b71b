"""What travels: typed messages, and which exchange and routing key carries which type."""
