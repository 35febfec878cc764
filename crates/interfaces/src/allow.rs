//! The list of what the game may ask: addresses, and everything below them.
//!
//! Both sides are parsed first and compared by their parts: scheme, host, port, whole segments of the path. A text that
//! merely begins alike (`https://api.example.com.evil.net`, `https://api.example.com@evil.net`, `/v1/../admin`) is
//! something else.

use url::{Host, Url};

use crate::job::{JobError, Place, Scheme};

/// What the game may ask. The default allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    scheme: Scheme,
    host: Host<String>,
    port: u16,
    /// Without an empty one at the end.
    segments: Vec<String>,
}

/// An entry that cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{entry}` {why}")]
pub struct AllowError {
    /// As it stands in the list.
    pub entry: String,
    /// What is wrong with it.
    pub why: String,
}

impl AllowList {
    /// Reads the entries.
    ///
    /// # Errors
    /// The first that is no address, or has parts that would not be compared.
    pub fn parse<T: AsRef<str>>(entries: &[T]) -> Result<Self, AllowError> {
        let read = |text: &T| {
            let text = text.as_ref();
            Entry::parse(text).map_err(|why| AllowError { entry: text.to_owned(), why })
        };
        Ok(Self { entries: entries.iter().map(read).collect::<Result<_, _>>()? })
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing may be asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether one of the entries covers the place.
    pub(crate) fn allows(&self, place: &Place) -> bool {
        self.entries.iter().any(|entry| entry.covers(place))
    }
}

impl Entry {
    fn parse(text: &str) -> Result<Self, String> {
        let place = Place::parse(text).map_err(|why| match why {
            JobError::Url(why) => why,
            other => other.to_string(),
        })?;
        let url = Url::parse(text).map_err(|why| why.to_string())?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err("has a query or a fragment; only the path counts".to_owned());
        }
        let mut segments = place.segments();
        if segments.last().is_some_and(String::is_empty) {
            segments.pop();
        }
        if segments.iter().any(String::is_empty) {
            return Err("has an empty segment in its path".to_owned());
        }
        Ok(Self { scheme: place.scheme, host: place.host, port: place.port, segments })
    }

    fn covers(&self, place: &Place) -> bool {
        self.scheme == place.scheme
            && self.host == place.host
            && self.port == place.port
            && place.segments().starts_with(&self.segments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn allows(list: &[&str], url: &str) -> bool {
        let list = AllowList::parse(list).expect("a list");
        Place::parse(url).is_ok_and(|place| list.allows(&place))
    }

    #[test]
    fn what_is_below_an_entry_is_allowed() {
        let list = ["https://api.example.com/v1/", "http://127.0.0.1:8080", "http://[::1]/x"];
        for url in [
            "https://api.example.com/v1",
            "https://api.example.com/v1/",
            "https://API.example.COM:443/v1/a/b?c=d#e",
            "https://api.example.com/v2/../v1/a",
            "https://api.example.com/v1/a%2Fb",
            "http://127.0.0.1:8080/anything",
            "http://127.1:8080/",
            "http://[0:0::1]/x/y",
        ] {
            assert!(allows(&list, url), "{url}");
        }
    }

    #[test]
    fn what_only_looks_alike_is_not() {
        let list = ["https://api.example.com/v1/"];
        for url in [
            "http://api.example.com/v1/",
            "https://api.example.com/",
            "https://api.example.com/v12",
            "https://api.example.com:8443/v1/",
            "https://api.example.com.evil.net/v1/",
            "https://api.example.com./v1/",
            "https://evil.net/https://api.example.com/v1/",
            "https://api.example.com@evil.net/v1/",
            "https://user:word@api.example.com/v1/",
            "https://user@api.example.com/v1/",
            "https://evil.net\\@api.example.com/v1/",
            "https://evil.net#@api.example.com/v1/",
            "https://evil.net?@api.example.com/v1/",
            "https://api.example.com/v1/../admin",
            "https://api.example.com/v1/%2e%2e/admin",
            "https://api.example.com/v1/..%2fadmin",
            "https://api.example.com/v1/%252e%252e%252fadmin",
            "https://api.example.com/v1/..;/admin",
            "https://api.example.com/v1/..%5cadmin",
            "https://api.example.com/V1/",
            "https://аpi.example.com/v1/",
            "file:///v1/",
            "//api.example.com/v1/",
            "api.example.com/v1/",
            "https://api.example.com/v1/ x",
            "https://api.example.com/v1/\r\nHost: evil.net",
            "",
        ] {
            assert!(!allows(&list, url), "{url}");
        }
        assert!(!allows(&[], "https://api.example.com/v1/"));
        assert!(!allows(&["http://localhost:80"], "http://127.0.0.1/"), "another way to say it is another entry");
    }

    #[test]
    fn an_entry_that_would_not_mean_what_it_says_is_refused() {
        for (entry, why) in [
            ("api.example.com", "http"),
            ("ftp://api.example.com/", "http"),
            ("https://user@api.example.com/", "user"),
            ("https://api.example.com/v1?key=1", "query"),
            ("https://api.example.com/v1#top", "query"),
            ("https://api.example.com//v1", "empty"),
            ("https://*.example.com/", "`*`"),
            ("https://", "host"),
        ] {
            let said = AllowList::parse(&[entry]).expect_err(entry).to_string();
            assert!(said.contains(why), "{entry}: {said}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_allowed_leaves_the_host_or_the_path(tail in "/?[ -~]{0,40}") {
            let url = format!("https://api.example.com/v1{tail}");
            if allows(&["https://api.example.com/v1"], &url) {
                let place = Place::parse(&url).expect("it was allowed");
                prop_assert_eq!(place.host, Host::Domain("api.example.com".to_owned()));
                let path = place.path.split(['?', '#']).next().unwrap_or_default();
                prop_assert!(path == "/v1" || path.starts_with("/v1/"), "{}", path);
                prop_assert!(!path.split('/').any(|segment| segment == ".."), "{}", path);
            }
        }
    }
}
