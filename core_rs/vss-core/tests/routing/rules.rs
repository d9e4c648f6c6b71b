//! The hard cases, one rule a test, on the whole matcher and on a single pattern.

use vss_core::routing::{Matches, Pattern, RoutingError, RoutingKey, TopicMatcher};

/// Holds a pattern to the keys it must and must not match, alone and in a table.
fn holds(pattern: &str, hit: &[&str], missed: &[&str]) {
    let mut matcher = TopicMatcher::default();
    let mut answer = Matches::default();
    assert!(matcher.add(pattern, 7).unwrap());
    let alone = Pattern::new(pattern).unwrap();
    for (keys, expected) in [(hit, true), (missed, false)] {
        for key in keys {
            assert_eq!(
                alone.matches(RoutingKey::new(key).unwrap()),
                expected,
                "{pattern:?} alone, key {key:?}"
            );
            let found = matcher.find(key, &mut answer).unwrap();
            assert_eq!(found == [7], expected, "{pattern:?} in a table, key {key:?}");
        }
    }
    assert!(matcher.remove(pattern, 7));
    assert_eq!(matcher.nodes(), 0);
    assert!(
        hit.iter()
            .all(|key| matcher.find(key, &mut answer).unwrap().is_empty())
    );
}

#[test]
fn a_plain_pattern_matches_itself_alone() {
    holds(
        "call.start",
        &["call.start"],
        &["", "call", "call.", "call.start.x", "call.start.", "Call.start"],
    );
}

#[test]
fn the_empty_pattern_matches_the_empty_key_alone() {
    holds("", &[""], &[".", "a", ".."]);
}

#[test]
fn a_star_is_exactly_one_word_and_that_word_may_be_empty() {
    holds("*", &["a", "*", "#", "ü"], &["", ".", "a.b"]);
    holds(
        "call.*",
        &["call.start", "call."],
        &["call", "call.start.x", "call.."],
    );
    holds("*.*.*", &["a..b", "..", "a.b.c"], &["a.b", "a...b", ""]);
}

#[test]
fn a_hash_is_zero_or_more_words() {
    holds("#", &["", ".", "a", "a.b.c", "..."], &[]);
    holds("a.#", &["a", "a.", "a.b", "a.b.c"], &["", "b", "ab", ".a"]);
    holds("#.a", &["a", ".a", "b.a", "b.c.a", "a.a"], &["", "a.", "a.b"]);
    holds(
        "a.#.b",
        &["a.b", "a..b", "a.c.b", "a.b.b", "a.b.c.b"],
        &["a", "b", "a.b.c"],
    );
}

#[test]
fn a_hash_may_stand_beside_another() {
    holds("#.#", &["", ".", "a", "a.b.c"], &[]);
    holds(
        "#.#.#.a.#.#",
        &["a", "b.a", "a.b", "b.b.a.b.b"],
        &["", "b", "b.b"],
    );
}

#[test]
fn stars_among_hashes_ask_for_so_many_words() {
    holds("*.#.*", &["a.b", ".", "a.b.c"], &["", "a"]);
    holds("#.*", &["a", ".", "a.b"], &[""]);
    holds("#.*.#.*.#", &["a.b", "a.b.c"], &["", "a"]);
    holds(
        "*.#.a.#.*",
        &["x.a.y", "a.a.a", "x.y.a.z"],
        &["a.x", "x.a", "a.a"],
    );
}

#[test]
fn empty_words_are_words_in_patterns_too() {
    holds("a..b", &["a..b"], &["a.b", "a...b", "a.x.b"]);
    holds(".", &["."], &["", ".."]);
    holds(".#", &[".", ".a", "..a", "."], &["", "a", "a."]);
    holds("#.", &[".", "a.", "a.b."], &["", "a"]);
}

#[test]
fn wildcards_inside_a_word_are_plain_characters() {
    holds("a*.b", &["a*.b"], &["ab.b", "a.b"]);
    holds("##", &["##"], &["", "a"]);
    holds("*#.#", &["*#", "*#.a"], &["a", "a.b"]);
}

#[test]
fn a_target_bound_by_several_matching_patterns_is_found_once() {
    let mut matcher = TopicMatcher::default();
    for (pattern, target) in [
        ("call.*", 3),
        ("call.#", 3),
        ("#", 3),
        ("call.start", 3),
        ("call.*", 1),
        ("*.start", 9),
    ] {
        assert!(matcher.add(pattern, target).unwrap());
        assert!(!matcher.add(pattern, target).unwrap());
    }
    let mut answer = Matches::default();
    assert_eq!(matcher.find("call.start", &mut answer).unwrap(), [1, 3, 9]);
    assert!(matcher.remove("call.*", 3));
    assert!(!matcher.remove("call.*", 3));
    assert_eq!(matcher.find("call.start", &mut answer).unwrap(), [1, 3, 9]);
    assert_eq!(matcher.len(), 5);
}

#[test]
fn one_buffer_serves_several_matchers_and_forgets_the_last_key() {
    let (mut one, mut other) = (TopicMatcher::default(), TopicMatcher::default());
    one.add("#.a.#", 1).unwrap();
    for target in 0..100 {
        other.add(&format!("#.{target}.#"), target).unwrap();
    }
    let mut answer = Matches::default();
    for _ in 0..3 {
        assert_eq!(one.find("x.a", &mut answer).unwrap(), [1]);
        assert_eq!(other.find("x.7", &mut answer).unwrap(), [7]);
        assert!(one.find("x", &mut answer).unwrap().is_empty());
        assert!(answer.targets().is_empty());
    }
}

#[test]
fn what_is_too_long_is_refused_and_changes_nothing() {
    let mut matcher = TopicMatcher::default();
    matcher.add("#", 1).unwrap();
    let long = "a.".repeat(128);
    let mut answer = Matches::default();
    assert!(matches!(
        matcher.add(&long, 2),
        Err(RoutingError::PatternTooLong { bytes: 256, .. })
    ));
    assert_eq!(
        matcher.find(&long, &mut answer),
        Err(RoutingError::KeyTooLong {
            start: "a.".repeat(20),
            bytes: 256
        })
    );
    assert!(answer.targets().is_empty());
    assert!(!matcher.remove(&long, 2));
    assert_eq!(matcher.len(), 1);
    assert_eq!(matcher.find(&long[1..], &mut answer).unwrap(), [1]);
}

#[test]
fn many_hashes_over_the_longest_key_cost_no_more_than_words_times_nodes() {
    // A matcher that tries every way of sharing the words out would need some 10^70 steps for the last of these.
    let mut matcher = TopicMatcher::default();
    for hashes in 1..=63 {
        matcher
            .add(&("#.a.".repeat(hashes) + "b"), hashes as u64)
            .unwrap();
    }
    let mut answer = Matches::default();
    let key = "a.".repeat(127);
    assert!(
        matcher
            .find(&(key.clone() + "c"), &mut answer)
            .unwrap()
            .is_empty()
    );
    assert_eq!(matcher.find(&(key + "b"), &mut answer).unwrap().len(), 63);
}
