//! Bridges: where channels meet.
//!
//! ```text
//!   BridgeEnter (lazy)          BridgeEnter, SwapUniqueid            BridgeLeave of the last, BridgeDestroy
//!  ────────────────▶ 1 member ─────────────────────────▶ ≥ 2 members ─────────────────────────────────────▶ gone
//!                                                        talking, unless the technology only holds
//! ```
//!
//! A channel stands in one bridge at most. BridgeMerge moves no one by itself: a BridgeLeave and a BridgeEnter follow
//! for every channel that moves.

use super::keys::ChannelKey;

/// One bridge.
#[derive(Clone, Debug, Default)]
pub struct Bridge {
    /// Its channels in order of arrival.
    pub members: Vec<ChannelKey>,
    /// `holding_bridge`: parking or waiting, not talk.
    pub holding: bool,
}

impl Bridge {
    /// Whether its members hear each other.
    pub fn is_talk(&self) -> bool {
        !self.holding && self.members.len() > 1
    }
}
