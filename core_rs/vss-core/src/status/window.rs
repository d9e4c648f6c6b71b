//! A queue's figures over the configured window: true counts and means, not Asterisk's exponential averages.

use std::collections::VecDeque;

use super::call::Outcome;
use super::json::{Percent, Seconds};
use super::moment::Moment;

/// At most so many visits are remembered per queue: at one visit a second that is 2.7 hours of exact percentiles,
/// and the memory of 200 busy queues stays under 100 MB.
const MAX_VISITS: usize = 10_000;

/// One visit that is over.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ended {
    at: Moment,
    outcome: Outcome,
    wait: i64,
    within: bool,
}

/// Counters and percentiles of one queue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    offered: VecDeque<Moment>,
    ended: VecDeque<Ended>,
    /// Talk times come later than the visit's end: (ended at, milliseconds).
    talks: VecDeque<(Moment, i64)>,
    /// Waits of answered visits in order, for the percentile.
    waits: Vec<i64>,
    wait_sum: i64,
    talk_sum: i64,
    answered: u32,
    answered_within: u32,
    abandoned: u32,
    abandoned_within: u32,
    timed_out: u32,
}

impl Window {
    /// A caller joined.
    pub fn offer(&mut self, at: Moment) {
        self.offered.push_back(at);
        if self.offered.len() > MAX_VISITS {
            self.offered.pop_front();
        }
    }

    /// A visit ended after `wait` milliseconds; `threshold` is the queue's service level.
    pub fn end(&mut self, at: Moment, outcome: Outcome, wait: i64, threshold: i64) {
        let ended = Ended {
            at,
            outcome,
            wait,
            within: wait <= threshold,
        };
        if self.ended.len() == MAX_VISITS {
            self.drop_oldest();
        }
        match outcome {
            Outcome::Answered => {
                self.answered += 1;
                self.answered_within += u32::from(ended.within);
                self.wait_sum += wait;
                let place = self.waits.partition_point(|&other| other <= wait);
                self.waits.insert(place, wait);
            }
            Outcome::Abandoned => {
                self.abandoned += 1;
                self.abandoned_within += u32::from(ended.within);
            }
            Outcome::Timeout | Outcome::LeftEmpty => self.timed_out += 1,
            Outcome::ExitKey => {}
        }
        self.ended.push_back(ended);
    }

    /// An answered visit's talk is over.
    pub fn talked(&mut self, at: Moment, talk: i64) {
        if self.talks.len() == MAX_VISITS
            && let Some((_, oldest)) = self.talks.pop_front()
        {
            self.talk_sum -= oldest;
        }
        self.talks.push_back((at, talk));
        self.talk_sum += talk;
    }

    /// Forget what is older than `oldest`; true when a figure changed.
    pub fn expire(&mut self, oldest: Moment) -> bool {
        let before = (self.offered.len(), self.ended.len(), self.talks.len());
        while self.offered.front().is_some_and(|&at| at < oldest) {
            self.offered.pop_front();
        }
        while self.ended.front().is_some_and(|ended| ended.at < oldest) {
            self.drop_oldest();
        }
        while let Some(&(at, talk)) = self.talks.front()
            && at < oldest
        {
            self.talks.pop_front();
            self.talk_sum -= talk;
        }
        before != (self.offered.len(), self.ended.len(), self.talks.len())
    }

    fn drop_oldest(&mut self) {
        let Some(ended) = self.ended.pop_front() else {
            return;
        };
        match ended.outcome {
            Outcome::Answered => {
                self.answered -= 1;
                self.answered_within -= u32::from(ended.within);
                self.wait_sum -= ended.wait;
                if let Ok(place) = self.waits.binary_search(&ended.wait) {
                    self.waits.remove(place);
                }
            }
            Outcome::Abandoned => {
                self.abandoned -= 1;
                self.abandoned_within -= u32::from(ended.within);
            }
            Outcome::Timeout | Outcome::LeftEmpty => self.timed_out -= 1,
            Outcome::ExitKey => {}
        }
    }

    /// Visits that began.
    pub fn offered(&self) -> usize {
        self.offered.len()
    }

    /// Visits that an operator took.
    pub fn answered(&self) -> u32 {
        self.answered
    }

