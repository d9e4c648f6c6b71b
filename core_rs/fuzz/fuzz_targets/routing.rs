//! Any text as bindings and keys: the matcher agrees with the obvious table of its tests.
//!
//! A line of the input is one step: `+` binds, `-` takes away, anything else is a key; the byte after it is the target.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vss_core::routing::{Matches, TopicMatcher};

#[path = "../../vss-core/tests/routing/reference.rs"]
mod reference;

fuzz_target!(|input: &[u8]| {
    let (mut matcher, mut table) = (TopicMatcher::default(), reference::Table::default());
    let mut matches = Matches::default();
    for line in input.split(|byte| *byte == b'\n') {
        let [step, target, text @ ..] = line else { continue };
        let Ok(text) = std::str::from_utf8(text) else { continue };
        let target = u64::from(*target % 8);
        // The obvious matcher tries every way of sharing out words among the `#`: it gets few of them.
        if text.len() > 255 || text.matches('#').count() > 4 || text.matches('.').count() > 12 {
            continue;
        }
        match step {
            b'+' => assert_eq!(matcher.add(text, target), Ok(table.add(text, target))),
            b'-' => assert_eq!(matcher.remove(text, target), table.remove(text, target)),
            _ => assert_eq!(matcher.find(text, &mut matches), Ok(table.find(text).as_slice())),
        }
        assert_eq!(matcher.len(), table.0.len());
    }
    for (pattern, target) in &table.0 {
        assert!(matcher.remove(pattern, *target));
    }
    assert_eq!(matcher.nodes(), 0);
});
