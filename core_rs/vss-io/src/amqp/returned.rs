//! Which message came back.
//!
//! lapin hangs a returned message on whichever confirm comes next, so it is found again by what it is. Two messages
//! alike in everything looked at here are alike to whoever published them.

use lapin::message::BasicReturnMessage;

use super::message::Outgoing;

/// Whether this is the one.
pub(super) fn is_same(message: &Outgoing, returned: &BasicReturnMessage) -> bool {
    let delivery = &returned.delivery;
    message.mandatory
        && message.routing_key == delivery.routing_key
        && message.exchange == delivery.exchange
        && message.properties.message_id() == delivery.properties.message_id()
        && message.body == delivery.data
}
