use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use fs_err::os::unix::fs::OpenOptionsExt as _;
use minijinja::{Error, Value};
use sha2::{Digest as _, Sha256};

use super::Query;
use crate::template::chance::draw;
use crate::template::filters::{password_hash, random_salt};

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";

/// The longest password that is made.
const LONGEST: usize = 4096;

/// Tasks of several hosts ask at the same time, and all have to get the same password.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// `path length=20 chars=ascii_letters,digits encrypt=sha512_crypt`: a password that a file keeps; it is made where it is not
/// there yet.
pub(super) fn password(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    let make = |term: String| one(query, &term).map(Value::from);
    query.texts()?.into_iter().map(make).collect()
}

fn one(query: &Query<'_, '_, '_>, term: &str) -> Result<String, Error> {
    const OPTIONS: [&str; 5] = ["length", "chars", "encrypt", "seed", "ident"];
    let mut path = String::new();
    let mut own: Vec<(String, String)> = Vec::new();
    for word in shlex::split(term).ok_or_else(|| query.wrong("a quote has no end"))? {
        match word.split_once('=') {
            Some((name, value)) if OPTIONS.contains(&name) => own.push((name.to_owned(), value.to_owned())),
            Some(_) if !path.is_empty() => {
                return Err(query.wrong(format!("`{word}` is none of {}", OPTIONS.join(", "))));
            }
            _ if path.is_empty() => path = word,
            _ => path = format!("{path} {word}"),
        }
    }
    let get = |name: &str| {
        let own = own.iter().find(|(given, _)| given == name);
        own.map(|(_, value)| value.clone()).or_else(|| query.text(name))
    };
    if get("ident").is_some() {
        return Err(query.wrong("`ident` is for bcrypt, which krun does not have"));
    }
    let length = get("length").map_or(Ok(20), |text| text.parse::<usize>());
    let length = length.ok().filter(|length| (1..=LONGEST).contains(length));
    let length = length.ok_or_else(|| query.wrong(format!("`length` is a number from 1 to {LONGEST}")))?;
    let letters = candidates(query, get("chars"));
    if letters.is_empty() {
        return Err(query.wrong("`chars` leaves no character to choose from"));
    }
    let encrypt = get("encrypt");
    let seed = get("seed");

    let path = query.path(&path);
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let is_kept = path != Path::new("/dev/null");
    let known = if is_kept && path.exists() {
        Some(query.read(&path)?)
    } else {
        None
    };
    let (plain, salt) = match &known {
        Some(text) => {
            let text = text.trim_end();
            match text.rsplit_once(" salt=") {
                Some((plain, salt)) => (
                    plain.to_owned(),
                    Some(salt.split(" ident=").next().unwrap_or(salt).to_owned()),
                ),
                None => (text.to_owned(), None),
            }
        }
        None => (random(length, &letters, seed.as_deref())?, None),
    };
    let new_salt = match (&encrypt, salt) {
        (Some(_), None) => Some(random_salt()?),
        (_, salt) => salt,
    };
    let content = match &new_salt {
        Some(salt) => format!("{plain} salt={salt}\n"),
        None => format!("{plain}\n"),
    };
    if is_kept && known.as_deref().map(str::trim_end) != Some(content.trim_end()) {
        keep(&path, &content).map_err(|error| query.wrong(error))?;
    }
    match (encrypt, new_salt) {
        (Some(kind), Some(salt)) => password_hash(&plain, &kind, Some(&salt), None),
        _ => Ok(plain),
    }
}

/// Names of kinds of characters, and characters that are meant as they are; quotes are never taken.
fn candidates(query: &Query<'_, '_, '_>, given: Option<String>) -> Vec<char> {
    let listed = query.option("chars").filter(|value| value.as_str().is_none());
    let kinds: Vec<String> = match (listed, given) {
        (Some(list), _) => list
            .try_iter()
            .map(|items| items.map(|item| item.to_string()).collect())
            .unwrap_or_default(),
        (None, Some(text)) => {
            let comma = text.contains(",,").then(|| ",".to_owned());
            let text = text.replace(",,", ",");
            let kinds = text.split(',').filter(|kind| !kind.is_empty()).map(str::to_owned);
            comma.into_iter().chain(kinds).collect()
        }
        (None, None) => ["ascii_letters", "digits", ".,:-_"].map(str::to_owned).to_vec(),
    };
    let mut letters = String::new();
    for kind in kinds {
        match kind.as_str() {
            "ascii_letters" => letters.push_str(LETTERS),
            "ascii_lowercase" => letters.push_str(&LETTERS[..26]),
            "ascii_uppercase" => letters.push_str(&LETTERS[26..]),
            "digits" => letters.push_str(DIGITS),
            "hexdigits" => letters.push_str("0123456789abcdefABCDEF"),
            "octdigits" => letters.push_str("01234567"),
            "punctuation" => letters.push_str("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
            plain => letters.push_str(plain),
        }
    }
    letters.chars().filter(|letter| !['"', '\''].contains(letter)).collect()
}

/// Characters that the system chooses, or always the same ones for a seed (not those that Python would choose).
fn random(length: usize, letters: &[char], seed: Option<&str>) -> Result<String, Error> {
    let count = u64::try_from(letters.len()).unwrap_or(u64::MAX);
    let mut password = String::new();
    for index in 0..length {
        let mut bytes = [0; 8];
        match seed {
            None => draw(&mut bytes)?,
            Some(seed) => bytes.copy_from_slice(&Sha256::digest(format!("{index}:{seed}"))[..8]),
        }
        let index = usize::try_from(u64::from_le_bytes(bytes) % count).unwrap_or_default();
        password.extend(letters.get(index));
    }
    Ok(password)
}

/// Writes the file in one step; nobody but its owner can read it at any time.
fn keep(path: &Path, content: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.krun-{}", std::process::id()));
    // One that an interrupted run left.
    let _ = std::fs::remove_file(&temporary);
    let mut file = fs_err::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    fs_err::rename(&temporary, path)
}
