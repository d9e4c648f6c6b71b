//! `Message` and `Properties`, read from Python's structs.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use vss_io::amqp::BasicProperties;
use vss_io::amqp::message::Outgoing;
use vss_io::amqp::types::ShortString;

use super::table::{short, table};

/// AMQP's delivery mode of a message that is to survive the broker.
const PERSISTENT: u8 = 2;
const TRANSIENT: u8 = 1;

pub(super) fn outgoing(message: &Bound<'_, PyAny>) -> PyResult<Outgoing> {
    let py = message.py();
    let body = message.getattr(intern!(py, "body"))?;
    Ok(Outgoing {
        exchange: short(&message.getattr(intern!(py, "exchange"))?)?,
        routing_key: short(&message.getattr(intern!(py, "routing_key"))?)?,
        mandatory: message.getattr(intern!(py, "mandatory"))?.extract()?,
        body: body.cast::<PyBytes>()?.as_bytes().to_vec(),
        properties: properties(&message.getattr(intern!(py, "properties"))?)?,
    })
}

fn properties(given: &Bound<'_, PyAny>) -> PyResult<BasicProperties> {
    let py = given.py();
    let mut properties = BasicProperties::default();
    if let Some(text) = text(given, intern!(py, "content_type"))? {
        properties = properties.with_content_type(text);
    }
    if let Some(text) = text(given, intern!(py, "content_encoding"))? {
        properties = properties.with_content_encoding(text);
    }
    let headers = given.getattr(intern!(py, "headers"))?;
    if headers.len()? > 0 {
        properties = properties.with_headers(table(&headers)?);
    }
    let persistent: bool = given.getattr(intern!(py, "persistent"))?.extract()?;
    properties = properties.with_delivery_mode(if persistent { PERSISTENT } else { TRANSIENT });
    if let Some(priority) = given.getattr(intern!(py, "priority"))?.extract::<Option<u8>>()? {
        properties = properties.with_priority(priority);
    }
    if let Some(text) = text(given, intern!(py, "correlation_id"))? {
        properties = properties.with_correlation_id(text);
    }
    if let Some(text) = text(given, intern!(py, "reply_to"))? {
        properties = properties.with_reply_to(text);
    }
    let expiration = given.getattr(intern!(py, "expiration_ms"))?;
    if let Some(millis) = expiration.extract::<Option<u64>>()? {
        properties = properties.with_expiration(ShortString::from(millis.to_string()));
    }
    if let Some(text) = text(given, intern!(py, "message_id"))? {
        properties = properties.with_message_id(text);
    }
    if let Some(seconds) = given
        .getattr(intern!(py, "timestamp"))?
        .extract::<Option<u64>>()?
    {
        properties = properties.with_timestamp(seconds);
    }
    if let Some(text) = text(given, intern!(py, "type"))? {
        properties = properties.with_type(text);
    }
    if let Some(text) = text(given, intern!(py, "user_id"))? {
        properties = properties.with_user_id(text);
    }
    if let Some(text) = text(given, intern!(py, "app_id"))? {
        properties = properties.with_app_id(text);
    }
    Ok(properties)
}

fn text(given: &Bound<'_, PyAny>, name: &Bound<'_, pyo3::types::PyString>) -> PyResult<Option<ShortString>> {
    let text = given.getattr(name)?;
    if text.is_none() {
        return Ok(None);
    }
    short(&text).map(Some)
}
