//! The copy of the sources in which mutants are compiled.

use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What of the sources git knows, or would take up.
pub fn list(root: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("git is needed to list the sources")?;
    if !output.status.success() {
        bail!("git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    }
    let names = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    let files = names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
    Ok(files.filter(|file| root.join(file).is_file()).collect())
}

/// Makes `to` a copy of the files with some of them replaced. A file that is the same already is left, so that cargo
/// does not build it again; one that is not in the list goes.
pub fn copy(
    root: &Path,
    files: &[PathBuf],
    to: &Path,
    replaced: &BTreeMap<PathBuf, String>,
) -> Result<()> {
    let wanted: HashSet<&Path> = files.iter().map(PathBuf::as_path).collect();
    remove_others(to, to, &wanted)?;
    for file in files {
        let content = match replaced.get(file) {
            Some(text) => text.clone().into_bytes(),
            None => fs::read(root.join(file)).with_context(|| file.display().to_string())?,
        };
        write(&to.join(file), &content)?;
    }
    Ok(())
}

/// Writes a file unless it is the same already.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let temporary = path.with_extension("schemata.tmp");
    fs::write(&temporary, content).with_context(|| temporary.display().to_string())?;
    fs::rename(&temporary, path).with_context(|| path.display().to_string())
}

fn remove_others(top: &Path, folder: &Path, wanted: &HashSet<&Path>) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(top, &path, wanted)?;
        } else if path.strip_prefix(top).is_ok_and(|name| !wanted.contains(name))
            && path.file_name().is_none_or(|name| name != "Cargo.lock")
        {
            fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}
