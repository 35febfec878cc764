//! What literals mean: numbers, and texts with their escapes.

use std::borrow::Cow;

/// A text that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadEscape;

/// The value of a number as Luau writes them, if it is one.
pub(crate) fn number(text: &str) -> Option<f64> {
    let plain: Cow<'_, str> = if text.contains('_') { text.replace('_', "").into() } else { text.into() };
    if let Some(digits) = plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        return radix(digits, 16);
    }
    if let Some(digits) = plain.strip_prefix("0b").or_else(|| plain.strip_prefix("0B")) {
        return radix(digits, 2);
    }
    plain.parse().ok()
}

fn radix(digits: &str, radix: u32) -> Option<f64> {
    if digits.is_empty() {
        return None;
    }
    digits.chars().try_fold(0.0, |sum, digit| Some(sum * f64::from(radix) + f64::from(digit.to_digit(radix)?)))
}

/// What stands between quotes, escapes resolved; none when the bytes are no UTF-8.
pub(crate) fn quoted(inner: &str) -> Result<Option<Cow<'_, str>>, BadEscape> {
    if !inner.contains('\\') {
        return Ok(Some(inner.into()));
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'\\' {
            rest = escape(rest, &mut bytes).ok_or(BadEscape)?;
        } else {
            bytes.push(byte);
        }
    }
    Ok(String::from_utf8(bytes).ok().map(Cow::Owned))
}

/// Reads what follows a backslash; gives the rest.
fn escape<'a>(text: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let (&first, rest) = text.split_first()?;
    match first {
        b'0'..=b'9' => {
            let length = text.iter().take(3).take_while(|b| b.is_ascii_digit()).count();
            let value = text[..length].iter().fold(0_u32, |sum, b| sum * 10 + u32::from(b - b'0'));
            out.push(u8::try_from(value).ok()?);
            return Some(&text[length..]);
        }
        b'x' => {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            out.push(u8::from_str_radix(digits, 16).ok()?);
            return Some(&rest[2..]);
        }
        b'u' => return unicode(rest, out),
        b'z' => {
            let blank = rest.iter().take_while(|b| b.is_ascii_whitespace() || **b == 0x0b).count();
            return Some(&rest[blank..]);
        }
        b'\r' => {
            out.push(b'\n');
            return Some(rest.strip_prefix(b"\n").unwrap_or(rest));
        }
        b'n' => out.push(b'\n'),
        b't' => out.push(b'\t'),
        b'r' => out.push(b'\r'),
        b'a' => out.push(7),
        b'b' => out.push(8),
        b'f' => out.push(12),
        b'v' => out.push(11),
        other => out.push(other),
    }
    Some(rest)
}

fn unicode<'a>(text: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let text = text.strip_prefix(b"{")?;
    let length = text.iter().position(|b| *b == b'}')?;
    let digits = std::str::from_utf8(&text[..length]).ok()?;
    if digits.is_empty() || digits.len() > 16 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let code = u32::from_str_radix(digits, 16).ok().filter(|code| *code <= 0x0010_ffff)?;
    match char::from_u32(code) {
        Some(character) => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        // Half of a surrogate pair: Luau takes it, and it is no UTF-8.
        None => out.push(0xff),
    }
    Some(&text[length + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_luau_reads_them() {
        for (text, value) in
            [("1", 1.0), ("0xFF", 255.0), ("0b101", 5.0), ("1_000.5", 1000.5), (".5", 0.5), ("3.", 3.0), ("1e-2", 0.01)]
        {
            assert_eq!(number(text), Some(value), "{text}");
        }
        for text in ["0x", "1e", "1.2.3", "0b2", "12ab"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn escapes_become_what_they_stand_for() {
        let check = |text, value: &str| assert_eq!(quoted(text), Ok(Some(value.into())), "{text}");
        check(r"a\n\65\x42\u{48}\q", "a\nABHq");
        check("a\\z  \n  b", "ab");
        assert_eq!(quoted(r"\255"), Ok(None));
        for text in [r"\256", r"\xZ0", r"\u{110000}", r"\u12", r"\u{}"] {
            assert_eq!(quoted(text), Err(BadEscape), "{text}");
        }
    }
}
