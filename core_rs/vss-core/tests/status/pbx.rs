//! A scripted Asterisk: says events to a board and reads the rows back.

use std::collections::BTreeMap;

use serde_json::Value;
use vss_core::status::resync::Fence;
use vss_core::status::{Batch, BoardOptions, Event, Moment, Notice, Session, StatusBoard};

/// The second all scripts begin at.
pub const START: i64 = 1_800_000_000;

/// An item of a list: event, snapshots (prefix, Uniqueid), headers.
pub type Item<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

/// A channel as the script's Asterisk knows it.
#[derive(Clone)]
struct Leg {
    name: String,
    state: u8,
    number: String,
    place: (String, String, u32),
    linkedid: String,
}

/// The scripted PBX and the board that listens to it.
pub struct Pbx {
    pub board: StatusBoard,
    pub events: Vec<(&'static str, Value)>,
    pub notices: Vec<Notice>,
    legs: BTreeMap<String, Leg>,
    millis: i64,
    last_seq: u64,
}

/// The options all scripts use: 5 s of wrap-up in `support`, none elsewhere.
pub fn options() -> BoardOptions {
    let mut options = BoardOptions {
        first_seq: Some(1),
        ..BoardOptions::default()
    };
    options.wrapup.insert("support".into(), 5000);
    options
}

impl Default for Pbx {
    fn default() -> Self {
        Self::with(options())
    }
}

impl Pbx {
    pub fn with(options: BoardOptions) -> Self {
        Self {
            board: StatusBoard::new(options).unwrap(),
            events: Vec::new(),
            notices: Vec::new(),
            legs: BTreeMap::new(),
            millis: 0,
            last_seq: 0,
        }
    }

    /// A PBX with PJSIP/1001 and PJSIP/1002 in `support`, and 1001 in `sales` too.
    pub fn staffed() -> Self {
        let mut pbx = Self::default();
        pbx.member("support", "PJSIP/1001", "");
        pbx.member("support", "PJSIP/1002", "");
        pbx.member("sales", "PJSIP/1001", "");
        pbx
    }

    /// Script time in seconds since the start.
    pub fn at(&mut self, seconds: f64) -> &mut Self {
        self.millis = (seconds * 1000.0).round() as i64;
        self
    }

    pub fn now(&self) -> Moment {
        Moment(START * 1000 + self.millis)
    }

    /// The moment `seconds` after the start as rows show it.
    pub fn iso(seconds: f64) -> String {
        Moment(START * 1000 + (seconds * 1000.0).round() as i64).to_string()
    }

    /// Take what a call of the board brought; sequence numbers strictly increase and JSON is whole.
    pub fn keep(&mut self, batch: Batch) {
        for Event { seq, key, json } in batch.events {
            let value: Value = serde_json::from_slice(&json).unwrap();
            assert!(seq > self.last_seq, "{seq} after {}", self.last_seq);
            assert_eq!(
                (value["event"].as_str(), value["seq"].as_u64()),
                (Some(key), Some(seq))
            );
            self.last_seq = seq;
            self.events.push((key, value));
        }
        self.notices.extend(batch.notices);
    }

    /// Bytes of the events session.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let batch = self.board.feed(bytes, self.now(), Session::Events);
        self.keep(batch);
        self
    }