    /// Visits that the caller ended.
    pub fn abandoned(&self) -> u32 {
        self.abandoned
    }

    /// Visits that the queue ended: time-out, or nobody left to serve.
    pub fn timed_out(&self) -> u32 {
        self.timed_out
    }

    /// `100 · answered in time / answered` (Asterisk's ServicelevelPerf).
    pub fn service_level_of_answered(&self) -> Option<Percent> {
        percent(self.answered_within, self.answered)
    }

    /// `100 · (answered + abandoned in time) / (answered + abandoned)` (Asterisk's ServicelevelPerf2).
    pub fn service_level_of_offered(&self) -> Option<Percent> {
        percent(
            self.answered_within + self.abandoned_within,
            self.answered + self.abandoned,
        )
    }

    /// Mean wait of answered visits, seconds.
    pub fn average_wait(&self) -> Option<Seconds> {
        mean(self.wait_sum, self.answered as usize)
    }

    /// Mean talk, seconds.
    pub fn average_talk(&self) -> Option<Seconds> {
        mean(self.talk_sum, self.talks.len())
    }

    /// The wait that nine of ten answered visits did not exceed (nearest rank), seconds.
    pub fn p90_wait(&self) -> Option<Seconds> {
        let rank = (self.waits.len() * 9).div_ceil(10);
        rank.checked_sub(1)
            .and_then(|place| self.waits.get(place))
            .map(|&wait| Seconds(wait))
    }
}

fn percent(part: u32, whole: u32) -> Option<Percent> {
    (u64::from(part) * 2000 + u64::from(whole))
        .checked_div(u64::from(whole) * 2)
        .map(|tenths| Percent(tenths as u32))
}

fn mean(sum: i64, count: usize) -> Option<Seconds> {
    let count = count as i64;
    (sum * 2 + count).checked_div(count * 2).map(Seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_true_means_and_nearest_rank_percentiles() {
        let mut window = Window::default();
        for wait in 1..=10_i64 {
            window.offer(Moment(wait));
            window.end(Moment(wait), Outcome::Answered, wait * 1000, 5000);
        }
        window.end(Moment(11), Outcome::Abandoned, 1000, 5000);
        window.end(Moment(12), Outcome::Timeout, 9000, 5000);
        window.talked(Moment(12), 4000);
        window.talked(Moment(13), 6000);
        assert_eq!(
            (
                window.offered(),
                window.answered(),
                window.abandoned(),
                window.timed_out()
            ),
            (10, 10, 1, 1)
        );
        assert_eq!(window.average_wait(), Some(Seconds(5500)));
        assert_eq!(window.p90_wait(), Some(Seconds(9000)));
        assert_eq!(window.average_talk(), Some(Seconds(5000)));
        assert_eq!(window.service_level_of_answered(), Some(Percent(500)));
        assert_eq!(window.service_level_of_offered(), Some(Percent(545)));
    }

    #[test]
    fn what_leaves_the_window_leaves_every_figure() {
        let mut window = Window::default();
        window.offer(Moment(1));
        window.end(Moment(1), Outcome::Answered, 10, 5);
        window.end(Moment(2), Outcome::Abandoned, 10, 5);
        window.end(Moment(2), Outcome::LeftEmpty, 10, 5);
        window.talked(Moment(1), 10);
        assert!(!window.expire(Moment(1)));
        assert!(window.expire(Moment(3)));
        assert_eq!(window, Window::default());
        assert_eq!(
            (window.average_wait(), window.p90_wait(), window.average_talk()),
            (None, None, None)
        );
    }

    #[test]
    fn memory_is_bounded() {
        let mut window = Window::default();
        for n in 0..(MAX_VISITS as i64 + 50) {
            window.offer(Moment(n));
            window.end(Moment(n), Outcome::Answered, n, 5);
            window.talked(Moment(n), n);
        }
        assert_eq!(
            (
                window.offered.len(),
                window.ended.len(),
                window.talks.len(),
                window.waits.len()
            ),
            (MAX_VISITS, MAX_VISITS, MAX_VISITS, MAX_VISITS)
        );
        assert_eq!(window.waits[0], 50);
    }
}
