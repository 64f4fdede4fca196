use minijinja::{Error, Value};
use sha_crypt::{Sha256Params, Sha512Params, sha256_crypt_b64, sha512_crypt_b64};

use crate::template::arguments::{Arguments, More, refusal};
use crate::template::chance::draw;
use crate::template::registry::Registry;

/// Characters of a salt.
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./";

/// As many characters of a salt count.
const SALT: usize = 16;

/// What is not said in a hash.
const ROUNDS: usize = 5_000;

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("password_hash", |value: &Value, values: More| {
        let names = ["hashtype", "salt", "salt_size", "rounds", "ident"];
        let arguments = Arguments::read("password_hash", &names, values)?;
        if arguments.get("salt_size").is_some() || arguments.get("ident").is_some() {
            return Err(refusal("`password_hash`: krun has no `salt_size` and no `ident`"));
        }
        let kind = arguments.text("hashtype").unwrap_or_else(|| "sha512".to_owned());
        let rounds = arguments.count("rounds", ROUNDS)?;
        let rounds = arguments.get("rounds").map(|_| rounds);
        password_hash(&value.to_string(), &kind, arguments.text("salt").as_deref(), rounds)
    });
}

/// A password as /etc/shadow has it.
pub(in crate::template) fn password_hash(
    password: &str,
    kind: &str,
    salt: Option<&str>,
    rounds: Option<usize>,
) -> Result<String, Error> {
    let salt = match salt {
        Some(salt) => salt.to_owned(),
        None => random_salt()?,
    };
    if salt.is_empty() || salt.len() > SALT || !salt.bytes().all(|byte| LETTERS.contains(&byte)) {
        return Err(refusal(format!(
            "`password_hash`: a salt is 1 to {SALT} letters, digits, dots and slashes"
        )));
    }
    let wrong = || refusal("`password_hash`: `rounds` is a number from 1000 to 999999999");
    let count = rounds.unwrap_or(ROUNDS);
    let (prefix, hash) = match kind {
        "sha512" | "sha512_crypt" => {
            let params = Sha512Params::new(count).map_err(|_| wrong())?;
            ("6", sha512_crypt_b64(password.as_bytes(), salt.as_bytes(), &params))
        }
        "sha256" | "sha256_crypt" => {
            let params = Sha256Params::new(count).map_err(|_| wrong())?;
            ("5", sha256_crypt_b64(password.as_bytes(), salt.as_bytes(), &params))
        }
        other => {
            return Err(refusal(format!(
                "`password_hash`: krun has sha512 and sha256, not `{other}`"
            )));
        }
    };
    let hash = hash.map_err(|_| wrong())?;
    let rounds = rounds.map(|rounds| format!("rounds={rounds}$")).unwrap_or_default();
    Ok(format!("${prefix}${rounds}{salt}${hash}"))
}

/// A salt that nobody can guess.
pub(in crate::template) fn random_salt() -> Result<String, Error> {
    let mut bytes = [0; SALT];
    draw(&mut bytes)?;
    Ok(bytes
        .iter()
        .filter_map(|byte| LETTERS.get(usize::from(*byte) % LETTERS.len()))
        .map(|byte| char::from(*byte))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `openssl passwd -6 -salt saltsalt secret` and `-5` say.
    #[test]
    fn hashes_are_those_of_crypt() {
        for (kind, flag) in [("sha512", "-6"), ("sha256_crypt", "-5")] {
            let output = std::process::Command::new("openssl")
                .args(["passwd", flag, "-salt", "saltsalt", "secret"])
                .output()
                .unwrap();
            let expected = String::from_utf8(output.stdout).unwrap();
            assert_eq!(
                password_hash("secret", kind, Some("saltsalt"), None).unwrap(),
                expected.trim()
            );
        }
        let rounds = password_hash("secret", "sha512", Some("saltsalt"), Some(1000)).unwrap();
        assert!(rounds.starts_with("$6$rounds=1000$saltsalt$"), "{rounds}");
    }

    #[test]
    fn salts_are_drawn_and_mistakes_told() {
        let hash = || password_hash("secret", "sha512", None, None).unwrap();
        assert_ne!(hash(), hash());
        for (kind, salt, rounds) in [
            ("bcrypt", "a", None),
            ("sha512", "a b", None),
            ("sha512", "a", Some(10)),
        ] {
            assert!(password_hash("secret", kind, Some(salt), rounds).is_err());
        }
    }
}
