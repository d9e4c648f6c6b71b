//! lapin's socket, which gives it frames that it can read.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_rs::Tokio;
use async_rs::traits::Reactor;
use futures_util::Stream;
use futures_util::io::{AsyncRead, AsyncWrite};
use lapin::tcp::AsyncTcpStream;

use super::texts::{HEAD, is_looked_at, put_right};

/// Bytes that are read from the socket at once.
const AT_ONCE: usize = 64 * 1024;
/// Whoever says that a frame is longer is no broker; lapin is to find out.
const LONGEST: usize = 16 * 1024 * 1024;

/// What tokio connects with.
pub(super) type Plain = AsyncTcpStream<<Tokio as Reactor>::TcpStream>;

/// A stream of frames out of any pieces of it.
#[derive(Debug, Default)]
struct Frames {
    /// Read, and not a whole frame yet.
    begun: Vec<u8>,
    /// Bytes of a frame that is not looked at.
    passing: usize,
    /// To be handed out, from `given` on.
    ready: Vec<u8>,
    given: usize,
}

impl Frames {
    fn take_in(&mut self, mut bytes: &[u8]) {
        if !self.begun.is_empty() {
            let mut begun = std::mem::take(&mut self.begun);
            begun.extend_from_slice(bytes);
            self.split(&begun);
            return;
        }
        let passing = self.passing.min(bytes.len());
        self.ready.extend_from_slice(&bytes[..passing]);
        self.passing -= passing;
        bytes = &bytes[passing..];
        self.split(bytes);
    }

    /// Whole frames are ready; what is left waits.
    fn split(&mut self, mut bytes: &[u8]) {
        while let Some(head) = bytes.first_chunk::<HEAD>() {
            let length = u32::from_be_bytes([head[3], head[4], head[5], head[6]]);
            let length = usize::try_from(length)
                .unwrap_or(usize::MAX)
                .saturating_add(HEAD + 1);
            let is_looked_at = is_looked_at(head[0]) && length <= LONGEST;
            let Some((frame, rest)) = bytes.split_at_checked(length) else {
                if !is_looked_at {
                    self.ready.extend_from_slice(bytes);
                    self.passing = length - bytes.len();
                    return;
                }
                break;
            };
            if is_looked_at {
                put_right(frame, &mut self.ready);
            } else {
                self.ready.extend_from_slice(frame);
            }
            bytes = rest;
        }
        self.begun = bytes.to_vec();
    }

    fn hand_out(&mut self, room: &mut [u8]) -> usize {
        let waiting = &self.ready[self.given..];
        let count = waiting.len().min(room.len());
        room[..count].copy_from_slice(&waiting[..count]);
        self.given += count;
        if self.given == self.ready.len() {
            self.ready.clear();
            self.given = 0;
        }
        count
    }
}

/// A connected socket, with or without TLS.
pub(super) struct FrameStream {
    socket: Plain,
    read: Box<[u8]>,
    frames: Frames,
}

impl FrameStream {
    pub(super) fn new(socket: Plain) -> Self {
        Self {
            socket,
            read: vec![0; AT_ONCE].into_boxed_slice(),
            frames: Frames::default(),
        }
    }
}

impl AsyncRead for FrameStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        loop {
            let count = this.frames.hand_out(room);
            if count > 0 || room.is_empty() {
                return Poll::Ready(Ok(count));
            }
            let read = ready!(Pin::new(&mut this.socket).poll_read(cx, &mut this.read))?;
            if read == 0 {
                // Half of a frame is lapin's to complain of.
                let begun = std::mem::take(&mut this.frames.begun);
                this.frames.ready.extend_from_slice(&begun);
                return Poll::Ready(Ok(this.frames.hand_out(room)));
            }
            this.frames.take_in(&this.read[..read]);
        }
    }
}

impl AsyncWrite for FrameStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(cx)
    }
}

/// tokio's reactor, but for what its sockets are read through.
#[derive(Clone, Debug)]
pub(super) struct FrameReactor(pub(super) Tokio);

impl Reactor for FrameReactor {
    type TcpStream = FrameStream;
    type Sleep = <Tokio as Reactor>::Sleep;

    fn register<H: Read + Write + AsFd + AsRawFd + Send + 'static>(
        &self,
        socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        self.0.register(socket)
    }

    fn sleep(&self, dur: Duration) -> Self::Sleep {
        self.0.sleep(dur)
    }

    fn interval(&self, dur: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.0.interval(dur)
    }

    fn tcp_connect_addr(
        &self,
        addr: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        let connecting = self.0.tcp_connect_addr(addr);
        async move { Ok(FrameStream::new(AsyncTcpStream::Plain(connecting.await?))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[kind, 0, 1][..], &length, payload, &[0xce]].concat()
    }

    fn read(pieces: &[&[u8]], room: usize) -> Vec<u8> {
        let mut frames = Frames::default();
        let (mut all, mut room) = (Vec::new(), vec![0; room]);
        for piece in pieces {
            frames.take_in(piece);
            loop {
                let count = frames.hand_out(&mut room);
                if count == 0 {
                    break;
                }
                all.extend_from_slice(&room[..count]);
            }
        }
        all
    }

    #[test]
    fn frames_come_out_whole_wherever_they_were_cut() {
        let refused = frame(1, b"\x00\x14\x00\x28\x01\x94\x03a\xffb\x00\x00\x00\x00");
        let body = frame(3, &[0xff; 300]);
        let heartbeat = frame(8, b"");
        let all = [&refused[..], &body, &heartbeat, &refused].concat();
        let readable = frame(1, b"\x00\x14\x00\x28\x01\x94\x06a\\xffb\x00\x00\x00\x00");
        let wanted = [&readable[..], &body, &heartbeat, &readable].concat();
        for cut in 0..=all.len() {
            assert_eq!(read(&[&all[..cut], &all[cut..]], 64), wanted, "cut at {cut}");
        }
        let bytes: Vec<_> = all.iter().map(std::slice::from_ref).collect();
        assert_eq!(read(&bytes, 1), wanted);
    }

    #[test]
    fn whoever_is_no_broker_is_heard_as_he_speaks() {
        let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        assert_eq!(read(&[answer, answer], 7), [&answer[..], answer].concat());
        let longer = [&b"\x01\x00\x01\xff\xff\xff\xff"[..], &[0; 100]].concat();
        assert_eq!(read(&[&longer], 64), longer);
    }
}
