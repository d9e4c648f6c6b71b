//! P3: a routing key to its targets, 10 000 and 100 000 bindings, one key in a hundred matching any.
//!
//! The bindings are made by `benches/bindings.py` (run it with `make bench ARGS='--only P3'`).
#![forbid(unsafe_code)]

use std::error::Error;
use std::hint::black_box;
use std::time::Duration;
use std::{env, fs};

use criterion::{Criterion, SamplingMode, Throughput};
use serde::Deserialize;
use vss_benches::release_only;
use vss_core::routing::{Matches, RoutingError, TopicMatcher};

/// What the maker wrote; the target of a pattern is its place.
#[derive(Deserialize)]
struct Bindings {
    patterns: Vec<String>,
    keys: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    release_only()?;
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("P3");
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    for (name, variable) in [
        ("TopicMatcher (Rust)", "VSS_BENCH_BINDINGS"),
        (
            "TopicMatcher (Rust), 100 000 bindings",
            "VSS_BENCH_BINDINGS_GROWN",
        ),
    ] {
        let Ok(path) = env::var(variable) else {
            return Err(
                "the bindings of this bench are made first: run it with make bench ARGS='--only P3'".into(),
            );
        };
        let made: Bindings = serde_json::from_slice(&fs::read(path)?)?;
        let mut matcher = TopicMatcher::default();
        for (target, pattern) in made.patterns.iter().enumerate() {
            matcher.add(pattern, target as u64)?;
        }
        let mut found = Matches::default();
        let hits = matching(&matcher, &made.keys, &mut found)?;
        if hits * 100 != made.keys.len() {
            return Err(format!("{hits} of {} keys match: it should be 1 in 100", made.keys.len()).into());
        }
        group.throughput(Throughput::Elements(made.keys.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(matching(&matcher, &made.keys, &mut found)));
        });
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}

fn matching(matcher: &TopicMatcher, keys: &[String], found: &mut Matches) -> Result<usize, RoutingError> {
    let mut hits = 0;
    for key in keys {
        hits += usize::from(!matcher.find(key, found)?.is_empty());
    }
    Ok(hits)
}
