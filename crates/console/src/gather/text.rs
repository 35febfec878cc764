//! Cuts texts from outside to the length that is kept.

/// At most `bytes_max` bytes of a text, ending between two characters, with an ellipsis when something was cut.
pub(crate) fn shortened(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        let end = text.floor_char_boundary(bytes_max.saturating_sub('…'.len_utf8()));
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_two_characters() {
        assert_eq!(shortened("夸父追日".to_owned(), 10), "夸父…");
        assert_eq!(shortened("sun".to_owned(), 3), "sun");
    }
}
