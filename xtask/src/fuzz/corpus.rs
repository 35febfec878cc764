//! The committed inputs of a target: few and small, chosen for what they reach.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// The most inputs that are kept a target.
const FILES_MAX: usize = 16;
/// The most bytes that they have together.
const BYTES_MAX: usize = 24 * 1024;

/// An input and the features of the program that it touches, as libFuzzer numbers them.
#[derive(Debug)]
struct Candidate {
    path: PathBuf,
    bytes: usize,
    features: BTreeSet<u64>,
}

/// Takes, within the bounds, again and again the input that adds most to what is reached, by the control file of a
/// merge: the number of inputs, the number of old ones, their paths, then lines `FT input feature…`.
pub(super) fn choose(control: &str) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut candidates = candidates(control)?;
    let (mut chosen, mut reached, mut room) = (Vec::new(), BTreeSet::new(), BYTES_MAX);
    while chosen.len() < FILES_MAX {
        candidates.retain(|candidate| candidate.bytes <= room);
        let gain = |candidate: &Candidate| candidate.features.difference(&reached).count();
        let best = (0..candidates.len()).max_by_key(|at| (gain(&candidates[*at]), usize::MAX - candidates[*at].bytes));
        let Some(best) = best.filter(|at| gain(&candidates[*at]) > 0) else { break };
        let best = candidates.swap_remove(best);
        room -= best.bytes;
        reached.extend(best.features);
        chosen.push(std::fs::read(&best.path).with_context(|| best.path.display().to_string())?);
    }
    Ok(chosen)
}

fn candidates(control: &str) -> anyhow::Result<Vec<Candidate>> {
    let mut lines = control.lines();
    let count: usize = lines.next().context("the control file is empty")?.trim().parse()?;
    let paths: Vec<PathBuf> = lines.by_ref().skip(1).take(count).map(PathBuf::from).collect();
    let mut candidates = Vec::new();
    for line in lines.filter_map(|line| line.strip_prefix("FT ")) {
        let mut numbers = line.split_whitespace().map(str::parse::<u64>);
        let input = numbers.next().context("an input without a number")?? as usize;
        let path = paths.get(input).context("an input without a path")?.clone();
        let bytes = std::fs::metadata(&path)?.len() as usize;
        candidates.push(Candidate { path, bytes, features: numbers.collect::<Result<_, _>>()? });
    }
    Ok(candidates)
}

/// Empties the folder and fills it with these; says how many they are, and their bytes.
pub(super) fn replace(folder: &Path, inputs: &[Vec<u8>]) -> anyhow::Result<(usize, usize)> {
    std::fs::remove_dir_all(folder)?;
    std::fs::create_dir_all(folder)?;
    for (number, input) in inputs.iter().enumerate() {
        std::fs::write(folder.join(format!("{number:02}")), input)?;
    }
    Ok((inputs.len(), inputs.iter().map(Vec::len).sum()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_that_add_nothing_are_left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        for (name, text) in [("one", "1"), ("both", "12"), ("other", "3")] {
            std::fs::write(path(name), text).expect("written");
        }
        let paths = ["one", "both", "other"].map(|name| path(name).display().to_string()).join("\n");
        let control = format!("3\n0\n{paths}\nSTARTED 0 1\nFT 0 7\nCOV 0 1\nFT 1 7 8\nFT 2 9\n");
        assert_eq!(choose(&control).expect("sound"), [b"12".to_vec(), b"3".to_vec()]);
    }
}
