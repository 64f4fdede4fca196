use super::attributes::Attributes;
use super::content::Content;
use super::found::{Besides, Found, Query};
use super::install::{FilePlan, Wanted};
use crate::modules::args::Text;
use crate::modules::{Context, Failure, Pending, State};

/// Contents up to so many bytes come with the answer to the question about the file.
const IN_ANSWER: u64 = 1024 * 1024;

/// Larger files are not edited: they are held in memory here, once for each host in flight.
const LARGEST: u64 = 64 * 1024 * 1024;

/// What Ansible's modules call a change of mode, owner or group.
const ATTRIBUTES_CHANGED: &str = "ownership, perms or SE linux context changed";

/// A text file of the node, to be edited on this machine.
pub struct Original {
    found: Found,
    content: Option<Vec<u8>>,
}

/// How an edited file is put in place.
pub struct Installation {
    /// Owner, group and mode.
    pub attributes: Attributes,
    /// Keep what was there under another name.
    pub backup: bool,
    /// A command that has to accept the new file.
    pub validate: Option<Text>,
}

impl Original {
    /// Looks at the file and gets its content; one exchange, with a large file one more and the content.
    ///
    /// A symbolic link stands for what it points to.
    pub fn read(context: &mut Context<'_>, path: &str) -> Result<Self, Failure> {
        Self::read_with(context, path, None)
    }

    /// The same, with a question of the module's own; see [`Original::answer`].
    pub fn read_with(context: &mut Context<'_>, path: &str, besides: Option<Besides<'_>>) -> Result<Self, Failure> {
        let query = Query {
            follow: true,
            checksum: "sha256",
            content_limit: IN_ANSWER,
            ..Query::default()
        };
        let mut found = match besides {
            Some(besides) => query
                .ask_with(context, besides, &[path])?
                .pop()
                .ok_or_else(|| Failure::new("no path was asked about"))?,
            None => query.ask(context, path)?,
        };
        if !found.exists() {
            return Ok(Self { found, content: None });
        }
        if found.is_directory() {
            return Err(Failure::new(format!("{} is a directory on the node", found.path))
                .help("give the full path of a file")
                .with("rc", 256));
        }
        let Some(checksum) = found.checksum().map(ToOwned::to_owned) else {
            return Err(
                Failure::new(format!("{} is no file that can be read on the node", found.path))
                    .help("set `become: true` if it is readable for another user only"),
            );
        };
        let content = match found.content.clone() {
            Some(content) => content,
            None => download(context, &found)?,
        };
        let content = Content::Bytes(content);
        if content.digests()?.sha256 != checksum {
            return Err(Failure::new(format!("{} was changed while it was read", found.path))
                .help("run this again; if it fails again, something on the node writes this file all the time"));
        }
        let Content::Bytes(content) = content else {
            return Err(Failure::new("the content is not in memory"));
        };
        // For the diff, also where it did not come with the answer.
        found.content = context.diff.then(|| content.clone());
        Ok(Self {
            found,
            content: Some(content),
        })
    }

    /// What the module's own question was answered with.
    pub fn answer(&self, key: &str) -> Option<&str> {
        self.found.text(key)
    }

    /// Where it is, with links and the home directory resolved.
    pub fn path(&self) -> &str {
        &self.found.path
    }

    /// What is in it; none when it does not exist.
    pub fn content(&self) -> Option<&[u8]> {
        self.content.as_deref()
    }

    /// The failure of a module that needs it to be there.
    pub fn missing(&self) -> Failure {
        Failure::new(format!("{} does not exist on the node", self.path())).with("rc", 257)
    }

    /// Compares with what it is to be; `message` names the change of its content.
    pub fn compare(
        self,
        context: &Context<'_>,
        content: Vec<u8>,
        message: &str,
        installation: Installation,
    ) -> Result<State<FilePlan>, Failure> {
        let is_new = self.content.is_none();
        let is_edited = self.content.as_ref() != Some(&content);
        let source = self.found.path.clone();
        let wanted = Wanted {
            content: Content::Bytes(content),
            attributes: installation.attributes,
            backup: installation.backup,
            validate: installation.validate,
            force: true,
            make_parent: Some(None),
            source,
        };
        Ok(match wanted.compare(context, self.found)? {
            State::Satisfied(outcome) => State::Satisfied(outcome.with("msg", "")),
            State::Pending(pending) => State::Pending(describe(pending, message, is_new, is_edited)),
            unknown @ State::Unknown { .. } => unknown,
        })
    }
}

/// Names the changes as the module does.
fn describe(mut pending: Pending<FilePlan>, message: &str, is_new: bool, is_edited: bool) -> Pending<FilePlan> {
    if let Some(first) = pending.changes.first_mut()
        && is_edited
        && !is_new
    {
        message.clone_into(first);
    }
    let only_content = is_edited && pending.changes.len() == 1;
    let text = match (is_edited, only_content) {
        (true, true) => message.to_owned(),
        (true, false) => format!("{message} and {ATTRIBUTES_CHANGED}"),
        _ => ATTRIBUTES_CHANGED.to_owned(),
    };
    pending.result.insert("msg".to_owned(), text.clone().into());
    pending.plan = pending.plan.with("msg", text);
    pending
}

fn download(context: &mut Context<'_>, found: &Found) -> Result<Vec<u8>, Failure> {
    let size = found.number("size");
    if size > LARGEST {
        return Err(Failure::new(format!(
            "{} has {size} bytes; files of more than {LARGEST} are not edited",
            found.path
        ))
        .help("use the `command` module with a program of the node"));
    }
    let mut content = Vec::new();
    context.download(&found.path, &mut content)?;
    Ok(content)
}
