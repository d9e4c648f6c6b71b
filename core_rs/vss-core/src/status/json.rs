//! JSON of rows and events, written straight into bytes: keys are constants, numbers and times need no formatter.
//!
//! `json_object!` declares a struct and how it is written in one place; whatever is off the hot path uses serde_json.

use super::moment::Moment;

/// What can be written as JSON.
pub trait ToJson {
    /// Append the value.
    fn write_json(&self, out: &mut Vec<u8>);
}

/// A struct that is written as an object, its fields in order.
macro_rules! json_object {
    ($(#[$meta:meta])* $vis:vis struct $name:ident $(<$life:lifetime>)? { $($(#[$fmeta:meta])* $fvis:vis $field:ident: $type:ty,)* }) => {
        $(#[$meta])* $vis struct $name $(<$life>)? { $($(#[$fmeta])* $fvis $field: $type,)* }

        impl $(<$life>)? $name $(<$life>)? {
            /// Append `"name":value,…` without braces.
            #[allow(dead_code)] // rows are written whole, events without braces
            $vis fn write_fields(&self, out: &mut Vec<u8>) {
                let start = out.len();
                $(
                    out.extend_from_slice(concat!(",\"", stringify!($field), "\":").as_bytes());
                    $crate::status::json::ToJson::write_json(&self.$field, out);
                )*
                if out.len() > start {
                    out.remove(start);
                }
            }
        }

        impl $(<$life>)? $crate::status::json::ToJson for $name $(<$life>)? {
            fn write_json(&self, out: &mut Vec<u8>) {
                let start = out.len();
                $(
                    out.extend_from_slice(concat!(",\"", stringify!($field), "\":").as_bytes());
                    $crate::status::json::ToJson::write_json(&self.$field, out);
                )*
                match out.get_mut(start) {
                    Some(first) => *first = b'{',
                    None => out.push(b'{'),
                }
                out.push(b'}');
            }
        }
    };
}

/// An enum that is written as its snake-case name.
macro_rules! json_name {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])* $vis enum $name { $($(#[$vmeta])* $variant,)* }

        impl $name {
            /// Its name in rows, events and filters.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl $crate::status::json::ToJson for $name {
            fn write_json(&self, out: &mut Vec<u8>) {
                out.push(b'"');
                out.extend_from_slice(self.name().as_bytes());
                out.push(b'"');
            }
        }
    };
}

pub(crate) use {json_name, json_object};

/// A duration in milliseconds, written as seconds: `12.345`, `12.0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seconds(pub i64);

/// A percentage in tenths, written as `54.5`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percent(pub u32);

impl ToJson for Seconds {
    fn write_json(&self, out: &mut Vec<u8>) {
        write_decimal(self.0, 3, out);
    }
}

impl ToJson for Percent {
    fn write_json(&self, out: &mut Vec<u8>) {
        write_decimal(i64::from(self.0), 1, out);
    }
}

impl ToJson for str {
    fn write_json(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        let mut rest = self.as_bytes();
        while let Some(place) = rest
            .iter()
            .position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\')
        {
            out.extend_from_slice(&rest[..place]);
            write_escaped(rest[place], out);
            rest = &rest[place + 1..];
        }
        out.extend_from_slice(rest);
        out.push(b'"');
    }
}

impl ToJson for String {
    fn write_json(&self, out: &mut Vec<u8>) {
        self.as_str().write_json(out);
    }
}

impl<T: ToJson + ?Sized> ToJson for &T {
    fn write_json(&self, out: &mut Vec<u8>) {
        (**self).write_json(out);
    }
}

impl<T: ToJson> ToJson for Option<T> {
    fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.write_json(out),
            None => out.extend_from_slice(b"null"),
        }
    }
}

impl<T: ToJson> ToJson for [T] {
    fn write_json(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (place, value) in self.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            value.write_json(out);
        }
        out.push(b']');
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn write_json(&self, out: &mut Vec<u8>) {
        self.as_slice().write_json(out);
    }
}

impl ToJson for bool {
    fn write_json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

macro_rules! integers {
    ($($type:ty),*) => {
        $(impl ToJson for $type {
            fn write_json(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(itoa::Buffer::new().format(*self).as_bytes());
            }
        })*
    };
}

integers!(u8, u32, u64, usize, i32, i64);

impl ToJson for Moment {
    fn write_json(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        self.write_iso(out);
        out.push(b'"');
    }
}

/// `value` divided by ten to the power of `digits`, with at least one digit behind the point.
fn write_decimal(value: i64, digits: u32, out: &mut Vec<u8>) {
    let unit = 10_i64.pow(digits);
    if value < 0 {
        out.push(b'-');
    }
    let value = value.unsigned_abs();
    (value / unit.unsigned_abs()).write_json(out);
    out.push(b'.');
    let mut rest = value % unit.unsigned_abs();
    let mut place = unit.unsigned_abs() / 10;
    loop {
        out.push(b'0' + (rest / place) as u8);
        rest %= place;
        if rest == 0 || place == 1 {
            return;
        }
        place /= 10;
    }
}

fn write_escaped(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        control => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(control >> 4)]);
            out.push(HEX[usize::from(control & 15)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    json_object! {
        struct Row<'a> {
            text: &'a str,
            list: Vec<u32>,
            none: Option<bool>,
        }
    }

    json_object! {
        struct Empty {}
    }

    fn json<T: ToJson + ?Sized>(value: &T) -> String {
        let mut out = Vec::new();
        value.write_json(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn objects_list_their_fields_in_order() {
        assert_eq!(
            json(&Row {
                text: "a\"b\u{1}ж",
                list: vec![1, 2],
                none: None
            }),
            r#"{"text":"a\"b\u0001ж","list":[1,2],"none":null}"#
        );
        assert_eq!(json(&Empty {}), "{}");
        let mut out = Vec::new();
        Row {
            text: "",
            list: vec![],
            none: Some(true),
        }
        .write_fields(&mut out);
        assert_eq!(out, br#""text":"","list":[],"none":true"#);
    }

    #[test]
    fn durations_are_seconds_with_a_point() {
        for (millis, text) in [
            (0, "0.0"),
            (12_345, "12.345"),
            (12_000, "12.0"),
            (12_300, "12.3"),
            (5, "0.005"),
            (-1500, "-1.5"),
        ] {
            assert_eq!(json(&Seconds(millis)), text);
        }
        assert_eq!(json(&Percent(545)), "54.5");
        assert_eq!(json(&Percent(1000)), "100.0");
    }

    proptest! {
        #[test]
        fn any_text_reads_back_as_itself(text in ".*") {
            prop_assert_eq!(serde_json::from_str::<String>(&json(text.as_str())).unwrap(), text);
        }

        #[test]
        fn any_duration_reads_back_as_itself(millis in -10_000_000_i64..10_000_000_000) {
            let read: f64 = serde_json::from_str(&json(&Seconds(millis))).unwrap();
            prop_assert_eq!((read * 1000.0).round() as i64, millis);
        }
    }
}
