//! P8: what one event costs in a call centre of 100, 1 000, 10 000 and 100 000 operators, over the same mix of events.
//!
//! The traffic is made by `benches/traffic.py` (run it with `make bench ARGS='--only P8'`): per size a file of lists and
//! rounds of live events with new ids each. Rounds of all sizes take turns, so that a slow minute of the machine hits
//! all alike. Ticks are part of the cost, as many as the made clock says.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs};

use serde::Serialize;
use vss_benches::{CHUNK, release_only};
use vss_core::status::resync::Fence;
use vss_core::status::{BoardOptions, Moment, Session, StatusBoard};

const START: f64 = 1_790_000_000.0;
const TICK_SECONDS: f64 = 0.2;
const LISTS: [&str; 6] = [
    "CoreShowChannels",
    "BridgeList",
    "QueueStatus",
    "DeviceStateList",
    "ExtensionStateList",
    "Agents",
];
/// Operators drawn per call leave so many events that a round has at least this many.
const LEAST_EVENTS: usize = 10_000;

/// What is written for the runner: seconds per event of each round.
#[derive(Serialize)]
struct Side {
    operators: usize,
    rounds: Vec<f64>,
}

/// One call centre under way.
struct Centre {
    operators: usize,
    board: StatusBoard,
    now: f64,
    rounds: Vec<f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    release_only()?;
    let (Ok(folder), Ok(results)) = (env::var("VSS_BENCH_GROWTH"), env::var("VSS_BENCH_RESULTS")) else {
        return Err(
            "the traffic of this bench is made first: run it with make bench ARGS='--only P8'".into(),
        );
    };
    let folder = PathBuf::from(folder);
    let mut centres = Vec::new();
    for operators in sizes_in(&folder)? {
        centres.push(Centre::new(operators, &folder)?);
    }
    for turn in 0.. {
        let mut played = false;
        for centre in &mut centres {
            let live = folder.join(format!("{}-live-{turn}.ami", centre.operators));
            if live.exists() {
                centre.play(&fs::read(live)?, turn > 0)?;
                played = true;
            }
        }
        if !played {
            break;
        }
    }
    let sides: Vec<Side> = centres
        .into_iter()
        .map(|centre| Side {
            operators: centre.operators,
            rounds: centre.rounds,
        })
        .collect();
    fs::write(results, serde_json::to_vec(&sides)?)?;
    Ok(())
}

fn sizes_in(folder: &Path) -> Result<Vec<usize>, Box<dyn Error>> {
    let mut sizes = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if let Some(size) = name.to_str().and_then(|name| name.strip_suffix("-lists.ami")) {
            sizes.push(size.parse()?);
        }
    }
    sizes.sort_unstable();
    Ok(sizes)
}

impl Centre {
    fn new(operators: usize, folder: &Path) -> Result<Self, Box<dyn Error>> {
        let options = BoardOptions {
            first_seq: Some(1),
            ..BoardOptions::default()
        };
        let mut board = StatusBoard::new(options)?;
        let start = Moment::from_seconds(START);
        board.connected(start);
        let ids: Vec<(&str, String)> = LISTS
            .iter()
            .map(|list| (*list, format!("bench-{list}")))
            .collect();
        let lists = ids.iter().map(|(list, id)| (*list, id.as_str()));
        board.begin_resync(lists, Fence::Setvar("bench-fence".to_owned()), "connect", start)?;
        for chunk in fs::read(folder.join(format!("{operators}-lists.ami")))?.chunks(CHUNK) {
            board.feed(chunk, start, Session::Actions);
        }
        Ok(Self {
            operators,
            board,
            now: START,
            rounds: Vec::new(),
        })
    }

    /// Play one round; its cost per event is kept when it counts.
    fn play(&mut self, live: &[u8], counts: bool) -> Result<(), Box<dyn Error>> {
        let events = memchr::memmem::find_iter(live, b"\r\n\r\n").count();
        let chunks: Vec<&[u8]> = live.chunks(CHUNK).collect();
        let per_chunk = events as f64 / 5_000.0 / chunks.len() as f64;
        let mut next_tick = self.now + TICK_SECONDS;
        let mut emitted = 0;
        let before = Instant::now();
        for chunk in chunks {
            self.now += per_chunk;
            emitted += self
                .board
                .feed(chunk, Moment::from_seconds(self.now), Session::Events)
                .events
                .len();
            while self.now >= next_tick {
                emitted += self.board.tick(Moment::from_seconds(next_tick)).events.len();
                next_tick += TICK_SECONDS;
            }
        }
        let took = before.elapsed().as_secs_f64();
        self.check(events, emitted)?;
        if counts {
            self.rounds.push(took / events as f64);
        }
        Ok(())
    }

    /// A figure counts only when the board really followed: all operators there, and every call told.
    fn check(&self, events: usize, emitted: usize) -> Result<(), String> {
        let stats: BTreeMap<&str, u64> = self.board.stats().into_iter().collect();
        let operators = stats.get("operators").copied().unwrap_or(0);
        if events < LEAST_EVENTS || emitted < events / 10 || operators != self.operators as u64 {
            return Err(format!(
                "of {} operators the board has {operators}; {events} AMI events gave {emitted} typed ones",
                self.operators
            ));
        }
        Ok(())
    }
}
