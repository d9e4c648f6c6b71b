//! P2: AMI bytes → status and typed events, beside a peer that only parses the same bytes.
#![forbid(unsafe_code)]

use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, SamplingMode, Throughput};
use vss_benches::{CHUNK, everyday, peers, release_only};
use vss_core::status::{BoardOptions, Moment, Session, StatusBoard};

fn main() -> Result<(), Box<dyn Error>> {
    release_only()?;
    let capture = everyday()?;
    let chunks: Vec<&[u8]> = capture.chunks(CHUNK).collect();
    let clock = clock_of(&chunks);
    // What is measured must be what is meant: a board that takes everything, a peer that understands everything.
    let options = BoardOptions {
        first_seq: Some(1),
        ..BoardOptions::default()
    };
    let events = feed(StatusBoard::new(options.clone())?, &chunks, &clock);
    let typed = peers::asterisk_rs_events(&chunks)?;
    if events < 1_000 || typed < 20_000 {
        return Err(
            format!("the capture gave {events} typed events of ours and {typed} of the peer's").into(),
        );
    }

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("P2");
    group
        .throughput(Throughput::Bytes(capture.len() as u64))
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5));
    // A board that cannot be made failed above already; inside of the watch there is nobody to tell.
    let fresh = || StatusBoard::new(options.clone());
    group.bench_function("StatusBoard (Rust)", |bencher| {
        bencher.iter_batched(
            fresh,
            |board| black_box(board.map(|board| feed(board, &chunks, &clock))),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("asterisk-rs-ami typed", |bencher| {
        bencher.iter(|| black_box(peers::asterisk_rs_events(&chunks)));
    });
    group.finish();
    criterion.final_summary();
    Ok(())
}

/// The time of each chunk's last event: the clock a live router would have had.
fn clock_of(chunks: &[&[u8]]) -> Vec<Moment> {
    const STAMP: &[u8] = b"\r\nTimestamp: ";
    let mut now = Moment::default();
    let finder = memchr::memmem::Finder::new(STAMP);
    chunks
        .iter()
        .map(|chunk| {
            if let Some(place) = finder.find_iter(chunk).last() {
                let value = &chunk[place + STAMP.len()..];
                let end = memchr::memchr(b'\r', value).unwrap_or(value.len());
                now = Moment::from_wire(&value[..end]).unwrap_or(now);
            }
            now
        })
        .collect()
}

fn feed(mut board: StatusBoard, chunks: &[&[u8]], clock: &[Moment]) -> usize {
    chunks
        .iter()
        .zip(clock)
        .map(|(chunk, now)| board.feed(chunk, *now, Session::Events).events.len())
        .sum()
}
