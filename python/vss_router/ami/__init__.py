"""Asterisk in: endpoints, connections, sessions, the link and its resync; recordings, replay, simulator."""
