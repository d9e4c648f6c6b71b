//! Transfers, pickup and parking.

use super::super::call::{MAX_TRANSFERS_PER_CALL, Transfer};
use super::super::dialect::EventKind;
use super::super::keys::ChannelKey;
use super::super::moment::Moment;
use super::{Facts, text};
use crate::ami::Message;

impl Facts {
    /// BlindTransfer, AttendedTransfer: only a success counts. The transferer's service is over, unless a
    /// three-way call keeps the transferer in.
    pub(super) fn transfer(&mut self, event: &Message<'_>, kind: EventKind, now: Moment) {
        self.snapshots(event, now);
        if event.get("Result").is_some_and(|result| result != b"Success") {
            return;
        }
        let blind = kind == EventKind::BlindTransfer;
        let transferer = if blind {
            "TransfererUniqueid"
        } else {
            "OrigTransfererUniqueid"
        };
        let transferer = event.text(transferer).unwrap_or_default();
        let moved = self
            .by_id(&text(event, &["TransfereeUniqueid"]))
            .or_else(|| self.by_id(&transferer));
        let to = if blind {
            text(event, &["Extension"]).into_owned()
        } else {
            self.target_of(event)
        };
        let by = self
            .by_id(&transferer)
            .map_or_else(String::new, |key| self.holder_of(key));
        self.note_transfer(
            moved,
            Transfer {
                kind: if blind { "blind" } else { "attended" },
                at: now,
                by,
                to,
            },
        );
        if event.get("DestType") != Some(b"Threeway") {
            self.end_services_of_leg(&transferer, now);
            self.end_services_of_leg(&text(event, &["SecondTransfererUniqueid"]), now);
        }
    }

    fn target_of(&self, event: &Message<'_>) -> String {
        match self.by_id(&text(event, &["TransferTargetUniqueid"])) {
            Some(key) => self.holder_of(key),
            None => text(event, &["TransferTargetExten", "DestApp"]).into_owned(),
        }
    }

    /// The operator a channel belongs to, else its name.
    fn holder_of(&self, key: ChannelKey) -> String {
        let Some(channel) = self.channels.get(key) else {
            return String::new();
        };
        channel
            .operator
            .and_then(|key| self.operators.get(key))
            .map_or_else(|| channel.name.clone(), |operator| operator.id.clone())
    }

    fn note_transfer(&mut self, channel: Option<ChannelKey>, transfer: Transfer) {
        let Some(call) = channel
            .and_then(|key| self.channels.get(key))
            .map(|channel| channel.call)
        else {
            return;
        };
        if let Some(entry) = self.calls.get_mut(call) {
            if entry.transfers.len() >= MAX_TRANSFERS_PER_CALL {
                entry.transfers.remove(0);
            }
            entry.transfers.push(transfer);
        }
        self.touch_call(call);
    }

    /// `Transfer` of Asterisk 11.
    pub(super) fn transfer_legacy(&mut self, event: &Message<'_>, now: Moment) {
        let transferer = text(event, &["Uniqueid"]);
        let kind = if event
            .get("TransferType")
            .is_some_and(|kind| kind.eq_ignore_ascii_case(b"Attended"))
        {
            "attended"
        } else {
            "blind"
        };
        let by = self
            .by_id(&transferer)
            .map_or_else(String::new, |key| self.holder_of(key));
        let to = text(event, &["TransferExten", "TransferTarget", "TargetChannel"]).into_owned();
        self.note_transfer(
            self.by_id(&transferer),
            Transfer {
                kind,
                at: now,
                by,
                to,
            },
        );
        self.end_services_of_leg(&transferer, now);
    }

    /// Pickup: someone else takes the ringing call; the phone it rang on is rung no longer.
    pub(super) fn pickup(&mut self, event: &Message<'_>, now: Moment) {
        self.snapshots(event, now);
        self.close_offers_of_leg(&text(event, &["TargetUniqueid"]));
    }

    /// ParkedCall, ParkedCallSwap.
    pub(super) fn parked(&mut self, event: &Message<'_>, now: Moment) {
        self.snapshots(event, now);
        let space = text(event, &["ParkingSpace", "Exten"]).into_owned();
        self.set_parked(event, Some(space));
    }

    /// UnParkedCall, ParkedCallTimeOut, ParkedCallGiveUp.
    pub(super) fn unparked(&mut self, event: &Message<'_>, now: Moment) {
        self.snapshots(event, now);
        self.set_parked(event, None);
    }

    fn set_parked(&mut self, event: &Message<'_>, space: Option<String>) {
        if let Some(key) = self.by_id(&text(event, &["ParkeeUniqueid", "Uniqueid"]))
            && let Some(channel) = self.channels.get_mut(key)
            && channel.parked != space
        {
            channel.parked = space;
            self.touch_around(key);
        }
    }
}
