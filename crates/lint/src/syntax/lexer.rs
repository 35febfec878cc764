//! From text to tokens, all at once. What is no token is one of the kind [`Kind::Bad`], which the parser reports.

use super::Span;

/// What a token is. Words and signs are told apart by their text; see [`Token::is`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Name,
    /// A reserved word.
    Word,
    Sign,
    Number,
    /// In quotes.
    Text,
    /// In long brackets.
    LongText,
    /// `` `abc` ``
    InterpolatedWhole,
    /// `` `abc{ ``
    InterpolatedStart,
    /// `}abc{`
    InterpolatedMiddle,
    /// `` }abc` ``
    InterpolatedEnd,
    /// `@native`
    Attribute,
    End,
    Bad(&'static str),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
    pub(crate) text: &'a str,
}

impl Token<'_> {
    /// Whether it is this word or sign.
    pub(crate) fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Sign) && self.text == text
    }
}

const WORDS: [&str; 21] = [
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not", "or",
    "repeat", "return", "then", "true", "until", "while",
];

/// The longest first, so that the first that fits is the right one.
const SIGNS: [&str; 41] = [
    "...", "..=", "//=", "==", "~=", "<=", ">=", "->", "::", "..", "//", "+=", "-=", "*=", "/=", "%=", "^=", "+", "-",
    "*", "/", "%", "^", "#", "<", ">", "=", "(", ")", "[", "]", ";", ":", ",", ".", "?", "|", "&", "@", "{", "}",
];

