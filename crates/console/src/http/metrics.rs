//! `/metrics`: every number of every role in the Prometheus text format.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::gather::instance::is_count;
use crate::http::Shared;
use crate::picture::{Picture, RolePicture};

pub(crate) async fn metrics(State(shared): State<Shared>) -> Response {
    let picture = shared.desk.views.published.borrow().picture.clone();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text(&picture)).into_response()
}

/// Lines by family: all samples of one name stand together under one type, as the format demands.
#[derive(Default)]
struct Families(BTreeMap<String, (&'static str, String)>);

impl Families {
    fn add(&mut self, name: &str, kind: &'static str, labels: &str, value: f64) {
        let name = format!("kuafu_{}", sound(name));
        let (_, lines) = self.0.entry(name.clone()).or_insert_with(|| (kind, String::new()));
        // Writing to a text cannot fail.
        let _ = match labels {
            "" => writeln!(lines, "{name} {value}"),
            _ => writeln!(lines, "{name}{{{labels}}} {value}"),
        };
    }
}

pub(crate) fn text(picture: &Picture) -> String {
    let mut families = Families::default();
    for role in &picture.roles {
        add_role(&mut families, role);
    }
    families.add("faults_total", "counter", "", picture.faults_total as f64);
    families.add("logins_per_s", "gauge", "", picture.logins_per_s);
    let mut text = String::new();
    for (name, (kind, lines)) in families.0 {
        let _ = write!(text, "# TYPE {name} {kind}\n{lines}");
    }
    text
}

fn add_role(families: &mut Families, role: &RolePicture) {
    let labels = format!("role=\"{}\",incarnation=\"{}\"", role.address.role.name(), role.address.incarnation);
    families.add("role_up", "gauge", &labels, f64::from(u8::from(role.is_alive())));
    if !role.is_alive() {
        return;
    }
    for (name, value) in &role.numbers {
        families.add(name, if is_count(name) { "counter" } else { "gauge" }, &labels, *value);
    }
    let Some(tick) = role.tick else { return };
    for (quantile, ms) in [("0.5", tick.ms.p50), ("0.99", tick.ms.p99), ("1", tick.ms.max)] {
        families.add("tick_ms", "gauge", &format!("{labels},quantile=\"{quantile}\""), ms);
    }
    if let Some(hz) = tick.hz {
        families.add("tick_hz", "gauge", &labels, hz);
    }
}

/// A name with the characters that the format admits.
fn sound(name: &str) -> String {
    name.chars().map(|each| if each.is_ascii_alphanumeric() || each == '_' { each } else { '_' }).collect()
}
