//! Field tables: Python's mappings and AMQP's.
//!
//! Whole numbers take the smallest type that holds them, as pamqp writes them: a headers exchange matches types as well.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDateTime, PyDict, PyFloat, PyInt, PyList, PyMapping, PySequence,
    PyString, PyTzInfo,
};
use vss_io::amqp::types::{AMQPValue, FieldArray, FieldTable, ShortString};

/// Tables within tables: more is nobody's header.
const DEEPEST: usize = 32;

pub(super) fn table(mapping: &Bound<'_, PyAny>) -> PyResult<FieldTable> {
    table_at(mapping, 0)
}

fn table_at(mapping: &Bound<'_, PyAny>, depth: usize) -> PyResult<FieldTable> {
    let mut table = FieldTable::default();
    if let Ok(dict) = mapping.cast::<PyDict>() {
        for (key, value) in dict {
            table.insert(short(&key)?, amqp(&value, depth)?);
        }
    } else {
        for item in mapping.cast::<PyMapping>()?.items()? {
            let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
            table.insert(short(&key)?, amqp(&value, depth)?);
        }
    }
    Ok(table)
}

/// A text of at most 255 bytes.
pub(super) fn short(text: &Bound<'_, PyAny>) -> PyResult<ShortString> {
    ShortString::try_new(text.extract::<String>()?).map_err(|error| PyValueError::new_err(error.to_string()))
}

fn amqp(value: &Bound<'_, PyAny>, depth: usize) -> PyResult<AMQPValue> {
    if depth >= DEEPEST {
        return Err(PyValueError::new_err("a header is nested too deeply"));
    }
    if value.is_none() {
        Ok(AMQPValue::Void)
    } else if let Ok(text) = value.cast::<PyString>() {
        Ok(AMQPValue::LongString(text.extract::<String>()?.into()))
    } else if value.is_instance_of::<PyBool>() {
        Ok(AMQPValue::Boolean(value.extract()?))
    } else if value.is_instance_of::<PyInt>() {
        Ok(integer(value.extract()?))
    } else if value.is_instance_of::<PyFloat>() {
        Ok(AMQPValue::Double(value.extract()?))
    } else if value.is_instance_of::<PyBytes>() || value.is_instance_of::<PyByteArray>() {
        Ok(AMQPValue::ByteArray(value.extract::<Vec<u8>>()?.into()))
    } else if value.is_instance_of::<PyDateTime>() {
        let seconds: f64 = value.call_method0("timestamp")?.extract()?;
        Ok(AMQPValue::Timestamp(seconds.max(0.0) as u64))
    } else if value.cast::<PyMapping>().is_ok() {
        Ok(AMQPValue::FieldTable(table_at(value, depth + 1)?))
    } else if let Ok(items) = value.cast::<PySequence>() {
        let values = items
            .try_iter()?
            .map(|item| amqp(&item?, depth + 1))
            .collect::<PyResult<Vec<_>>>()?;
        Ok(AMQPValue::FieldArray(FieldArray::from(values)))
    } else {
        Err(PyTypeError::new_err("a header of this type cannot be sent"))
    }
}

fn integer(value: i64) -> AMQPValue {
    if let Ok(value) = i8::try_from(value) {
        AMQPValue::ShortShortInt(value)
    } else if let Ok(value) = i16::try_from(value) {
        AMQPValue::ShortInt(value)
    } else if let Ok(value) = u16::try_from(value) {
        AMQPValue::ShortUInt(value)
    } else if let Ok(value) = i32::try_from(value) {
        AMQPValue::LongInt(value)
    } else if let Ok(value) = u32::try_from(value) {
        AMQPValue::LongUInt(value)
    } else {
        AMQPValue::LongLongInt(value)
    }
}

pub(super) fn dict<'py>(py: Python<'py>, table: &FieldTable) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in table {
        dict.set_item(key.as_str(), python(py, value)?)?;
    }
    Ok(dict)
}

fn python<'py>(py: Python<'py>, value: &AMQPValue) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        AMQPValue::Void => py.None().into_bound(py),
        AMQPValue::Boolean(value) => PyBool::new(py, *value).to_owned().into_any(),
        AMQPValue::ShortShortInt(value) => value.into_pyobject(py)?.into_any(),
        AMQPValue::ShortShortUInt(value) => value.into_pyobject(py)?.into_any(),
        AMQPValue::ShortInt(value) => value.into_pyobject(py)?.into_any(),
        AMQPValue::ShortUInt(value) => value.into_pyobject(py)?.into_any(),
        AMQPValue::LongInt(value) => value.into_pyobject(py)?.into_any(),
        AMQPValue::LongUInt(value) => value.into_pyobject(py)?.into_any(),
        AMQPValue::LongLongInt(value) => value.into_pyobject(py)?.into_any(),
        AMQPValue::Float(value) => PyFloat::new(py, f64::from(*value)).into_any(),
        AMQPValue::Double(value) => PyFloat::new(py, *value).into_any(),
        AMQPValue::DecimalValue(value) => {
            let scaled = f64::from(value.value) / 10_f64.powi(i32::from(value.scale));
            PyFloat::new(py, scaled).into_any()
        }
        AMQPValue::ShortString(text) => PyString::new(py, text.as_str()).into_any(),
        AMQPValue::LongString(text) => match std::str::from_utf8(text.as_bytes()) {
            Ok(text) => PyString::new(py, text).into_any(),
            Err(_) => PyBytes::new(py, text.as_bytes()).into_any(),
        },
        AMQPValue::ByteArray(bytes) => PyBytes::new(py, bytes.as_slice()).into_any(),
        AMQPValue::Timestamp(seconds) => {
            let utc = PyTzInfo::utc(py)?;
            // A time that Python has no year for stays a number.
            match PyDateTime::from_timestamp(py, *seconds as f64, Some(&utc)) {
                Ok(time) => time.into_any(),
                Err(_) => seconds.into_pyobject(py)?.into_any(),
            }
        }
        AMQPValue::FieldTable(table) => dict(py, table)?.into_any(),
        AMQPValue::FieldArray(array) => {
            let items = array
                .as_slice()
                .iter()
                .map(|item| python(py, item))
                .collect::<PyResult<Vec<_>>>()?;
            PyList::new(py, items)?.into_any()
        }
    })
}
