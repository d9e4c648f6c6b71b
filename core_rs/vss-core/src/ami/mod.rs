//! What stands on the wire of the Asterisk Manager Interface.
