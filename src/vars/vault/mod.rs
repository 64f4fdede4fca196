//! What `ansible-vault` encrypts, read and written: whole files and single values, formats 1.1 and 1.2.

mod envelope;
mod password_file;
mod remembered;

use std::path::Path;

use envelope::Envelope;
use remembered::Remembered;
use secrecy::{ExposeSecret, SecretSlice, SecretString};

const HEADER: &str = "$ANSIBLE_VAULT";
/// The vault id of what was encrypted without one.
pub const DEFAULT_ID: &str = "default";

/// A password, as the bytes that keys are made from.
type Password = SecretSlice<u8>;

/// The passwords that may open what is encrypted, each under the vault id that it was given for.
#[derive(Clone, Debug, Default)]
pub struct VaultPasswords(Vec<(String, Password)>, Remembered);

/// What stood in a vault, and what it was encrypted with.
pub struct Opened<'a> {
    /// The content.
    pub plain: Vec<u8>,
    /// The vault id in its header.
    pub id: Option<String>,
    password: &'a Password,
}

/// Why something cannot be decrypted or encrypted.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Nobody gave a password.
    #[error("this is encrypted and no vault password is given")]
    NoPassword,
    /// None of the passwords fits.
    #[error("none of the vault passwords opens this{}", id.as_ref().map(|id| format!(" (encrypted for the vault id `{id}`)")).unwrap_or_default())]
    WrongPassword {
        /// The vault id in its header.
        id: Option<String>,
    },
    /// It was cut, edited, or never was a vault.
    #[error("this is not a vault that can be read: {0}")]
    Malformed(&'static str),
    /// It is no vault.
    #[error("this is not encrypted")]
    NotEncrypted,
    /// It is a vault already.
    #[error("this is encrypted already")]
    AlreadyEncrypted,
    /// There is no password for this vault id.
    #[error("no password is given for the vault id `{wanted}`; those given are for {}", given.join(", "))]
    NoSuchId {
        /// The vault id to encrypt with.
        wanted: String,
        /// Those that have passwords.
        given: Vec<String>,
    },
    /// Several passwords, and nobody said which one encrypts.
    #[error("there are vault passwords for {}, and only one can encrypt", given.join(", "))]
    ManyIds {
        /// Those that have passwords.
        given: Vec<String>,
    },
    /// The name of a vault id would break the header.
    #[error("`{0}` is no vault id: it must not have `;`, a blank or a line's end in it")]
    BadId(String),
    /// OpenSSL or the system's random numbers failed.
    #[error("cannot encrypt: {0}")]
    Broken(String),
    /// The password file cannot be used.
    #[error("cannot read the vault password file `{file}`: {reason}")]
    PasswordFile {
        /// The file's name as given.
        file: String,
        /// What is wrong with it.
        reason: String,
        /// What to do about it.
        help: &'static str,
    },
}

impl VaultError {
    /// What the user can do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoPassword => "give it with --vault-password-file FILE or --ask-vault-pass",
            Self::WrongPassword { .. } => "check the password, or give the right one with --vault-password-file FILE",
            Self::Malformed(_) => "encrypt it again, or restore it from where it was copied",
            Self::NotEncrypted => "encrypted files begin with $ANSIBLE_VAULT; `krun vault encrypt FILE` makes one",
            Self::AlreadyEncrypted => {
                "for another password there is `krun vault rekey`, to change the content `krun vault edit`"
            }
            Self::NoSuchId { .. } => "give its password with --vault-id ID@FILE",
            Self::ManyIds { .. } => "say which one with --encrypt-vault-id ID",
            Self::BadId(_) => "letters, digits, `-` and `_` are good",
            Self::Broken(_) => "nothing was written; try again",
            Self::PasswordFile { help, .. } => help,
        }
    }
}

impl VaultPasswords {
    /// Adds a password; Ansible's id for one that was given without is `default`.
    pub fn add(&mut self, id: &str, password: SecretString) {
        self.add_bytes(id, password.expose_secret().as_bytes().to_vec().into());
    }

    fn add_bytes(&mut self, id: &str, password: Password) {
        self.0.push((id.to_owned(), password));
    }

    /// Adds the password that a file holds, or that it prints when it is a program. Ansible's rules hold: blanks and line
    /// ends around a file's text do not count, the file may be encrypted with a password that was added before, and
    /// a program whose name ends with `-client` is called with `--vault-id ID`.
    ///
    /// # Errors
    /// The file cannot be read, is empty, or the program fails.
    pub fn add_file(&mut self, id: Option<&str>, path: &Path) -> Result<(), VaultError> {
        let password = password_file::read(path, id, self)?;
        self.add_bytes(id.filter(|id| !id.is_empty()).unwrap_or(DEFAULT_ID), password);
        Ok(())
    }

    /// The passwords, and the values of all that was opened with them: nothing of it may be written down.
    pub fn secrets(&self) -> Vec<String> {
        let passwords = self.0.iter();
        let passwords = passwords.map(|(_, password)| String::from_utf8_lossy(password.expose_secret()).into_owned());
        passwords.chain(self.1.values()).collect()
    }

