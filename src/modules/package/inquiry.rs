use indexmap::{IndexMap, IndexSet};
use serde_json::{Map, Value};

use crate::connection::Output;
use crate::modules::Failure;

use super::versions;

/// How many of the versions that are there an error names.
const SHOWN_VERSIONS: usize = 12;

/// A package that the task names.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// As the task has it.
    pub written: String,
    /// The package's name.
    pub name: String,
    /// Its version, perhaps without the release; empty for any.
    pub version: String,
}

/// What the node knows of the packages.
#[derive(Debug, Default)]
pub struct Inquiry {
    /// `dnf`, `dnf5`, `yum` or `apt`.
    pub manager: String,
    /// The packages, their names as the node reads them.
    pub wanted: Vec<Wanted>,
    /// Versions that are installed.
    pub installed: IndexMap<String, String>,
    /// Versions that the repositories hold, where that was looked up.
    pub available: IndexMap<String, Vec<String>>,
    /// Packages that are held at their version.
    pub held: IndexSet<String>,
    /// The package lists are young enough.
    pub is_fresh: bool,
    /// What an upgrade of all packages would install, or a removal of unneeded ones remove: name and version.
    pub whole: Vec<String>,
    /// What the package manager complained about while it looked.
    complaint: String,
}

impl Inquiry {
    /// Reads the answer of query.sh.
    pub fn read(output: &Output) -> Result<Self, Failure> {
        let mut inquiry = Self {
            complaint: output.stderr_text().trim().to_owned(),
            ..Self::default()
        };
        for line in output.stdout_text().lines() {
            let words: Vec<&str> = line.split('\t').collect();
            match words.as_slice() {
                ["manager", manager] => (*manager).clone_into(&mut inquiry.manager),
                ["name", written, name, version] => inquiry.wanted.push(Wanted {
                    written: (*written).to_owned(),
                    name: (*name).to_owned(),
                    version: (*version).to_owned(),
                }),
                ["installed", name, version] => {
                    inquiry.installed.insert((*name).to_owned(), (*version).to_owned());
                }
                ["available", name, version] => {
                    let versions = inquiry.available.entry((*name).to_owned()).or_default();
                    // dnf writes the epoch 0 out, rpm leaves it away.
                    let version = version.strip_prefix("0:").unwrap_or(version).to_owned();
                    if !versions.contains(&version) {
                        versions.push(version);
                    }
                }
                ["fresh", _] => inquiry.is_fresh = true,
                ["whole", name, version] => inquiry.whole.push(format!("{name} {version}")),
                ["held", name] => {
                    inquiry.held.insert((*name).to_owned());
                }
                _ => {}
            }
        }
        if inquiry.manager == "none" {
            return Err(Failure::new("there is no package manager that krun knows on the node")
                .help("krun knows dnf, yum and apt-get; use the `command` module for another"));
        }
        for versions in inquiry.available.values_mut() {
            versions.sort_by(|left, right| versions::compare(left, right));
        }
        Ok(inquiry)
    }

    /// The newest version that is to be had and fits.
    pub fn newest(&self, wanted: &Wanted) -> Option<&str> {
        let fits = |version: &&String| wanted.version.is_empty() || versions::is_version(version, &wanted.version);
        let versions = self.available.get(&wanted.name)?;
        versions.iter().rev().find(fits).map(String::as_str)
    }

    /// Fails when the newest version is wanted and the repositories could not be asked: to say that all is well would be
    /// a guess.
    pub fn refuse_guess(&self, wanted: &Wanted, is_latest: bool) -> Result<(), Failure> {
        if !is_latest || self.available.contains_key(&wanted.name) || self.complaint.is_empty() {
            return Ok(());
        }
        Err(Failure::new(format!(
            "the newest version of {} is not known: {} said: {}",
            wanted.name, self.manager, self.complaint
        )))
    }

    /// Installed versions by name.
    pub fn versions(&self) -> Map<String, Value> {
        let pair = |(name, version): (&String, &String)| (name.clone(), Value::from(version.as_str()));
        self.installed.iter().map(pair).collect()
    }

    /// The failure for a version that no repository holds.
    pub fn missing(&self, wanted: &Wanted) -> Failure {
        let Wanted { name, version, .. } = wanted;
        let message = format!("no repository of the node holds {name} {version}");
        let failure = match self.available.get(name) {
            Some(versions) => {
                let newest = versions.iter().rev().take(SHOWN_VERSIONS);
                let list: Vec<&str> = newest.map(String::as_str).collect();
                let more = versions.len().saturating_sub(SHOWN_VERSIONS);
                let more = if more > 0 { format!(" and {more} older") } else { String::new() };
                Failure::new(message)
                    .help(format!("these are there: {}{more}; is the right repository set up (`yum-repo`)?", list.join(", ")))
                    .with("available", versions.clone())
            }
            None if self.complaint.is_empty() => Failure::new(message).help(format!(
                "they hold no version of {name} at all: set the repository up (`yum-repo`), or name it in `disable_excludes` when its `exclude` line hides the package"
            )),
            None => Failure::new(format!("{message}: {} said: {}", self.manager, self.complaint)),
        };
        failure.with("installed", Value::Object(self.versions()))
    }
}

/// The `installed` lines of a script's answer.
pub fn installed(output: &Output) -> IndexMap<String, String> {
    let text = output.stdout_text();
    let line = |line: &str| {
        let mut words = line.strip_prefix("installed\t")?.split('\t');
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    text.lines().filter_map(line).collect()
}

/// Adds the way out to failures that package managers word badly.
pub fn explain(failure: Failure) -> Failure {
    let said = failure.message.to_lowercase();
    let help = [
        (
            "no such command: versionlock",
            "install the versionlock plugin (dnf-plugin-versionlock, yum-plugin-versionlock), or leave `hold` out",
        ),
        (
            "dpkg was interrupted",
            "run `dpkg --configure -a` on the node, then this again",
        ),
        ("no space left", "make room on the node's disk"),
        (
            "held the lock",
            "wait for the other package manager to end, or raise `lock_timeout`",
        ),
        (
            "could not get lock",
            "wait for the other package manager to end, or raise `lock_timeout`",
        ),
        (
            "gpg",
            "set the repository's `gpgkey`, or switch its check off (`gpgcheck: false`, `disable_gpg_check: true`)",
        ),
        ("are you root", "set `become: true`"),
        ("superuser", "set `become: true`"),
        ("permission denied", "set `become: true`"),
    ];
    match help.iter().find(|(sign, _)| said.contains(sign)) {
        Some((_, help)) => failure.help(*help),
        None => failure,
    }
}
