//! Text of a PBX that may not be UTF-8.

use std::borrow::Cow;
use std::str::FromStr;

use encoding_rs::WINDOWS_1251;

use super::error::EncodingError;

/// What bytes that are not UTF-8 are taken for. UTF-8 is always tried first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Replacement characters stand for what is not UTF-8.
    #[default]
    Utf8,
    /// Windows-1251: Cyrillic.
    Cp1251,
    /// ISO 8859-1: each byte is the code point of the same number.
    Latin1,
}

impl Encoding {
    /// The text of `bytes`; borrowed when they are UTF-8.
    ///
    /// Asterisk cuts long names by bytes, so a UTF-8 value may end in half a character: such a value stays UTF-8
    /// and ends in a replacement character, whatever the fall-back.
    #[inline]
    pub fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(error) => self.decode_invalid(bytes, error),
        }
    }

    #[cold]
    fn decode_invalid(self, bytes: &[u8], error: std::str::Utf8Error) -> Cow<'_, str> {
        let is_cut = error.error_len().is_none() && !bytes[..error.valid_up_to()].is_ascii();
        if is_cut {
            return String::from_utf8_lossy(bytes);
        }
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes),
            Self::Cp1251 => WINDOWS_1251.decode_without_bom_handling(bytes).0,
            Self::Latin1 => encoding_rs::mem::decode_latin1(bytes),
        }
    }

    /// The name it is set by: `utf-8`, `cp1251` or `latin-1`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Cp1251 => "cp1251",
            Self::Latin1 => "latin-1",
        }
    }
}

impl FromStr for Encoding {
    type Err = EncodingError;

    fn from_str(name: &str) -> Result<Self, EncodingError> {
        match name.to_ascii_lowercase().replace('_', "-").as_str() {
            "utf-8" | "utf8" => Ok(Self::Utf8),
            "cp1251" | "windows-1251" => Ok(Self::Cp1251),
            "latin-1" | "latin1" | "iso-8859-1" => Ok(Self::Latin1),
            _ => Err(EncodingError {
                name: name.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KLIENT_UTF8: &[u8] = "Клиент".as_bytes();
    const KLIENT_CP1251: &[u8] = b"\xca\xeb\xe8\xe5\xed\xf2";

    #[test]
    fn an_unknown_name_is_refused_and_the_known_ones_are_told() {
        let error = "koi8-r".parse::<Encoding>().unwrap_err().to_string();
        assert!(
            error.contains("koi8-r") && error.contains("cp1251") && error.contains("latin-1"),
            "{error}"
        );
    }

    #[test]
    fn every_name_leads_back_to_its_encoding() {
        for encoding in [Encoding::Utf8, Encoding::Cp1251, Encoding::Latin1] {
            assert_eq!(encoding.name().parse::<Encoding>(), Ok(encoding));
            assert_eq!(encoding.name().to_uppercase().parse::<Encoding>(), Ok(encoding));
        }
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_read_by_the_fall_back() {
        assert_eq!(Encoding::Cp1251.decode(KLIENT_CP1251), "Клиент");
        assert_eq!(Encoding::Latin1.decode(b"Andr\xe9 \x80"), "Andr\u{e9} \u{80}");
        assert_eq!(Encoding::Utf8.decode(b"Andr\xe9!"), "Andr\u{fffd}!");
    }

    #[test]
    fn utf_8_stays_utf_8_under_every_fall_back_and_is_not_copied() {
        for encoding in [Encoding::Utf8, Encoding::Cp1251, Encoding::Latin1] {
            assert!(matches!(encoding.decode(KLIENT_UTF8), Cow::Borrowed("Клиент")));
        }
    }

    #[test]
    fn a_name_that_asterisk_cut_within_a_character_is_still_utf_8() {
        for encoding in [Encoding::Utf8, Encoding::Cp1251, Encoding::Latin1] {
            assert_eq!(
                encoding.decode(&KLIENT_UTF8[..KLIENT_UTF8.len() - 1]),
                "Клиен\u{fffd}"
            );
        }
        assert_eq!(
            Encoding::Cp1251.decode(b"room \xdf"),
            "room Я",
            "one byte after ASCII is the fall-back's"
        );
    }
}
