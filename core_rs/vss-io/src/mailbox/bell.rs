//! A file descriptor that is readable from a ring on until it is silenced.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

#[cfg(target_os = "linux")]
pub(super) use eventfd::Bell;
#[cfg(not(target_os = "linux"))]
pub(super) use pair::Bell;

#[cfg(target_os = "linux")]
mod eventfd {
    use std::os::fd::OwnedFd;

    use rustix::event::{EventfdFlags, eventfd};

    use super::{AsFd, BorrowedFd, io};

    #[derive(Debug)]
    pub(crate) struct Bell(OwnedFd);

    impl Bell {
        pub(crate) fn new() -> io::Result<Self> {
            Ok(Self(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?))
        }

        pub(crate) fn ring(&self) {
            // It can only fail when the counter is full: then it is readable.
            let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
        }

        pub(crate) fn silence(&self) {
            // It can only fail when it was silent.
            let _ = rustix::io::read(&self.0, &mut [0; 8]);
        }
    }

    impl AsFd for Bell {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod pair {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::{AsFd, BorrowedFd, io};

    #[derive(Debug)]
    pub(crate) struct Bell {
        rings: UnixStream,
        heard: UnixStream,
    }

    impl Bell {
        pub(crate) fn new() -> io::Result<Self> {
            let (rings, heard) = UnixStream::pair()?;
            rings.set_nonblocking(true)?;
            heard.set_nonblocking(true)?;
            Ok(Self { rings, heard })
        }

        pub(crate) fn ring(&self) {
            // It can only fail when the buffer is full: then it is readable.
            let _ = (&self.rings).write(&[1]);
        }

        pub(crate) fn silence(&self) {
            let mut bytes = [0; 64];
            while matches!((&self.heard).read(&mut bytes), Ok(64)) {}
        }
    }

    impl AsFd for Bell {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.heard.as_fd()
        }
    }
}
