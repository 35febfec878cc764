//! `--limit NAME=VALUE`: bounds that one run wants otherwise.

use anyhow::{Context, bail};
use kuafu_core::Limits;

/// Applies the settings in order.
pub(super) fn apply(limits: &mut Limits, settings: &[String]) -> anyhow::Result<()> {
    let mut table = serde_json::to_value(&*limits).context("limits are plain numbers")?;
    for setting in settings {
        let (name, text) = setting.split_once('=').with_context(|| format!("--limit {setting}: write NAME=VALUE"))?;
        let Some(place) = table.get_mut(name) else {
            bail!("--limit {name}: there is no such limit; docs/limits.md has them")
        };
        let value: serde_json::Value = serde_json::from_str(text)
            .with_context(|| format!("--limit {name}: `{text}` is no number, true or false"))?;
        *place = value;
    }
    *limits = serde_json::from_value(table).context("--limit: a value does not fit its limit")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_changes_its_limit_and_a_wrong_one_is_an_error() {
        let mut limits = Limits::default();
        apply(&mut limits, &["players_max=7".into(), "loopback=true".into()]).expect("settings");
        assert_eq!((limits.players_max, limits.loopback), (7, true));
        for wrong in ["players_max", "no_such=1", "players_max=many", "players_max=-1"] {
            assert!(apply(&mut limits, &[wrong.into()]).is_err(), "{wrong}");
        }
    }
}
