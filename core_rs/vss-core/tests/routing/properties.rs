//! Random tables changed at random, beside the obvious ones.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use vss_core::routing::{Matches, Pattern, RoutingKey, TopicMatcher};

use super::reference::{Table, matches, words};

/// Few words, so that patterns and keys meet.
const WORDS: &[&str] = &["a", "b", "", "ab", "ü"];

fn patterns() -> impl Strategy<Value = String> {
    let word = prop_oneof![3 => select(WORDS), 2 => Just("#"), 2 => Just("*"), 1 => Just("a*")];
    vec(word, 0..7).prop_map(|words| words.join("."))
}

fn keys() -> impl Strategy<Value = String> {
    let word = prop_oneof![8 => select(WORDS), 1 => Just("#"), 1 => Just("*"), 1 => Just("a*")];
    vec(word, 0..7).prop_map(|words| words.join("."))
}

#[derive(Clone, Debug)]
enum Step {
    Add(String, u64),
    /// Take the binding away that stands at this place among those there are.
    RemoveOne(prop::sample::Index),
    Remove(String, u64),
    Find(String),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (patterns(), 0..6_u64).prop_map(|(pattern, target)| Step::Add(pattern, target)),
        2 => any::<prop::sample::Index>().prop_map(Step::RemoveOne),
        1 => (patterns(), 0..6_u64).prop_map(|(pattern, target)| Step::Remove(pattern, target)),
        4 => keys().prop_map(Step::Find),
    ];
    vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_pattern_matches_as_the_rules_say(pattern in patterns(), key in keys()) {
        let found = Pattern::new(&pattern).unwrap().matches(RoutingKey::new(&key).unwrap());
        prop_assert_eq!(found, matches(&words(&pattern), &words(&key)));
    }

    #[test]
    fn a_table_changed_at_random_finds_what_the_obvious_one_finds(steps in steps()) {
        let (mut matcher, mut table) = (TopicMatcher::default(), Table::default());
        let mut answer = Matches::default();
        for step in steps {
            match step {
                Step::Add(pattern, target) => {
                    prop_assert_eq!(matcher.add(&pattern, target).unwrap(), table.add(&pattern, target));
                }
                Step::RemoveOne(place) => {
                    if !table.0.is_empty() {
                        let (pattern, target) = table.0.iter().nth(place.index(table.0.len())).unwrap().clone();
                        prop_assert!(matcher.remove(&pattern, target));
                        prop_assert!(table.remove(&pattern, target));
                    }
                }
                Step::Remove(pattern, target) => {
                    prop_assert_eq!(matcher.remove(&pattern, target), table.remove(&pattern, target));
                }
                Step::Find(key) => {
                    prop_assert_eq!(matcher.find(&key, &mut answer).unwrap(), table.find(&key), "{}", key);
                }
            }
            prop_assert_eq!(matcher.len(), table.0.len());
        }
        for (pattern, target) in &table.0 {
            prop_assert!(matcher.remove(pattern, *target));
        }
        prop_assert!(matcher.is_empty());
        prop_assert_eq!(matcher.nodes(), 0);
    }

    #[test]
    fn any_text_is_a_key_and_a_pattern(
        texts in vec("[a.*#ü ]{0,12}", 1..8),
        key in "[a.*#ü ]{0,12}",
    ) {
        let (mut matcher, mut table) = (TopicMatcher::default(), Table::default());
        for (target, text) in texts.iter().enumerate() {
            matcher.add(text, target as u64).unwrap();
            table.add(text, target as u64);
        }
        let mut answer = Matches::default();
        prop_assert_eq!(matcher.find(&key, &mut answer).unwrap(), table.find(&key));
    }
}
