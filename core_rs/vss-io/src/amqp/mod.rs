//! RabbitMQ through lapin.
//!
//! # Layout
//!
//! - [`client`]: the surface; `life`: one connection after the other, and what each is given to do anew; `patience`:
//!   what lies between two of them.
//! - `session`: a connection and its end; `stream`, `texts`: its frames, such as lapin can read; `serving`: orders
//!   carried out on it; `declaring`: topology.
//! - `publisher`: publishing with confirms; `flight`: what is published and not confirmed; `returned`: which came back.
//! - `consumer`: one consumption over all connections; `settling`: acks of one channel.
//! - [`message`], [`topology`], [`note`], [`fault`], [`options`], [`status`]: what goes in and comes out.
//!
//! lapin's own recovery is never turned on: on any error of a connection it is dropped, and everything is done anew on
//! another one.

pub mod client;
mod consumer;
mod declaring;
pub mod fault;
mod flight;
mod life;
mod locked;
pub mod message;
pub mod note;
pub mod options;
mod patience;
mod publisher;
mod returned;
mod serving;
mod session;
mod settling;
pub mod status;
mod stream;
mod texts;
pub mod topology;

pub use lapin::BasicProperties;
pub use lapin::types;
