//! Rows that do not come from Asterisk, and the fact that takes their place.

use serde_json::{Value, json};
use vss_core::status::{Origin, RowByHand, StatusError, Table};

use crate::changes::{Follower, rows_of};
use crate::pbx::Pbx;
use crate::resync::{BOTH, MEMBER, PARAMS, in_step};

pub fn by_hand<'a>(json: &'a [u8], state: &'a str) -> RowByHand<'a> {
    RowByHand {
        json,
        origin: Origin::Manual,
        state,
        queues: vec!["support".into()],
        extension: "1001",
        name: "",
    }
}

pub fn configured(json: &[u8]) -> RowByHand<'_> {
    RowByHand {
        origin: Origin::Database,
        ..by_hand(json, "logged_out")
    }
}

impl Pbx {
    fn set(&mut self, table: Table, id: &str, row: RowByHand<'_>) -> &mut Self {
        let now = self.now();
        let batch = self.board.set_row(table, id, row, now).unwrap();
        self.keep(batch);
        self
    }

    fn ids(&mut self, state: Option<&str>, queue: Option<&str>) -> Vec<String> {
        let rows = self.board.rows(Table::Operators, state, queue, None, usize::MAX);
        rows.into_iter().map(|(id, _)| id).collect()
    }
}

#[test]
fn what_is_no_row_is_refused() {
    let mut pbx = Pbx::default();
    for wrong in [
        "",
        "{}",
        "[1]",
        "{\"a\":1} ",
        "{\"a\":",
        "{\"seq\":1}",
        "{\"a\":1,\"as_of\":\"\"}",
    ] {
        let now = pbx.now();
        let error = pbx
            .board
            .set_row(Table::Operators, "x", by_hand(wrong.as_bytes(), ""), now);
        assert_eq!(error.unwrap_err(), StatusError::NotARow("x".into()), "{wrong}");
    }
    assert_eq!(Origin::named("x"), Err(StatusError::UnknownOrigin("x".into())));
}

#[test]
fn a_row_by_hand_stands_until_the_next_fact_about_it() {
    let mut pbx = Pbx::staffed();
    let mut follower = Follower::default();
    let before = pbx.board.row(Table::Operators, "PJSIP/1001").unwrap();
    pbx.set(
        Table::Operators,
        "PJSIP/1001",
        by_hand(b"{\"id\":\"PJSIP/1001\",\"state\":\"talking\"}", "talking"),
    );
    assert_eq!(pbx.state_of("PJSIP/1001"), "talking");
    let (key, event) = pbx.events.last().unwrap();
    assert_eq!(
        (*key, &event["row"]["state"]),
        ("operator.update", &json!("talking"))
    );
    assert_eq!(pbx.ids(Some("talking"), None), ["PJSIP/1001"]);
    assert_eq!(pbx.ids(Some("available"), Some("support")), ["PJSIP/1002"]);
    assert!(pbx.board.is_by_hand(Table::Operators, "PJSIP/1001"));
    follower.catch_up(&mut pbx.board, 2);
    assert_eq!(follower.rows, rows_of(&mut pbx.board));

    // Another operator's facts leave it alone; its own take its place, even when they say what they said before.
    pbx.member_event("QueueMemberStatus", "support", "PJSIP/1002", "Status: 1");
    assert_eq!(pbx.state_of("PJSIP/1001"), "talking");
    pbx.member_event("QueueMemberStatus", "support", "PJSIP/1001", "Status: 1");
    assert_eq!(pbx.state_of("PJSIP/1001"), "available");
    assert!(!pbx.board.is_by_hand(Table::Operators, "PJSIP/1001"));
    let after: Value =
        serde_json::from_slice(&pbx.board.row(Table::Operators, "PJSIP/1001").unwrap()).unwrap();
    let before: Value = serde_json::from_slice(&before).unwrap();
    assert!(after["seq"].as_u64() > before["seq"].as_u64());
    follower.catch_up(&mut pbx.board, 2);
    assert_eq!(follower.rows, rows_of(&mut pbx.board));
}

#[test]
fn a_row_nobody_but_the_hand_knows_is_found_listed_counted_and_in_the_snapshot() {
    let mut pbx = in_step();
    pbx.set(
        Table::Operators,
        "X/9",
        by_hand("{\"id\":\"X/9\",\"name\":\"Ключ\"}".as_bytes(), "paused"),
    );
    assert_eq!(pbx.ids(None, None), ["PJSIP/1001", "X/9"]);
    assert_eq!(pbx.ids(Some("PAUSED"), Some("support")), ["X/9"]);
    assert_eq!(pbx.ids(Some("paused"), Some("sales")), Vec::<String>::new());
    let found = |pbx: &mut Pbx, asked: &str| pbx.board.operator(asked).is_some();
    assert!(found(&mut pbx, "X/9"));
    let snapshot: Value = serde_json::from_slice(&pbx.board.snapshot()).unwrap();
    assert_eq!(snapshot["operators"].as_array().unwrap().len(), 2);
    let operators = pbx
        .board
        .stats()
        .into_iter()
        .find(|(name, _)| *name == "operators");
    assert_eq!(operators, Some(("operators", 2)));
    let by_hand_now = pbx.board.stats().into_iter().find(|(name, _)| *name == "by_hand");
    assert_eq!(by_hand_now, Some(("by_hand", 1)));
    let channel = RowByHand {
        name: "PJSIP/9-1",
        ..by_hand(b"{\"id\":\"9.1\"}", "Up")
    };
    pbx.set(Table::Channels, "9.1", channel);
    assert!(pbx.board.channel("PJSIP/9-1").is_some());
}