/// The tokens of a text; the last is [`Kind::End`].
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { text, bytes: text.as_bytes(), at: 0, braces: Vec::new() };
    let mut found = Vec::with_capacity(text.len() / 4 + 1);
    loop {
        let token = lexer.next();
        found.push(token);
        if token.kind == Kind::End {
            return found;
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// The open braces: true for those within an interpolated text.
    braces: Vec<bool>,
}

impl<'a> Lexer<'a> {
    fn next(&mut self) -> Token<'a> {
        if let Some(bad) = self.skip_blank() {
            return bad;
        }
        let start = self.at;
        let Some(&byte) = self.bytes.get(start) else { return self.token(start, Kind::End) };
        let kind = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(),
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_some_and(|b| b.is_ascii_digit()) => self.number(),
            b'"' | b'\'' => self.quoted(byte),
            b'`' => {
                self.at += 1;
                self.interpolated(Kind::InterpolatedWhole, Kind::InterpolatedStart)
            }
            b'[' if self.long_bracket(start).is_some() => self.long_text(),
            b'@' if self.peek(1).is_some_and(|b| b.is_ascii_alphabetic()) => {
                self.at += 1;
                self.word();
                Kind::Attribute
            }
            b'}' if self.braces.pop() == Some(true) => {
                self.at += 1;
                self.interpolated(Kind::InterpolatedEnd, Kind::InterpolatedMiddle)
            }
            _ => self.sign(),
        };
        self.token(start, kind)
    }

    fn token(&self, start: usize, kind: Kind) -> Token<'a> {
        Token { kind, span: span(start, self.at), text: &self.text[start..self.at] }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    /// Passes space and comments; gives a comment that does not end.
    fn skip_blank(&mut self) -> Option<Token<'a>> {
        loop {
            match self.peek(0) {
                Some(b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c) => self.at += 1,
                Some(b'-') if self.peek(1) == Some(b'-') => {
                    let start = self.at;
                    self.at += 2;
                    if self.long_bracket(self.at).is_some() {
                        if let Kind::Bad(_) = self.long_text() {
                            return Some(self.token(start, Kind::Bad("this comment does not end")));
                        }
                    } else {
                        self.at += self.bytes[self.at..]
                            .iter()
                            .position(|b| *b == b'\n')
                            .unwrap_or(self.bytes.len() - self.at);
                    }
                }
                _ => return None,
            }
        }
    }

    fn word(&mut self) -> Kind {
        let start = self.at;
        while self.peek(0).is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_') {
            self.at += 1;
        }
        if WORDS.contains(&&self.text[start..self.at]) { Kind::Word } else { Kind::Name }
    }

    fn number(&mut self) -> Kind {
        let start = self.at;
        while self.peek(0).is_some_and(|b| b.is_ascii_digit() || b == b'.' || b == b'_') {
            self.at += 1;
        }
        if matches!(self.peek(0), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(0), Some(b'+' | b'-')) {
                self.at += 1;
            }
        }
        while self.peek(0).is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_') {
            self.at += 1;
        }
        if super::escape::number(&self.text[start..self.at]).is_some() {
            Kind::Number
        } else {
            Kind::Bad("this is no number")
        }
    }

    fn quoted(&mut self, quote: u8) -> Kind {
        self.at += 1;
        loop {
            match self.peek(0) {
                None | Some(b'\n' | b'\r') => return Kind::Bad("this text does not end on its line"),
                Some(b'\\') => self.escape(),
                Some(byte) => {
                    self.at += 1;
                    if byte == quote {
                        return Kind::Text;
                    }
                }
            }
        }
    }

    /// Passes a backslash and what it protects.
    fn escape(&mut self) {
        self.at += 1;
        match self.peek(0) {
            Some(b'\r') => self.at += if self.peek(1) == Some(b'\n') { 2 } else { 1 },
            Some(b'z') => {
                self.at += 1;
                while self.peek(0).is_some_and(|b| b.is_ascii_whitespace() || b == 0x0b) {
                    self.at += 1;
                }
            }
            Some(_) => self.step(),
            None => {}
        }
    }

    /// Passes one character.
    fn step(&mut self) {
        self.at += 1;
        while !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
    }

    fn interpolated(&mut self, whole: Kind, open: Kind) -> Kind {
        loop {
            match self.peek(0) {
                None | Some(b'\n' | b'\r') => return Kind::Bad("this text does not end on its line"),
                Some(b'\\') if self.peek(1) == Some(b'u') && self.peek(2) == Some(b'{') => self.at += 3,
                Some(b'\\') => self.escape(),
                Some(b'`') => {
                    self.at += 1;
                    return whole;
                }
                Some(b'{') => {
                    self.at += 1;
                    if self.peek(0) == Some(b'{') {
                        self.at += 1;
                        return Kind::Bad("`{{` is not allowed in an interpolated text; write `\\{`");
                    }
                    self.braces.push(true);
                    return open;
                }
                Some(_) => self.at += 1,
            }
        }
    }

    /// The level of the long bracket `[==[` that begins at `at`, if one does.
    fn long_bracket(&self, at: usize) -> Option<usize> {
        let rest = self.bytes.get(at..)?.strip_prefix(b"[")?;
        let level = rest.iter().take_while(|b| **b == b'=').count();
        (rest.get(level) == Some(&b'[')).then_some(level)
    }

    fn long_text(&mut self) -> Kind {
        let level = self.long_bracket(self.at).unwrap_or_default();
        let close = format!("]{}]", "=".repeat(level));
        let from = self.at + level + 2;
        match self.text[from..].find(&close) {
            Some(length) => {
                self.at = from + length + close.len();
                Kind::LongText
            }
            None => {
                self.at = self.bytes.len();
                Kind::Bad("this text does not end")
            }
        }
    }

    fn sign(&mut self) -> Kind {
        let rest = &self.text[self.at..];
        let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) else {
            self.step();
            return Kind::Bad("this character has no meaning here");
        };
        if *sign == "{" {
            self.braces.push(false);
        }
        self.at += sign.len();
        Kind::Sign
    }
}

fn span(start: usize, end: usize) -> Span {
    let short = |at| u32::try_from(at).unwrap_or(u32::MAX);
    Span { start: short(start), end: short(end) }
}
