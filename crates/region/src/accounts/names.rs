//! Which names and passwords are accepted, and when two names are the same.

/// Whether a name has 2 to 24 letters, digits, spaces, `-` or `_`, and no space at either end.
#[must_use]
pub fn name_is_valid(name: &str) -> bool {
    // A character has at most 4 bytes: a longer text is not even counted.
    name.len() <= 96
        && (2..=24).contains(&name.chars().count())
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        && !name.starts_with(' ')
        && !name.ends_with(' ')
}

/// What names are compared by: two that differ only in case have the same key.
///
/// By way of upper case, because several small letters can share a capital (`ς` and `σ`, `ß` and `ss`); small first,
/// because capitals can share a small one (`ẞ`).
#[must_use]
pub fn name_key(name: &str) -> String {
    name.to_lowercase().to_uppercase().to_lowercase()
}

/// Whether a password has 6 to 128 characters.
#[must_use]
pub fn password_is_valid(password: &str) -> bool {
    password.len() <= 512 && (6..=128).contains(&password.chars().count())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_have_letters_of_any_script_and_nothing_else() {
        for name in ["Ann", "ab", "夸父", "Łukasz 2", "a-b_c", "Ünïcödé", &"x".repeat(24), &"界".repeat(24)] {
            assert!(name_is_valid(name), "{name}");
        }
        let long = "x".repeat(25);
        for name in
            ["", "a", &long, " ann", "ann ", "a\tb", "a\0b", "a'b", "a;b", "<b>", "a\u{200b}b", "a\u{301}b", "😀😀"]
        {
            assert!(!name_is_valid(name), "{name:?}");
        }
    }

    #[test]
    fn names_that_differ_in_case_only_are_one() {
        for (a, b) in [
            ("Ann", "aNN"),
            ("ÉMILE", "émile"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("σίσυφοσ", "σίσυφος"),
            ("Straße", "STRASSE"),
            ("STRAẞE", "Strasse"),
        ] {
            assert_eq!(name_key(a), name_key(b), "{a} {b}");
        }
        assert_ne!(name_key("ann"), name_key("anna"));
    }

    #[test]
    fn passwords_are_counted_in_characters() {
        for (password, valid) in [("12345", false), ("123456", true), ("夸父追日夸父", true), ("夸父追日", false)]
        {
            assert_eq!(password_is_valid(password), valid, "{password}");
        }
        assert!(password_is_valid(&"x".repeat(128)) && !password_is_valid(&"x".repeat(129)));
        assert!(password_is_valid(&"😀".repeat(128)) && !password_is_valid(&"😀".repeat(10_000)));
    }

    proptest! {
        #[test]
        fn the_key_of_a_key_is_itself_for_accepted_names(name in "[\\p{L}\\p{N}]{2,24}") {
            prop_assert!(name_is_valid(&name));
            let key = name_key(&name);
            prop_assert_eq!(name_key(&key), key.clone());
            prop_assert_eq!(name_key(&name.to_uppercase()), key.clone());
            prop_assert_eq!(name_key(&name.to_lowercase()), key);
        }
    }
}