    /// Keeps a text out of what is written down: what a person has typed that nobody is to see.
    pub fn remember(&self, text: &str) {
        self.1.add(text);
    }

    /// How many texts were opened or are to be remembered.
    pub fn opened(&self) -> usize {
        self.1.count()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The password that encrypts, and its vault id: the one that is wanted, or the only one there is.
    ///
    /// # Errors
    /// There is none, there are several, or none for the wanted id.
    pub fn to_encrypt(&self, wanted: Option<&str>) -> Result<Key<'_>, VaultError> {
        let given = || {
            let mut ids: Vec<_> = self.0.iter().map(|(id, _)| format!("`{id}`")).collect();
            ids.dedup();
            ids
        };
        let found = match (wanted, self.0.as_slice()) {
            (_, []) => return Err(VaultError::NoPassword),
            (Some(wanted), all) => all
                .iter()
                .find(|(id, _)| id == wanted)
                .ok_or_else(|| VaultError::NoSuchId {
                    wanted: wanted.to_owned(),
                    given: given(),
                })?,
            (None, [only]) => only,
            (None, _) => return Err(VaultError::ManyIds { given: given() }),
        };
        Key::new(Some(&found.0), &found.1)
    }

    /// The passwords in the order in which they are tried: those of the wanted id first.
    fn candidates(&self, id: Option<&str>) -> impl Iterator<Item = &Password> {
        let wanted = move |entry: &&(String, Password)| id.is_some_and(|id| entry.0 == id);
        let others = move |entry: &&(String, Password)| id.is_none_or(|id| entry.0 != id);
        self.0
            .iter()
            .filter(wanted)
            .chain(self.0.iter().filter(others))
            .map(|(_, password)| password)
    }
}

/// What encrypts: a password and the vault id that stands in the header.
pub struct Key<'a> {
    id: Option<String>,
    password: &'a Password,
}

impl<'a> Key<'a> {
    fn new(id: Option<&str>, password: &'a Password) -> Result<Self, VaultError> {
        let id = id.filter(|id| !id.is_empty() && *id != DEFAULT_ID);
        match id {
            Some(id) if id.contains(|letter: char| letter == ';' || letter.is_whitespace() || letter.is_control()) => {
                Err(VaultError::BadId(id.to_owned()))
            }
            id => Ok(Self {
                id: id.map(ToOwned::to_owned),
                password,
            }),
        }
    }

    /// The vault that holds the content, as `ansible-vault` writes it: 1.2 with a vault id, 1.1 without.
    ///
    /// # Errors
    /// The content is a vault already.
    pub fn encrypt(&self, plain: &[u8]) -> Result<String, VaultError> {
        if plain.starts_with(HEADER.as_bytes()) {
            return Err(VaultError::AlreadyEncrypted);
        }
        Envelope::seal(plain, self.password, self.id.clone()).map(|envelope| envelope.to_text())
    }
}

impl<'a> Opened<'a> {
    /// What it was encrypted with.
    ///
    /// # Errors
    /// Its vault id cannot be written.
    pub fn key(&self) -> Result<Key<'a>, VaultError> {
        Key::new(self.id.as_deref(), self.password)
    }
}

/// True for a text that `ansible-vault` made.
pub fn is_encrypted(text: &str) -> bool {
    text.trim_start().starts_with(HEADER)
}

/// The plain text of what `ansible-vault` made.
///
/// # Errors
/// No password opens it, it is damaged, or no text stands in it.
pub fn decrypt(text: &str, passwords: &VaultPasswords) -> Result<String, VaultError> {
    let opened = open(text, passwords)?;
    let text = String::from_utf8(opened.plain).map_err(|_| VaultError::Malformed("its content is not UTF-8 text"))?;
    passwords.1.add(&text);
    Ok(text)
}

