//! What is to be run, for whichever scheduler.

use super::mark::Header;
use super::when::When;

/// A part of the command: its text, or a file that only the run may read, with the option in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// As it stands.
    Text(String),
    /// `--private-key=` and the place of a credential.
    File {
        /// What stands before the place.
        before: String,
        /// Name of the credential.
        id: String,
    },
}

/// A file with a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Its name for the run.
    pub id: String,
    /// Where it is.
    pub path: String,
}

/// How a run gets at credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialWay {
    /// By systemd, which hands a copy to this run alone.
    Loaded,
    /// Where they are.
    InPlace,
}

/// What is to be run, and how.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its name; files are called `krun-NAME`.
    pub name: String,
    /// What it does, in a few words.
    pub about: String,
    /// What its files begin with.
    pub header: Header,
    /// When it is run.
    pub when: When,
    /// Seconds by which a run may be put off, drawn anew each time.
    pub delay: u64,
    /// Seconds that a run may take.
    pub time_limit: u64,
    /// The current directory of the run.
    pub folder: String,
    /// Its environment.
    pub environment: Vec<(String, String)>,
    /// The command, the program first.
    pub command: Vec<Word>,
    /// Files with secrets that it needs.
    pub credentials: Vec<Credential>,
    /// A shell command for when a run has failed.
    pub on_failure: Option<String>,
}

impl Job {
    /// Where a credential is when it stays in its place.
    pub(super) fn place_of(&self, id: &str) -> &str {
        let found = self.credentials.iter().find(|credential| credential.id == id);
        found.map_or("", |credential| credential.path.as_str())
    }

    /// A crontab of the system's with this line.
    pub fn crontab(&self, line: &str) -> String {
        format!("{}\n{line}", self.header.text())
    }

    /// What files and the log are called.
    pub fn tag(&self) -> String {
        format!("krun-{}", self.name)
    }
}

/// Longest name of a schedule: Kubernetes allows `CronJob`s 52 letters, `krun-` included.
const LONGEST: usize = 47;

/// Whether schedules may be called so: names become those of files, of units and of Kubernetes objects.
pub fn is_name(name: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    (1..=LONGEST).contains(&name.len())
        && name.chars().all(|letter| is_letter(letter) || letter == '-')
        && name.starts_with(is_letter)
        && name.ends_with(is_letter)
        // The unit that runs a hook is called so.
        && !name.ends_with("-failed")
}

/// A name for a playbook's schedule, made of the file's.
pub fn name_of(stem: &str) -> String {
    let letters = stem.chars().map(|letter| {
        if letter.is_ascii_alphanumeric() {
            letter.to_ascii_lowercase()
        } else {
            '-'
        }
    });
    let name: String = letters.take(LONGEST).collect();
    name.trim_matches('-').to_owned()
}

/// Seconds in the largest unit that fits: `15min`.
pub fn span_text(seconds: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "d"), (3600, "h"), (60, "min")];
    let unit = UNITS
        .iter()
        .find(|(length, _)| seconds > 0 && seconds.is_multiple_of(*length));
    unit.map_or_else(
        || format!("{seconds}s"),
        |(length, unit)| format!("{}{unit}", seconds / length),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("backup", true)]
    #[case("backup-2", true)]
    #[case("b", true)]
    #[case("", false)]
    #[case("-b", false)]
    #[case("b-", false)]
    #[case("Backup", false)]
    #[case("a.b", false)]
    #[case("a/b", false)]
    #[case("a-failed", false)]
    fn names(#[case] name: &str, #[case] expected: bool) {
        assert_eq!(is_name(name), expected);
    }

    #[rstest]
    #[case("backup", "backup")]
    #[case("My_Backup.old", "my-backup-old")]
    #[case("_x_", "x")]
    fn names_of_files(#[case] stem: &str, #[case] expected: &str) {
        assert_eq!(name_of(stem), expected);
    }

    #[rstest]
    #[case(0, "0s")]
    #[case(90, "90s")]
    #[case(900, "15min")]
    #[case(21_600, "6h")]
    #[case(172_800, "2d")]
    fn spans(#[case] seconds: u64, #[case] expected: &str) {
        assert_eq!(span_text(seconds), expected);
    }
}
