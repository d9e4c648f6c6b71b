//! A bounded mailbox from tasks of the runtime to one thread that polls a file descriptor.
//!
//! No interpreter is needed to fill it: a task puts an item in and rings the [`Bell`] if it is not ringing; the reader's
//! event loop sees the descriptor and takes all there is at once.

mod bell;

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use bell::Bell;

/// Items in the order they were put in.
#[derive(Debug)]
pub struct Mailbox<T> {
    held: Mutex<Held<T>>,
    room: Semaphore,
    bell: Bell,
}

#[derive(Debug)]
struct Held<T> {
    /// With each item whether it took a place of the room.
    items: VecDeque<(T, bool)>,
    ringing: bool,
}

impl<T> Mailbox<T> {
    /// A mailbox for `places` items that wait for a place.
    ///
    /// # Errors
    /// The system has no more file descriptors.
    pub fn new(places: usize) -> io::Result<Self> {
        Ok(Self {
            held: Mutex::new(Held {
                items: VecDeque::new(),
                ringing: false,
            }),
            room: Semaphore::new(places),
            bell: Bell::new()?,
        })
    }

    /// Put an item in, when there is a place.
    pub async fn push(&self, item: T) {
        // It is closed by nobody; should it ever be, the item goes in all the same.
        if let Ok(place) = self.room.acquire().await {
            place.forget();
            self.put(item, true);
        } else {
            self.put(item, false);
        }
    }

    /// Put an item in at once: for what its receiver has asked for, which bounds it.
    pub fn push_now(&self, item: T) {
        self.put(item, false);
    }

    /// Take up to `most` items.
    pub fn drain(&self, most: usize) -> Vec<T> {
        // First the bell: whoever rings after this is heard by the next look.
        self.bell.silence();
        let mut held = self.held();
        let count = most.min(held.items.len());
        let mut places = 0;
        let items = held
            .items
            .drain(..count)
            .map(|(item, placed)| {
                places += usize::from(placed);
                item
            })
            .collect();
        let more = !held.items.is_empty();
        held.ringing = more;
        drop(held);
        if more {
            self.bell.ring();
        }
        self.room.add_permits(places);
        items
    }

    fn put(&self, item: T, placed: bool) {
        let mut held = self.held();
        held.items.push_back((item, placed));
        let rings = std::mem::replace(&mut held.ringing, true);
        drop(held);
        if !rings {
            self.bell.ring();
        }
    }

    fn held(&self) -> MutexGuard<'_, Held<T>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> AsFd for Mailbox<T> {
    /// Readable while there is something to drain.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::sync::Arc;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    /// What an event loop does: wait until the descriptor is readable, take what is there, begin anew.
    fn read(mailbox: &Mailbox<(usize, usize)>, count: usize, most: usize) -> Vec<(usize, usize)> {
        let patience = Timespec {
            tv_sec: 60,
            tv_nsec: 0,
        };
        let mut items = Vec::new();
        while items.len() < count {
            let mut waiting = [PollFd::new(mailbox, PollFlags::IN)];
            assert_eq!(
                poll(&mut waiting, Some(&patience)).unwrap(),
                1,
                "a wake-up was lost"
            );
            items.extend(mailbox.drain(most));
        }
        items
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_wake_up_is_lost_and_each_producers_items_stay_in_order() {
        const EACH: usize = 5_000;
        for places in [1, 2, 7] {
            let mailbox = Arc::new(Mailbox::new(places).unwrap());
            let producers: Vec<_> = (0..4)
                .map(|producer| {
                    let mailbox = Arc::clone(&mailbox);
                    tokio::spawn(async move {
                        for number in 0..EACH {
                            mailbox.push((producer, number)).await;
                        }
                    })
                })
                .collect();
            let reader = Arc::clone(&mailbox);
            let items = tokio::task::spawn_blocking(move || read(&reader, 4 * EACH, 3))
                .await
                .unwrap();
            for producer in producers {
                producer.await.unwrap();
            }
            for producer in 0..4 {
                let numbers: Vec<_> = items
                    .iter()
                    .filter(|item| item.0 == producer)
                    .map(|item| item.1)
                    .collect();
                assert_eq!(numbers, (0..EACH).collect::<Vec<_>>());
            }
        }
    }

    #[tokio::test]
    async fn a_full_mailbox_makes_its_producer_wait_but_not_what_was_asked_for() {
        let mailbox = Arc::new(Mailbox::new(1).unwrap());
        mailbox.push(1).await;
        let waiting = tokio::spawn({
            let mailbox = Arc::clone(&mailbox);
            async move { mailbox.push(2).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        mailbox.push_now(3);
        assert_eq!(mailbox.drain(10), [1, 3]);
        waiting.await.unwrap();
        assert_eq!(mailbox.drain(10), [2]);
    }
}
