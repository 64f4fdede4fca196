use super::attributes::{Attributes, mode_word, octal};
use super::content::Content;
use super::found::{Found, Query};
use crate::connection::{Request, Script};
use crate::modules::args::{Mode, Text};
use crate::modules::{ArgumentError, Context, Diff, Failure, Outcome, Pending, State};

const INSTALL: Script = Script {
    name: "remote_file/install",
    text: include_str!("install.sh"),
};

const MAKE_DIRECTORY: Script = Script {
    name: "remote_file/make_directory",
    text: include_str!("make_directory.sh"),
};

/// Permission bits of a new file before the umask.
const NEW_FILE: u32 = 0o666;

/// The longest content that is shown as a diff, in bytes.
pub(in crate::modules) const DIFF_LIMIT: u64 = 100 * 1024;

/// A file as it is to be on the node.
pub struct Wanted {
    pub content: Content,
    pub attributes: Attributes,
    /// Keep what was there under another name.
    pub backup: bool,
    /// A command that has to accept the new file before it is put in place; `%s` stands for its path.
    pub validate: Option<Text>,
    /// Replace a file that has another content.
    pub force: bool,
    /// Make the directory that the file is to be in, with this mode if any.
    pub make_parent: Option<Option<Mode>>,
    /// The name of the source, for diffs.
    pub source: String,
}

/// What has to be done to a file.
pub struct FilePlan {
    wanted: Wanted,
    found: Found,
    sha256: String,
    size: u64,
    result: Outcome,
    write: bool,
    with: Option<Along>,
}

/// A module's own steps that travel with a new content.
#[derive(Clone)]
struct Along {
    script: Script,
    words: Vec<String>,
    /// What both are about, for failures.
    what: String,
}

impl Wanted {
    /// The question that [`Wanted::compare`] needs the answer of.
    pub fn query(context: &Context<'_>, follow: bool) -> Query<'static> {
        Query {
            follow,
            checksum: "sha256",
            content_limit: if context.diff { DIFF_LIMIT } else { 0 },
            ..Query::default()
        }
    }

    /// Compares with what is there.
    pub fn compare(self, context: &Context<'_>, found: Found) -> Result<State<FilePlan>, Failure> {
        if found.is_directory() || (found.leads_to_directory() && !found.is_regular()) {
            return Err(Failure::new(format!("{} is a directory on the node", found.path))
                .help("give the full path of the file, or remove the directory first"));
        }
        let digests = self.content.digests()?;
        let same = found.checksum() == Some(digests.sha256.as_str());
        let write = !found.exists() || (!same && self.force);
        let mut result = Outcome::ok()
            .with("dest", found.path.clone())
            .with("path", found.path.clone());
        if let Some(sha1) = digests.sha1 {
            result = result.with("checksum", sha1);
        }
        let mut changes = if found.exists() {
            self.attributes.differences(&found)
        } else {
            vec!["new file".to_owned()]
        };
        if write && found.exists() {
            changes.insert(0, "content".to_owned());
        }
        if changes.is_empty() {
            return Ok(State::Satisfied(
                result
                    .with("mode", octal(found.mode()))
                    .with("owner", found.text("owner").unwrap_or_default())
                    .with("group", found.text("group").unwrap_or_default())
                    .with("size", found.number("size")),
            ));
        }
        let diff = if write && context.diff {
            self.diff(&found, digests.size)?
        } else {
            None
        };
        let shown = result.result.clone();
        let plan = FilePlan {
            wanted: self,
            found,
            sha256: digests.sha256,
            size: digests.size,
            result,
            write,
            with: None,
        };
        let mut pending = Pending::new(plan, changes);
        pending.result = shown;
        pending.diff.extend(diff);
        Ok(pending.into())
    }

    /// Contents before and after, when both are short texts.
    fn diff(&self, found: &Found, size: u64) -> Result<Option<Diff>, Failure> {
        if size > DIFF_LIMIT || matches!(self.content, Content::OnNode { .. }) {
            return Ok(None);
        }
        let mut after = Vec::new();
        self.content
            .open()?
            .read_to_end(&mut after)
            .map_err(|error| Failure::new(format!("reading {}: {error}", self.source)))?;
        let before = match (&found.content, found.exists() && found.number("size") > 0) {
            (Some(content), _) => content.clone(),
            (None, false) => Vec::new(),
            (None, true) => return Ok(None),
        };
        Ok(match (String::from_utf8(before), String::from_utf8(after)) {
            (Ok(before), Ok(after)) => Some(Diff {
                before_header: found.path.clone(),
                after_header: self.source.clone(),
                before,
                after,
            }),
            _ => None,
        })
    }
}

impl FilePlan {
    /// Adds a value to the result.
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.result = self.result.with(name, value);
        self
    }

    /// Has a module's own steps travel with the new content: a script with install.sh in it, which takes its words off the
    /// list first. They are not taken where only owner, group or mode change. `what` is what a failure is about.
    pub fn along_with(mut self, script: Script, words: Vec<String>, what: String) -> Self {
        self.with = Some(Along { script, words, what });
        self
    }

    /// Makes it so: one exchange and the payload.
    pub fn apply(self, context: &mut Context<'_>) -> Result<Outcome, Failure> {
        let mut outcome = self.result.clone();
        outcome.changed = true;
        if self.write {
            if let Some(backup) = self.write(context)? {
                outcome = outcome.with("backup_file", backup);
            }
        } else {
            self.wanted.attributes.set(context, &self.found)?;
        }
        Ok(outcome)
    }

