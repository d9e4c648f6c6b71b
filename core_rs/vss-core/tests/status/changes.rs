//! Whoever follows the changes with a cursor has the board's rows, however seldom they look.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;
use vss_core::status::{Change, Moment, Session, Span, StatusBoard, Table};

use crate::by_hand::{by_hand, configured};
use crate::pbx::Pbx;
use crate::properties::{board, cases};
use crate::recorded_lists::with_resyncs;
use crate::recordings::RECORDINGS;
use crate::resync::in_step;

type Rows = BTreeMap<(&'static str, String), Vec<u8>>;

/// A consumer with a cursor, and the copy it keeps.
#[derive(Default)]
pub struct Follower {
    cursor: u64,
    pub rows: Rows,
    /// Each operator's queues.
    pub queues: BTreeMap<String, Vec<String>>,
    pub lost: usize,
    pub tentative: Vec<String>,
}

impl Follower {
    /// Take about `limit` changes.
    pub fn take(&mut self, board: &mut StatusBoard, limit: usize) -> Span {
        let mut span = self.ask(board, limit);
        if span.lost {
            *self = Self {
                lost: self.lost + 1,
                ..Self::default()
            };
            span = self.ask(board, limit);
        }
        assert!(!span.lost && span.to >= self.cursor);
        self.cursor = span.to;
        span
    }

    /// Take all there is, `limit` at a time.
    pub fn catch_up(&mut self, board: &mut StatusBoard, limit: usize) {
        while !self.take(board, limit).complete {}
    }

    fn ask(&mut self, board: &mut StatusBoard, limit: usize) -> Span {
        let (rows, all_queues, tentative_ids) = (&mut self.rows, &mut self.queues, &mut self.tentative);
        let mut last = self.cursor;
        let since = self.cursor;
        board.changes(self.cursor, limit, |change| match change {
            Change::Put {
                table,
                id,
                row,
                queues,
                tentative,
            } => {
                let json: Value = serde_json::from_slice(row).unwrap();
                let seq = json["seq"].as_u64().unwrap();
                assert!(seq > since && seq >= last, "{seq} after {last}");
                last = seq;
                if table == Table::Operators {
                    all_queues.insert(id.to_owned(), queues.iter().map(ToString::to_string).collect());
                }
                if tentative {
                    tentative_ids.push(id.to_owned());
                }
                rows.insert((table.name(), id.to_owned()), row.to_vec());
            }
            Change::Remove { table, id } => {
                rows.remove(&(table.name(), id.to_owned()));
            }
        })
    }
}

/// The rows a board shows.
pub fn rows_of(board: &mut StatusBoard) -> Rows {
    let mut rows = Rows::new();
    for table in Table::ALL {
        let found = board.rows(table, None, None, None, usize::MAX);
        rows.extend(found.into_iter().map(|(id, row)| ((table.name(), id), row)));
    }
    rows
}

#[test]
fn a_row_that_changed_often_is_shown_once_as_it_is_now() {
    let mut pbx = Pbx::staffed();
    let mut follower = Follower::default();
    follower.catch_up(&mut pbx.board, usize::MAX);
    pbx.served_call();
    let mut seen = Vec::new();
    let span = pbx.board.changes(follower.cursor, usize::MAX, |change| {
        if let Change::Put { table, id, .. } = change {
            seen.push((table.name(), id.to_owned()));
        }
    });
    let mut once = seen.clone();
    once.sort();
    once.dedup();
    assert_eq!(seen.len(), once.len());
    assert_eq!(
        (span.to, span.complete, span.lost),
        (pbx.board.seq(), true, false)
    );
    assert!(seen.contains(&("operators", "PJSIP/1001".into())));
}

#[test]
fn an_operators_queues_are_told_with_its_row() {
    let mut pbx = Pbx::staffed();
    let mut follower = Follower::default();
    follower.catch_up(&mut pbx.board, 1);
    assert_eq!(follower.queues["PJSIP/1001"], ["support", "sales"]);
    pbx.member_event("QueueMemberRemoved", "support", "PJSIP/1001", "");
    follower.catch_up(&mut pbx.board, 1);
    assert_eq!(follower.queues["PJSIP/1001"], ["sales"]);
}

#[test]
fn a_cursor_of_another_life_is_told_to_read_everything() {
    let mut pbx = in_step();
    let ahead = pbx.board.seq() + 1;
    assert!(pbx.board.changes(ahead, 10, |_| panic!("shown")).lost);
    let mut late = Pbx::with(vss_core::status::BoardOptions {
        first_seq: Some(1000),
        ..vss_core::status::BoardOptions::default()
    });
    late.member("support", "PJSIP/1001", "");
    assert!(late.board.changes(998, 10, |_| panic!("shown")).lost);
    assert!(!late.board.changes(999, 10, |_| ()).lost);
}

#[test]
fn numbers_raised_above_another_routers_make_every_follower_read_anew() {
    let mut pbx = in_step();
    let mut follower = Follower::default();
    follower.catch_up(&mut pbx.board, 10);
    let before = pbx.board.seq();
    pbx.board.raise_seq(before + 100);
    assert_eq!(pbx.board.seq(), before + 100);
    pbx.board.raise_seq(before + 50);
    assert_eq!(pbx.board.seq(), before + 100);
    follower.catch_up(&mut pbx.board, 10);
    assert_eq!(follower.lost, 1);
    pbx.member("sales", "PJSIP/1002", "");
    follower.catch_up(&mut pbx.board, 10);
    assert_eq!((follower.lost, &follower.rows), (1, &rows_of(&mut pbx.board)));
}

#[test]
fn numbers_begin_above_another_routers_when_those_are_ahead_of_the_clock() {
    let mut board = StatusBoard::new(vss_core::status::BoardOptions::default()).unwrap();
    let clock = crate::pbx::START as u64 * 1_000_000;
    board.raise_seq(clock + 7_000_000);
    let now = Moment(crate::pbx::START * 1000);
    board.feed(
        b"Event: QueueMemberAdded\r\nQueue: q\r\nInterface: PJSIP/1\r\nStateInterface: PJSIP/1\r\n\r\n",
        now,
        Session::Events,
    );
    let mut first = u64::MAX;
    board.changes(0, usize::MAX, |change| {
        if let Change::Put { row, .. } = change {
            first = first.min(
                serde_json::from_slice::<Value>(row).unwrap()["seq"]
                    .as_u64()
                    .unwrap(),
            );
        }
    });
    assert!(first > clock + 7_000_000);
}

#[test]
fn a_follower_has_the_boards_rows_over_every_recording_and_every_swap() {
    for recording in RECORDINGS.iter() {
        for (every, limit) in [(1, 3), (97, 50), (100_000, 512)] {
            let mut follower = Follower::default();
            let (swaps, _) = with_resyncs(recording, |board, place| {
                if place % every == 0 {
                    follower.catch_up(board, limit);
                    if place % 1009 == 0 {
                        assert!(follower.rows == rows_of(board), "{} at {place}", recording.name);
                    }
                }
            });
            assert!(swaps >= 2);
            assert_eq!(follower.lost, 0, "{}", recording.name);
        }
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn a_follower_has_the_boards_rows_whenever_it_looks(
        looks in proptest::collection::vec((1_usize..400, 1_usize..64), 4..30), which in 0_usize..5,
    ) {
        let recording = &RECORDINGS[which % RECORDINGS.len()];
        let mut board = board();
        let mut follower = Follower::default();
        let mut messages = recording.events().into_iter();
        for (count, limit) in looks {
            for message in messages.by_ref().take(count) {
                board.feed(message, Moment(1_795_290_600_000), Session::Events);
            }
            // A look that stops half-way is as good as any: the rest comes with the next.
            follower.take(&mut board, limit);
        }
        follower.catch_up(&mut board, 7);
        prop_assert!(follower.rows == rows_of(&mut board));
        prop_assert_eq!(follower.lost, 0);
    }

    #[test]
    fn rows_by_hand_between_the_facts_are_followed_too(
        steps in proptest::collection::vec((1_usize..120, 0_usize..6, 0_usize..1000), 4..40), which in 0_usize..5,
    ) {
        let recording = &RECORDINGS[which % RECORDINGS.len()];
        let now = Moment(1_795_290_600_000);
        let mut board = board();
        let mut follower = Follower::default();
        let mut messages = recording.events().into_iter();
        for (count, step, pick) in steps {
            for message in messages.by_ref().take(count) {
                board.feed(message, now, Session::Events);
            }
            let table = Table::ALL[pick % 4];
            let ids = board.ids(table);
            let id = ids.get(pick % ids.len().max(1)).map_or("X/1", String::as_str).to_owned();
            match step {
                0 => drop(board.remove_row(table, &id, now)),
                1 if pick % 7 == 0 => drop(board.clear(now)),
                2 => drop(board.set_row(table, &id, configured(b"{\"state\":\"x\"}"), now).unwrap()),
                3 => drop(board.set_row(table, "X/2", configured(b"{\"state\":\"x\"}"), now).unwrap()),
                4 => drop(board.set_row(table, &id, by_hand(b"{\"state\":\"x\"}", "x"), now).unwrap()),
                _ => {}
            }
            follower.take(&mut board, 5);
            prop_assert_eq!(board.contradictions(), Vec::<String>::new());
        }
        follower.catch_up(&mut board, 7);
        prop_assert!(follower.rows == rows_of(&mut board));
        prop_assert_eq!(follower.lost, 0);
    }
}