#[test]
fn a_removed_row_is_hidden_until_the_next_fact_about_it() {
    let mut pbx = Pbx::staffed();
    let mut follower = Follower::default();
    follower.catch_up(&mut pbx.board, 9);
    let now = pbx.now();
    assert!(pbx.board.remove_row(Table::Operators, "PJSIP/1001", now));
    assert!(!pbx.board.remove_row(Table::Operators, "PJSIP/1001", now));
    assert!(!pbx.board.remove_row(Table::Operators, "nobody", now));
    assert_eq!(pbx.ids(None, None), ["PJSIP/1002"]);
    assert!(pbx.board.operator("PJSIP/1001").is_none());
    follower.catch_up(&mut pbx.board, 9);
    assert_eq!(follower.rows, rows_of(&mut pbx.board));
    pbx.member_event("QueueMemberStatus", "sales", "PJSIP/1001", "Status: 1");
    assert_eq!(pbx.ids(None, None), ["PJSIP/1001", "PJSIP/1002"]);
    follower.catch_up(&mut pbx.board, 9);
    assert_eq!(follower.rows, rows_of(&mut pbx.board));
}

#[test]
fn clearing_takes_every_row_and_a_resync_brings_back_what_asterisk_has() {
    let mut pbx = in_step();
    let mut follower = Follower::default();
    follower.catch_up(&mut pbx.board, 9);
    pbx.set(Table::Operators, "X/9", by_hand(b"{\"id\":\"X/9\"}", "paused"));
    let now = pbx.now();
    assert_eq!(pbx.board.clear(now), 3);
    follower.catch_up(&mut pbx.board, 9);
    assert!(rows_of(&mut pbx.board).is_empty() && follower.rows.is_empty());
    pbx.resync(&BOTH)
        .list("CoreShowChannels", "L1", &[])
        .list("QueueStatus", "L2", &[PARAMS, ("QueueMember", &[], MEMBER)])
        .fence("token");
    assert_eq!(pbx.ids(None, None), ["PJSIP/1001"]);
    follower.catch_up(&mut pbx.board, 9);
    assert_eq!(follower.rows, rows_of(&mut pbx.board));
    assert_eq!(follower.rows.len(), 2);
}

#[test]
fn rows_from_the_database_go_at_the_first_resync_and_rows_by_hand_asterisk_does_not_know_stay() {
    let mut pbx = Pbx::default();
    let mut follower = Follower::default();
    pbx.set(
        Table::Operators,
        "PJSIP/1001",
        configured(b"{\"id\":\"PJSIP/1001\",\"stale\":true}"),
    );
    pbx.set(
        Table::Operators,
        "PJSIP/8",
        configured(b"{\"id\":\"PJSIP/8\",\"stale\":true}"),
    );
    pbx.set(Table::Operators, "X/9", by_hand(b"{\"id\":\"X/9\"}", "paused"));
    // What was set by hand is better than what was configured.
    pbx.set(
        Table::Operators,
        "X/9",
        configured(b"{\"id\":\"X/9\",\"stale\":true}"),
    );
    assert!(pbx.operator("X/9").get("stale").is_none());
    let told: Vec<_> = pbx
        .events
        .iter()
        .map(|(key, event)| (*key, &event["row"]["id"]))
        .collect();
    assert_eq!(
        told,
        [("operator.update", &json!("X/9"))],
        "what was configured is no news"
    );
    follower.catch_up(&mut pbx.board, 9);
    assert_eq!(follower.tentative, ["PJSIP/1001", "PJSIP/8"]);
    pbx.resync(&BOTH)
        .list("CoreShowChannels", "L1", &[])
        .list("QueueStatus", "L2", &[PARAMS, ("QueueMember", &[], MEMBER)])
        .fence("token");
    assert_eq!(pbx.ids(None, None), ["PJSIP/1001", "X/9"]);
    assert!(pbx.operator("PJSIP/1001").get("stale").is_none());
    follower.catch_up(&mut pbx.board, 9);
    assert_eq!((follower.rows, follower.lost), (rows_of(&mut pbx.board), 0));
}

#[test]
fn the_last_row_of_a_channel_is_kept_for_whoever_asked_for_it() {
    let mut pbx = Pbx::staffed();
    pbx.waiting_caller();
    assert_eq!(pbx.board.take_hung_up(), (Vec::new(), 0));
    pbx.board.keep_hung_up(true);
    let channels = pbx.board.ids(Table::Channels);
    pbx.at(9.0).hangup_cause(&channels[0], 17);
    let (rows, lost) = pbx.board.take_hung_up();
    let row: Value = serde_json::from_slice(&rows[0]).unwrap();
    assert_eq!((rows.len(), lost), (1, 0));
    assert_eq!(
        (&row["id"], &row["ended_at"], &row["hangup_cause"]),
        (&json!(channels[0]), &json!(Pbx::iso(9.0)), &json!(17))
    );
    assert_eq!(pbx.board.take_hung_up().0.len(), 0);
}

#[test]
fn a_channel_that_a_resync_no_longer_finds_is_kept_without_a_cause() {
    let mut pbx = in_step();
    pbx.board.keep_hung_up(true);
    pbx.channel("1.1", "PJSIP/trunk-1", "1.1");
    pbx.resync(&BOTH)
        .list("CoreShowChannels", "L1", &[])
        .list("QueueStatus", "L2", &[PARAMS, ("QueueMember", &[], MEMBER)])
        .fence("token");
    // Its Newchannel came before the lists were asked, and no list names it.
    let (rows, _) = pbx.board.take_hung_up();
    let row: Value = serde_json::from_slice(&rows[0]).unwrap();
    assert_eq!((&row["id"], &row["hangup_cause"]), (&json!("1.1"), &Value::Null));
}