    fn write(&self, context: &mut Context<'_>) -> Result<Option<String>, Failure> {
        let path = &self.found.path;
        let (directory, name) = path
            .rsplit_once('/')
            .map_or((".", path.as_str()), |(directory, name)| (directory, name));
        if !self.found.has_parent() {
            let Some(mode) = self.wanted.make_parent.clone() else {
                return Err(
                    Failure::new(format!("the directory {directory} does not exist on the node"))
                        .help("make it first with the `file` module (`state: directory`)"),
                );
            };
            let attributes = Attributes {
                mode,
                ..Attributes::default()
            };
            make_directories(context, &attributes, self.found.umask(), &[directory.to_owned()])?;
        }
        let temporary = format!("{directory}/.{name}.krun-{}", context.random_word()?);
        let (source, stdin) = self.send(context, &temporary)?;
        let Along {
            script,
            mut words,
            what,
        } = self.with.clone().unwrap_or_else(|| Along {
            script: INSTALL,
            words: Vec::new(),
            what: format!("writing {path}"),
        });
        words.extend([
            temporary.clone(),
            path.clone(),
            self.sha256.clone(),
            source,
            mode_word(self.mode()),
        ]);
        words.extend(self.owners());
        words.push(if self.wanted.backup { "yes" } else { "no" }.to_owned());
        words.extend(validation(self.wanted.validate.as_ref(), &temporary)?);
        let limit = context.remaining()?;
        let output = context.request(Request::new(script, words).with_stdin(stdin).with_timeout(limit))?;
        if !output.success() {
            return Err(Failure::of_program(&what, &output));
        }
        Ok(output.pairs().get("backup").cloned())
    }

    /// Where the install script finds the content, and what it reads on standard input.
    fn send(&self, context: &mut Context<'_>, temporary: &str) -> Result<(String, Vec<u8>), Failure> {
        if let Content::OnNode { path, .. } = &self.wanted.content {
            return Ok((path.clone(), Vec::new()));
        }
        let mut source = self.wanted.content.open()?;
        if !Content::is_small(self.size) {
            context.upload(&mut source, temporary)?;
            return Ok(("uploaded".to_owned(), Vec::new()));
        }
        let mut bytes = Vec::new();
        source
            .read_to_end(&mut bytes)
            .map_err(|error| Failure::new(format!("reading {}: {error}", self.wanted.source)))?;
        Ok(("stdin".to_owned(), bytes))
    }

    /// The mode that is asked for, or else that of the file that is replaced, or else that of a new one.
    fn mode(&self) -> u32 {
        let umask = self.found.umask();
        let current = if self.found.is_regular() {
            self.found.mode()
        } else {
            NEW_FILE & !umask
        };
        self.wanted
            .attributes
            .mode_for(current, false, umask)
            .unwrap_or(current)
    }

    /// Owner and group: those that are asked for, or else those of the file that is replaced.
    fn owners(&self) -> [String; 2] {
        let keep = |wanted: &Option<Text>, key: &str| match wanted {
            Some(wanted) => wanted.0.clone(),
            None if self.found.is_regular() => self.found.text(key).unwrap_or_default().to_owned(),
            None => String::new(),
        };
        [
            keep(&self.wanted.attributes.owner, "uid"),
            keep(&self.wanted.attributes.group, "gid"),
        ]
    }
}

/// Makes directories with their parents; one exchange.
pub(in crate::modules) fn make_directories(
    context: &mut Context<'_>,
    attributes: &Attributes,
    umask: u32,
    paths: &[String],
) -> Result<(), Failure> {
    let mode = attributes.mode_for(0o777 & !umask, true, umask);
    let mode = mode.map_or_else(String::new, mode_word);
    let output = context.run(MAKE_DIRECTORY, std::iter::once(mode).chain(paths.iter().cloned()))?;
    if output.success() {
        Ok(())
    } else {
        let first = paths.first().map_or("", |path| path);
        Err(Failure::of_program(&format!("making the directory {first}"), &output))
    }
}

/// The words of the validation command for a file.
fn validation(validate: Option<&Text>, file: &str) -> Result<Vec<String>, Failure> {
    let Some(text) = validate else { return Ok(Vec::new()) };
    let words = shlex::split(text).ok_or_else(|| Failure::new("a quote is not closed in `validate`"))?;
    Ok(words.into_iter().map(|word| word.replace("%s", file)).collect())
}

/// Only a file that is copied has a mode that could be kept.
pub(in crate::modules) fn refuse_preserve(mode: Option<&Mode>) -> Result<(), ArgumentError> {
    match mode {
        Some(mode) if &**mode == "preserve" => Err(ArgumentError::option(
            "mode",
            "`preserve` is for `copy`; give the mode of the file",
        )),
        _ => Ok(()),
    }
}

/// Finds a validation command that cannot work, before the run.
pub(in crate::modules) fn check_validation(validate: Option<&Text>) -> Result<(), ArgumentError> {
    match validate {
        Some(text) if !text.contains("%s") => Err(ArgumentError::option(
            "validate",
            "the command must contain %s, which stands for the new file",
        )),
        Some(text) if shlex::split(text).is_none() => Err(ArgumentError::option(
            "validate",
            "a quote or a backslash is not closed in the command",
        )),
        _ => Ok(()),
    }
}
