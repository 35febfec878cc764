//! Scripts to begin with: those of the fuzzer's own game, and those on which the checks are tested.

use std::path::Path;

use anyhow::anyhow;
use kuafu_def::Definitions;
use kuafu_script::ScriptSet;

use super::{Seed, text};
use crate::generate::root;

/// What the target puts before an input itself: the version of a release and the digest of the definitions.
const HEAD_BYTES: usize = 17;

const WOLF: &str = "local money = require(\"lib/money\")
local Wolf = { base = {}, cell = {} }
function Wolf.base:give(item, to)
    table.insert(self.bag, item)
    self.age += money.worth(item)
    return #self.bag
end
function Wolf.base:grow() self.age += 1 end
function Wolf.base:rename(name) self.name = name end
function Wolf.cell:howl() self.stats:heal(1) end
return Wolf
";

const MONEY: &str = "local money = {}\nfunction money.worth(item) return item.count * 2 end\nreturn money\n";

const STATS: &str = "local Stats = { cell = {} }\nfunction Stats.cell:heal(by) self.hp += by end\nreturn Stats\n";

/// Scripts of the fuzzer's game; the first is what most mistakes are made in.
const GAME: [(&str, &str); 3] = [("wolf.luau", WOLF), ("lib/money.luau", MONEY), ("components/stats.luau", STATS)];

/// Releases without their heads.
pub(super) fn sets() -> anyhow::Result<Vec<Seed>> {
    let definitions = Definitions::load_from(files(&text("fuzz/src/game.txt")?));
    let definitions = definitions.map_err(|problems| anyhow!("the fuzzer's game: {problems:?}"))?.definitions;
    let seed = |scripts: &[(&str, &str)]| {
        let set = ScriptSet::from_texts(scripts.iter().copied(), &definitions);
        let set = set.map_err(|problems| anyhow!("the fuzzer's scripts: {problems:?}"))?;
        Ok(set.to_bytes(&definitions).split_off(HEAD_BYTES))
    };
    [&GAME[..], &GAME[1..2], &[]].into_iter().map(seed).collect()
}

/// Projects of scripts, each after a line `=== PATH`.
pub(super) fn texts() -> anyhow::Result<Vec<Seed>> {
    let game: String = GAME.iter().map(|(path, text)| format!("=== {path}\n{text}")).collect();
    let mut seeds = vec![game.into_bytes()];
    for folder in ["examples/plaza/scripts", "crates/lint/tests/lint/valid", "crates/lint/tests/lint/wrong"] {
        collect(&root().join(folder), &mut seeds)?;
    }
    Ok(seeds)
}

/// Every script below a folder, one a seed.
fn collect(folder: &Path, seeds: &mut Vec<Seed>) -> anyhow::Result<()> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, seeds)?;
        } else if path.extension().is_some_and(|ending| ending == "luau") {
            seeds.push(std::fs::read(path)?);
        }
    }
    Ok(())
}

/// The files in a text with a line `=== PATH` before each.
fn files(text: &str) -> Vec<(&str, &str)> {
    text.split("=== ").filter_map(|file| file.split_once('\n')).collect()
}
