//! P1: AMI bytes → messages with every header found, beside a peer's codec and the mere search for newlines.
#![forbid(unsafe_code)]

use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput};
use vss_benches::{CHUNK, everyday, peers, release_only};
use vss_core::ami::{AmiDecoder, Decoded, Message};

fn main() -> Result<(), Box<dyn Error>> {
    release_only()?;
    let capture = everyday()?;
    let chunks: Vec<&[u8]> = capture.chunks(CHUNK).collect();
    // What is measured must be what is meant: both decode the whole capture.
    let messages = decode(&chunks, |_| ());
    let of_peer = peers::asterisk_rs_messages(&chunks)?;
    if messages < 25_000 || of_peer + 1 < messages {
        return Err(
            format!("the capture gave {messages} messages of ours and {of_peer} of the peer's").into(),
        );
    }

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("P1");
    group
        .throughput(Throughput::Bytes(capture.len() as u64))
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4));
    group.bench_function("vss-core", |bencher| {
        bencher.iter(|| decode(&chunks, |message| _ = black_box(message)));
    });
    group.bench_function("vss-core, every header read", |bencher| {
        bencher.iter(|| {
            decode(&chunks, |message| {
                for header in message.headers() {
                    black_box(header);
                }
            })
        });
    });
    group.bench_function("asterisk-rs-ami", |bencher| {
        bencher.iter(|| black_box(peers::asterisk_rs_messages(&chunks)));
    });
    group.bench_function("memchr newlines", |bencher| {
        bencher.iter(|| black_box(peers::newlines(&chunks)));
    });
    group.finish();
    criterion.final_summary();
    Ok(())
}

/// Decodes a session's chunks and counts its messages.
fn decode(chunks: &[&[u8]], mut visit: impl FnMut(Message<'_>)) -> usize {
    let mut decoder = AmiDecoder::default();
    let mut messages = 0;
    for chunk in chunks {
        decoder.push(chunk);
        while let Some(decoded) = decoder.next_message() {
            if let Decoded::Message(message) = decoded {
                visit(message);
                messages += 1;
            }
        }
    }
    messages
}
