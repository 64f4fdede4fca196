use std::fs::Permissions;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use fs_err as fs;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::modules::{Context, Failure};

/// Counts a checksum while it passes the bytes on.
struct Hashing<W> {
    sink: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.sink.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// The copy is there and is what the description says.
pub(super) fn is_there(copy: &Path, description: &Map<String, Value>) -> bool {
    let Ok(mut file) = fs::File::open(copy) else {
        return false;
    };
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return is_sum(hash, description),
            Ok(length) => hash.update(&buffer[..length]),
            Err(_) => return false,
        }
    }
}

/// Copies a snapshot to this machine, checks it, and puts it in place with its description; readable by its owner only.
pub(super) fn fetch(
    context: &mut Context<'_>,
    path: &str,
    copy: &Path,
    description: &Map<String, Value>,
) -> Result<(), Failure> {
    let cannot = |error: io::Error| Failure::new(format!("the copy of the snapshot cannot be kept here: {error}"));
    let folder = copy.parent().unwrap_or(Path::new("."));
    if !folder.exists() {
        fs::create_dir_all(folder).map_err(cannot)?;
        fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(cannot)?;
    }
    let mut partial = Hashing {
        // Made with mode 0600, and gone by itself when anything fails.
        sink: tempfile::NamedTempFile::new_in(folder).map_err(cannot)?,
        hash: Sha256::new(),
    };
    context.download(path, &mut partial)?;
    let Hashing { sink, hash } = partial;
    if !is_sum(hash, description) {
        return Err(Failure::new(format!(
            "the copy of {path} is not what the node has: the checksums differ"
        ))
        .help("run this again; the snapshot on the node is untouched"));
    }
    sink.as_file().sync_all().map_err(cannot)?;
    sink.persist(copy).map_err(|error| cannot(error.error))?;
    let mut about = tempfile::NamedTempFile::new_in(folder).map_err(cannot)?;
    let text = serde_json::to_string_pretty(description).unwrap_or_default();
    writeln!(about, "{text}").map_err(cannot)?;
    about
        .persist(copy.with_extension("json"))
        .map_err(|error| cannot(error.error))?;
    Ok(())
}

fn is_sum(hash: Sha256, description: &Map<String, Value>) -> bool {
    let sum = format!("{:x}", hash.finalize());
    description.get("sha256").and_then(Value::as_str) == Some(sum.as_str())
}
