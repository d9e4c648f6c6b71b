//! An HTTP client that keeps its rate whatever the server does, for the figure of a read under load (P5).
//!
//! `open-loop HOST:PORT RATE SECONDS CONNECTIONS PATH…` asks the paths in turn on so many kept connections and prints
//! one JSON object. A latency counts from the moment a request was *due*, not from when it could be sent: a server that
//! stops for 10 ms delays all that were due meanwhile, and a client that waits for it would not notice (coordinated
//! omission). Threads that sleep and read, since an asynchronous timer's millisecond would be the largest part of it.
#![forbid(unsafe_code)]

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, thread};

/// A server that says nothing for this long has failed the run.
const ANSWER_SECONDS: u64 = 10;
/// Answers of this part of the time are left out: connections open, caches fill.
const WARM_UP_SHARE: f64 = 0.1;

/// What to ask, and how often.
struct Load {
    address: SocketAddr,
    rate: f64,
    seconds: f64,
    connections: u32,
    requests: Vec<Vec<u8>>,
}

/// What one connection saw: nanoseconds from due to answered, from sent to answered, and answers that were no 200.
#[derive(Default)]
struct Seen {
    since_due: Vec<u64>,
    since_sent: Vec<u64>,
    refused: u64,
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

fn load_of(mut words: impl Iterator<Item = String>) -> io::Result<Load> {
    let usage = "usage: open-loop HOST:PORT RATE SECONDS CONNECTIONS PATH...";
    let mut next = || words.next().ok_or_else(|| invalid(usage));
    let host = next()?;
    let address = host.parse().map_err(|_| invalid(usage))?;
    let rate: f64 = next()?.parse().map_err(|_| invalid(usage))?;
    let seconds: f64 = next()?.parse().map_err(|_| invalid(usage))?;
    let connections: u32 = next()?.parse().map_err(|_| invalid(usage))?;
    let requests: Vec<_> = words
        .map(|path| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n").into_bytes())
        .collect();
    if requests.is_empty() || connections == 0 || !(rate > 0.0 && seconds > 0.0) {
        return Err(invalid(usage));
    }
    Ok(Load {
        address,
        rate,
        seconds,
        connections,
        requests,
    })
}

/// Reads one answer into `buffer`; its status.
fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<u16> {
    buffer.clear();
    let mut piece = [0; 16 * 1024];
    let mut whole = None;
    loop {
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer.extend_from_slice(&piece[..read]);
        if whole.is_none()
            && let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n")
        {
            whole = Some(at + 4 + content_length(&buffer[..at])?);
        }
        if whole.is_some_and(|whole| buffer.len() >= whole) {
            let status = buffer
                .get(9..12)
                .and_then(|digits| std::str::from_utf8(digits).ok());
            return status
                .and_then(|digits| digits.parse().ok())
                .ok_or_else(|| invalid("an answer that is no HTTP"));
        }
    }
}

fn content_length(head: &[u8]) -> io::Result<usize> {
    let head = String::from_utf8_lossy(head);
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    length.ok_or_else(|| invalid("an answer without Content-Length"))
}

fn nanoseconds(from: Instant) -> u64 {
    u64::try_from(from.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Asks every `connections`-th request of the whole schedule, each when it is due.
fn drive(load: &Load, number: u32, begin: Instant) -> io::Result<Seen> {
    let mut stream = TcpStream::connect(load.address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(ANSWER_SECONDS)))?;
    let mut seen = Seen::default();
    let mut buffer = Vec::new();
    let (mut turn, step) = (f64::from(number), f64::from(load.connections));
    let mut request = number as usize;
    loop {
        let due_seconds = turn / load.rate;
        if due_seconds >= load.seconds {
            return Ok(seen);
        }
        let due = begin + Duration::from_secs_f64(due_seconds);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let sent = Instant::now();
        stream.write_all(&load.requests[request % load.requests.len()])?;
        let status = answer(&mut stream, &mut buffer)?;
        if due_seconds >= load.seconds * WARM_UP_SHARE {
            seen.since_due.push(nanoseconds(due));
            seen.since_sent.push(nanoseconds(sent));
            seen.refused += u64::from(status != 200);
        }
        turn += step;
        request += load.connections as usize;
    }
}

/// `"name": {"p50": …}` in seconds.
fn percentiles(name: &str, mut values: Vec<u64>, out: &mut String) -> Result<(), std::fmt::Error> {
    values.sort_unstable();
    write!(out, ", \"{name}\": {{")?;
    for (label, per_mille) in [
        ("p50", 500),
        ("p95", 950),
        ("p99", 990),
        ("p999", 999),
        ("max", 1000),
    ] {
        let at = (values.len() * per_mille / 1000).min(values.len().saturating_sub(1));
        let value = Duration::from_nanos(values.get(at).copied().unwrap_or_default());
        let comma = if label == "p50" { "" } else { ", " };
        write!(out, "{comma}\"{label}\": {:.9}", value.as_secs_f64())?;
    }
    write!(out, "}}")
}

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let load = Arc::new(load_of(env::args().skip(1))?);
    // All connections stand before the first request is due.
    let begin = Instant::now() + Duration::from_millis(100);
    let drivers: Vec<_> = (0..load.connections)
        .map(|number| {
            let load = Arc::clone(&load);
            thread::spawn(move || drive(&load, number, begin))
        })
        .collect();
    let mut whole = Seen::default();
    for driver in drivers {
        let seen = driver.join().map_err(|_| "a connection's thread broke")??;
        whole.since_due.extend(seen.since_due);
        whole.since_sent.extend(seen.since_sent);
        whole.refused += seen.refused;
    }
    let mut out = format!(
        "{{\"requests\": {}, \"refused\": {}",
        whole.since_due.len(),
        whole.refused
    );
    percentiles("since_due", whole.since_due, &mut out)?;
    percentiles("since_sent", whole.since_sent, &mut out)?;
    out.push('}');
    writeln!(io::stdout().lock(), "{out}")?;
    Ok(())
}