    /// Bytes of the actions session.
    pub fn answer_bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let batch = self.board.feed(bytes, self.now(), Session::Actions);
        self.keep(batch);
        self
    }

    pub fn tick(&mut self) -> &mut Self {
        let batch = self.board.tick(self.now());
        self.keep(batch);
        self
    }

    /// The text of an event: snapshots of `legs` (prefix, Uniqueid), then `headers`, one per line.
    pub fn text(&self, name: &str, legs: &[(&str, &str)], headers: &str) -> String {
        let mut text = format!("Event: {name}\r\nPrivilege: call,all\r\n");
        text += &format!(
            "Timestamp: {}.{:03}000\r\n",
            START + self.millis / 1000,
            self.millis % 1000
        );
        for (prefix, id) in legs {
            let leg = self
                .legs
                .get(*id)
                .unwrap_or_else(|| panic!("no channel {id} in the script"));
            let (context, exten, priority) = &leg.place;
            for (key, value) in [
                ("Channel", leg.name.as_str()),
                ("ChannelState", &leg.state.to_string()),
                ("CallerIDNum", &leg.number),
                ("CallerIDName", "<unknown>"),
                ("ConnectedLineNum", "<unknown>"),
                ("ConnectedLineName", "<unknown>"),
                ("Language", "en"),
                ("AccountCode", ""),
                ("Context", context),
                ("Exten", exten),
                ("Priority", &priority.to_string()),
                ("Uniqueid", id),
                ("Linkedid", &leg.linkedid),
            ] {
                text += &format!("{prefix}{key}: {value}\r\n");
            }
        }
        for line in headers.lines().map(str::trim).filter(|line| !line.is_empty()) {
            text += &format!("{line}\r\n");
        }
        text + "\r\n"
    }

    /// Say an event.
    pub fn say(&mut self, name: &str, legs: &[(&str, &str)], headers: &str) -> &mut Self {
        let text = self.text(name, legs, headers);
        self.bytes(text.as_bytes())
    }

    /// A channel the script knows and the board does not yet.
    pub fn unannounced(&mut self, id: &str, name: &str, linkedid: &str) -> &mut Self {
        let number = name.split(['/', '-', '@']).nth(1).unwrap_or_default().to_owned();
        let place = ("ctx".to_owned(), "600".to_owned(), 1);
        self.legs.insert(
            id.into(),
            Leg {
                name: name.into(),
                state: 0,
                number,
                place,
                linkedid: linkedid.into(),
            },
        );
        self
    }

    /// Newchannel.
    pub fn channel(&mut self, id: &str, name: &str, linkedid: &str) -> &mut Self {
        self.unannounced(id, name, linkedid)
            .say("Newchannel", &[("", id)], "")
    }

    /// Newstate.
    pub fn state(&mut self, id: &str, state: u8) -> &mut Self {
        self.legs.get_mut(id).unwrap().state = state;
        self.say("Newstate", &[("", id)], "")
    }

    /// Change what a channel's next snapshot says of its Linkedid.
    pub fn link(&mut self, id: &str, linkedid: &str) -> &mut Self {
        self.legs.get_mut(id).unwrap().linkedid = linkedid.into();
        self
    }

    /// Newexten at the next priority of the same extension, or elsewhere.
    pub fn dialplan(&mut self, id: &str, exten: &str, priority: u32, application: &str) -> &mut Self {
        self.legs.get_mut(id).unwrap().place = ("ctx".into(), exten.into(), priority);
        self.say(
            "Newexten",
            &[("", id)],
            &format!("Extension: {exten}\nApplication: {application}\nAppData: x"),
        )
    }

    /// Hangup with cause 16, or another.
    pub fn hangup(&mut self, id: &str) -> &mut Self {
        self.hangup_cause(id, 16)
    }

    pub fn hangup_cause(&mut self, id: &str, cause: u32) -> &mut Self {
        self.say("Hangup", &[("", id)], &format!("Cause: {cause}\nCause-txt: x"))
    }

    /// QueueMemberAdded, with more headers.
    pub fn member(&mut self, queue: &str, interface: &str, headers: &str) -> &mut Self {
        self.member_event("QueueMemberAdded", queue, interface, headers)
    }

    /// Any member event; `headers` come first, so that they win over the usual body.
    pub fn member_event(&mut self, name: &str, queue: &str, interface: &str, headers: &str) -> &mut Self {
        let body = format!("{headers}\n{}", Self::member_body(queue, interface, headers));
        self.say(name, &[], &body)
    }

    fn member_body(queue: &str, interface: &str, headers: &str) -> String {
        let usual = [
            ("Queue", queue),
            ("Interface", interface),
            ("MemberName", interface),
            ("StateInterface", interface),
            ("Membership", "static"),
            ("Penalty", "0"),
            ("CallsTaken", "0"),
            ("LastCall", "0"),
            ("InCall", "0"),
            ("Status", "1"),
            ("Paused", "0"),
            ("PausedReason", ""),
            ("Wrapuptime", "0"),
        ];
        let told: Vec<&str> = headers
            .lines()
            .filter_map(|line| line.trim().split(':').next())
            .collect();
        let kept = usual.iter().filter(|(key, _)| !told.contains(key));
        kept.map(|(key, value)| format!("{key}: {value}\n")).collect()
    }

    /// QueueCallerJoin at `position`.
    pub fn join(&mut self, queue: &str, id: &str, position: usize) -> &mut Self {
        self.say(
            "QueueCallerJoin",
            &[("", id)],
            &format!("Queue: {queue}\nPosition: {position}"),
        )
    }

    pub fn leave(&mut self, queue: &str, id: &str) -> &mut Self {
        self.say(
            "QueueCallerLeave",
            &[("", id)],
            &format!("Queue: {queue}\nPosition: 1"),
        )
    }

    /// An event that names a caller, a member and the rung leg.
    pub fn agent(
        &mut self,
        name: &str,
        queue: &str,
        interface: &str,
        caller: &str,
        leg: &str,
        more: &str,
    ) -> &mut Self {
        let headers = format!("Queue: {queue}\nInterface: {interface}\nMemberName: {interface}\n{more}");
        self.say(name, &[("", caller), ("Dest", leg)], &headers)
    }

    pub fn enter(&mut self, bridge: &str, id: &str) -> &mut Self {
        self.enter_with(bridge, id, "BridgeType: basic\nBridgeTechnology: simple_bridge")
    }

    pub fn enter_with(&mut self, bridge: &str, id: &str, more: &str) -> &mut Self {
        self.say(
            "BridgeEnter",
            &[("", id)],
            &format!("BridgeUniqueid: {bridge}\n{more}"),
        )
    }

    pub fn exit(&mut self, bridge: &str, id: &str) -> &mut Self {
        let more = format!("BridgeUniqueid: {bridge}\nBridgeType: basic\nBridgeTechnology: simple_bridge");
        self.say("BridgeLeave", &[("", id)], &more)
    }

    /// An outside caller `c` waits in `support` since second 1.
    pub fn waiting_caller(&mut self) -> &mut Self {
        self.at(0.0)
            .channel("c", "PJSIP/trunk-01", "c")
            .state("c", 6)
            .at(1.0)
            .join("support", "c", 1)
    }

    /// … and PJSIP/1001 is rung on leg `a` since second 2.
    pub fn offered_call(&mut self) -> &mut Self {
        self.waiting_caller().at(2.0).channel("a", "PJSIP/1001-01", "c");
        self.agent("AgentCalled", "support", "PJSIP/1001", "c", "a", "");
        self.say("DialBegin", &[("", "c"), ("Dest", "a")], "DialString: 1001")
            .state("a", 5)
    }

    /// … and PJSIP/1001 talks with the caller in bridge `b` since second 4.
    pub fn served_call(&mut self) -> &mut Self {
        self.offered_call().at(4.0).state("a", 6);
        self.say("DialEnd", &[("", "c"), ("Dest", "a")], "DialStatus: ANSWER")
            .leave("support", "c");
        self.agent(
            "AgentConnect",
            "support",
            "PJSIP/1001",
            "c",
            "a",
            "HoldTime: 3\nRingTime: 2",
        );
        self.enter("b", "a").enter("b", "c")
    }

    /// AgentComplete of the served call.
    pub fn complete(&mut self) -> &mut Self {
        self.agent(
            "AgentComplete",
            "support",
            "PJSIP/1001",
            "c",
            "a",
            "HoldTime: 3\nTalkTime: 6\nReason: caller",
        )
    }

    /// Begin a resync of these (action, ActionID) with a Setvar fence `token`.
    pub fn resync(&mut self, lists: &[(&str, &str)]) -> &mut Self {
        self.resync_with(lists, Fence::Setvar("token".into()))
    }

    pub fn resync_with(&mut self, lists: &[(&str, &str)], fence: Fence) -> &mut Self {
        let now = self.now();
        self.board
            .begin_resync(lists.iter().copied(), fence, "test", now)
            .unwrap();
        self
    }

    /// A list as Asterisk answers it; `items` are (event, snapshots, headers).
    pub fn list(&mut self, action: &str, id: &str, items: &[Item<'_>]) -> &mut Self {
        let count = items.len();
        self.list_claiming(action, id, items, count)
    }

    /// A list that claims `count` items.
    pub fn list_claiming(&mut self, action: &str, id: &str, items: &[Item<'_>], count: usize) -> &mut Self {
        let mut bytes = format!(
            "Response: Success\r\nActionID: {id}\r\nEventList: start\r\nMessage: will follow\r\n\r\n"
        );
        for (name, legs, headers) in items {
            bytes += &self
                .text(name, legs, &format!("ActionID: {id}\n{headers}"))
                .replace("Privilege: call,all\r\n", "");
        }
        bytes += &format!(
            "Event: {action}Complete\r\nActionID: {id}\r\nEventList: Complete\r\nListItems: {count}\r\n\r\n"
        );
        self.answer_bytes(bytes.as_bytes())
    }

    /// The `VarSet` of the fence.
    pub fn fence(&mut self, token: &str) -> &mut Self {
        let headers = format!("Channel: none\nUniqueid: none\nVariable: VSS_FENCE\nValue: {token}");
        self.say("VarSet", &[], &headers)
    }
}
