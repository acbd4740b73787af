//! Whose an output folder is: the state that first wrote there says so in it.
//! Relies on the secret of a state folder, which no other state has; what is written here does not give it away.
//! Never lets two states write into one folder: each would cut or replace the files of the other.

use crate::failure::Failure;
use anyhow::Context;
use caudal_usage::KeySecret;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// The file, in the output folder.
const FILE: &str = "OWNER";

/// Takes the output folder for the state, or refuses one that is another state's.
pub fn take(out: &Path, state: &Path, secret: KeySecret) -> Result<(), Failure> {
    if out.join("IDENTITY").exists() {
        return Err(Failure::usage(format!("{} is a state folder, expected one for output", out.display())));
    }
    let path = out.join(FILE);
    let ours = line(secret);
    let found = match fs::read_to_string(&path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => {
            return Err(anyhow::Error::new(error).context(format!("cannot read {}", path.display())).into());
        }
    };
    if found == ours {
        return Ok(());
    }
    // One that a crash left empty is nobody's.
    if !found.is_empty() {
        let (out, state) = (out.display(), state.display());
        return Err(Failure::usage(format!(
            "{out} is the output folder of another state than {state}: name another one by `--out`; if that state is gone \
             for good, move its files away together with {out}/{FILE}"
        )));
    }
    Ok(write(out, &path, &ours).with_context(|| format!("cannot write {}", path.display()))?)
}

/// One line; a hash of the secret, not the secret.
fn line(secret: KeySecret) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("caudal output folder");
    hasher.update(&secret.0);
    let hash: String = hasher.finalize().to_hex().chars().take(16).collect();
    format!("caudal output of state {hash}\n")
}

fn write(out: &Path, path: &Path, line: &str) -> std::io::Result<()> {
    fs::create_dir_all(out)?;
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.write_all(line.as_bytes())?;
    file.sync_all()?;
    File::open(out)?.sync_all()
}
