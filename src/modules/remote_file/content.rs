use std::fmt::Write;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use openssl::hash::{Hasher, MessageDigest};

use crate::modules::Failure;

/// What fits into one exchange together with the question.
const SMALL: u64 = 64 * 1024;

/// The content of a file that is to be put on a node.
pub enum Content {
    /// In memory.
    Bytes(Vec<u8>),
    /// A file of this machine.
    File(PathBuf),
    /// A file of the node itself, with its SHA-256 and its size.
    OnNode { path: String, sha256: String, size: u64 },
}

/// Checksums of a content.
pub struct Digests {
    /// What krun compares by.
    pub sha256: String,
    /// What Ansible's results hold; unknown for a file of the node.
    pub sha1: Option<String>,
    /// Bytes.
    pub size: u64,
}

impl Content {
    /// Reads it once.
    pub fn digests(&self) -> Result<Digests, Failure> {
        match self {
            Self::Bytes(bytes) => digest(&mut bytes.as_slice()).map_err(|error| Failure::new(error.to_string())),
            Self::File(path) => fs_err::File::open(path)
                .and_then(|mut file| digest(&mut file))
                .map_err(|error| Failure::new(error.to_string())),
            Self::OnNode { sha256, size, .. } => Ok(Digests {
                sha256: sha256.clone(),
                sha1: None,
                size: *size,
            }),
        }
    }

    /// Opens it, to be sent.
    pub fn open(&self) -> Result<Box<dyn Read + '_>, Failure> {
        match self {
            Self::Bytes(bytes) => Ok(Box::new(bytes.as_slice())),
            Self::File(path) => Ok(Box::new(open(path)?)),
            Self::OnNode { .. } => Ok(Box::new(io::empty())),
        }
    }

    /// It travels together with the request that puts it in place.
    pub fn is_small(size: u64) -> bool {
        size <= SMALL
    }
}

fn open(path: &Path) -> Result<fs_err::File, Failure> {
    fs_err::File::open(path).map_err(|error| Failure::new(error.to_string()))
}

/// SHA-256 and SHA-1 of all that a reader gives.
fn digest(reader: &mut dyn Read) -> io::Result<Digests> {
    let mut sha256 = Hasher::new(MessageDigest::sha256())?;
    let mut sha1 = Hasher::new(MessageDigest::sha1())?;
    let mut size = 0;
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let piece = buffer.get(..read).unwrap_or_default();
        sha256.update(piece)?;
        sha1.update(piece)?;
        size += u64::try_from(read).unwrap_or_default();
    }
    Ok(Digests {
        sha256: hex(&sha256.finish()?),
        sha1: Some(hex(&sha1.finish()?)),
        size,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