/// The content of what `ansible-vault` made, and what encrypted it.
///
/// # Errors
/// No password opens it, or it is damaged.
pub fn open<'a>(text: &str, passwords: &'a VaultPasswords) -> Result<Opened<'a>, VaultError> {
    let envelope = Envelope::parse(text)?;
    if passwords.is_empty() {
        return Err(VaultError::NoPassword);
    }
    let mut candidates = passwords.candidates(envelope.id.as_deref());
    let found = candidates.find_map(|password| match envelope.open(password) {
        Ok(plain) => plain.map(|plain| Ok((plain, password))),
        Err(error) => Some(Err(error)),
    });
    drop(candidates);
    match found.transpose()? {
        Some((plain, password)) => Ok(Opened {
            plain,
            id: envelope.id,
            password,
        }),
        None => Err(VaultError::WrongPassword { id: envelope.id }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by ansible-vault with the password of [`passwords`].
    const VERSION_1_1: &str = "$ANSIBLE_VAULT;1.1;AES256
        62626165323335646538613238303337376330333731636532393532306535353933323836303461
        3931623832393239356435336434356365653261353264620a633835613538353236643164313665
        33303632363937353565663263333731376563336161663364363231356661626164343264303462
        3861303462623662310a626263636139313164386139346663343030333834323463646665613038
        6661\n";
    const VERSION_1_2: &str = "$ANSIBLE_VAULT;1.2;AES256;dev
        36393830303433646336653666623339366264326463313039666365336335663130633065396166
        6662376432663462663530343562363531623935383566300a386230646439643333613838653063
        32373961303261643761636233633762353566623530303735333135306333393539393636313364
        3834663863323466340a313634306535663765623837613837383566343061313966323961393465
        6431\n";

    fn passwords(list: &[(&str, &str)]) -> VaultPasswords {
        let mut passwords = VaultPasswords::default();
        for (id, password) in list {
            passwords.add(id, SecretString::from(*password));
        }
        passwords
    }

    #[test]
    fn what_ansible_vault_encrypted_is_read() {
        let passwords = passwords(&[("default", "wrong"), ("dev", "correct horse")]);
        assert_eq!(decrypt(VERSION_1_1, &passwords).unwrap(), "s3cret {{ x }}");
        assert_eq!(decrypt(VERSION_1_2, &passwords).unwrap(), "other");
    }

    #[test]
    fn a_wrong_or_missing_password_is_said() {
        let error = decrypt(VERSION_1_2, &passwords(&[("default", "wrong")])).unwrap_err();
        assert!(error.to_string().contains("`dev`"), "{error}");
        assert!(matches!(
            decrypt(VERSION_1_1, &VaultPasswords::default()),
            Err(VaultError::NoPassword)
        ));
    }

    #[test]
    fn damage_is_an_error_and_never_a_value() {
        let passwords = passwords(&[("default", "correct horse")]);
        let flipped = VERSION_1_1.replace("6661\n", "6662\n");
        assert!(matches!(
            decrypt(&flipped, &passwords),
            Err(VaultError::WrongPassword { .. })
        ));
        for (from, to) in [
            ("6661\n", ""),
            ("6661\n", "666"),
            ("6661\n", "zz"),
            ("1.1", "2.0"),
            ("AES256", "AES"),
        ] {
            let damaged = VERSION_1_1.replace(from, to);
            assert!(decrypt(&damaged, &passwords).is_err(), "{to}");
        }
        for text in [
            "",
            "$ANSIBLE_VAULT",
            "$ANSIBLE_VAULT;1.1;AES256",
            "$ANSIBLE_VAULT;1.1;AES256\n0a0a",
        ] {
            assert!(decrypt(text, &passwords).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_encrypted_can_be_decrypted() {
        let passwords = passwords(&[("dev", "correct horse"), ("prod", "battery staple")]);
        for plain in [
            "",
            "x",
            "exactly 16 bytes",
            "k\u{e4}se: {{ x }}\n",
            &"long ".repeat(100),
        ] {
            for (id, header) in [
                ("dev", "$ANSIBLE_VAULT;1.2;AES256;dev\n"),
                ("prod", "$ANSIBLE_VAULT;1.2;AES256;prod\n"),
            ] {
                let vault = passwords
                    .to_encrypt(Some(id))
                    .unwrap()
                    .encrypt(plain.as_bytes())
                    .unwrap();
                assert!(
                    vault.starts_with(header) && vault.lines().all(|line| line.len() <= 80),
                    "{vault}"
                );
                let opened = open(&vault, &passwords).unwrap();
                assert_eq!(
                    (opened.plain.as_slice(), opened.id.as_deref()),
                    (plain.as_bytes(), Some(id))
                );
                let again = opened.key().unwrap().encrypt(b"again").unwrap();
                assert_eq!(decrypt(&again, &passwords).unwrap(), "again");
            }
        }
    }

    #[test]
    fn without_an_id_the_format_is_1_1_and_no_two_are_alike() {
        let passwords = passwords(&[("default", "correct horse")]);
        let key = passwords.to_encrypt(None).unwrap();
        let (first, second) = (key.encrypt(b"x").unwrap(), key.encrypt(b"x").unwrap());
        assert!(
            first.starts_with("$ANSIBLE_VAULT;1.1;AES256\n") && first.ends_with('\n'),
            "{first}"
        );
        assert_ne!(first, second);
    }

    #[test]
    fn what_encrypts_must_be_clear() {
        let two = passwords(&[("dev", "a"), ("prod", "b")]);
        let said = |result: Result<Key<'_>, VaultError>| result.err().unwrap().to_string();
        assert!(said(two.to_encrypt(None)).contains("`dev`, `prod`"));
        assert!(said(two.to_encrypt(Some("test"))).contains("`test`"));
        assert!(said(passwords(&[("a;b", "x")]).to_encrypt(None)).contains("no vault id"));
        assert!(said(passwords(&[]).to_encrypt(None)).contains("no vault password"));
        let key = two.to_encrypt(Some("dev")).unwrap();
        assert!(matches!(
            key.encrypt(VERSION_1_1.as_bytes()),
            Err(VaultError::AlreadyEncrypted)
        ));
    }
}
