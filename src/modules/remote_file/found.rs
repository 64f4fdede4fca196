use indexmap::IndexMap;

use crate::connection::{Output, Script};
use crate::modules::{Context, Failure};

/// Also lists which attributes occur below a directory.
const QUERY_TREE: Script = Script {
    name: "remote_file/query_tree",
    text: concat!(include_str!("query.sh"), include_str!("entries.sh")),
};

const QUERY: Script = Script {
    name: "remote_file/query",
    text: include_str!("query.sh"),
};

/// What a question about files asks for beside their attributes.
#[derive(Clone, Copy, Default)]
pub(in crate::modules) struct Query<'a> {
    /// A symbolic link stands for what it points to.
    pub follow: bool,
    /// The algorithm of the checksum (`sha256`); empty for none.
    pub checksum: &'a str,
    /// The first path's content is wanted when it has at most so many bytes.
    pub content_limit: u64,
    /// When the first path is a directory, the file of this name in it is meant.
    pub name_in_directory: &'a str,
    /// The time of the last access is wanted.
    pub accessed: bool,
    /// The attributes of everything below the last path are wanted (see [`Found::entries`]).
    pub entries: bool,
}

/// A question of a module's own that travels together with the one about its file.
#[derive(Clone, Copy)]
pub(in crate::modules) struct Besides<'a> {
    /// The module's script, which takes its words off the list and prints `key=value` lines, with query.sh behind it.
    pub script: Script,
    /// The words for it.
    pub words: &'a [&'a str],
}

impl Query<'_> {
    /// Asks about several paths; one exchange.
    pub fn ask_all(&self, context: &mut Context<'_>, paths: &[&str]) -> Result<Vec<Found>, Failure> {
        let script = if self.entries { QUERY_TREE } else { QUERY };
        self.ask_with(context, Besides { script, words: &[] }, paths)
    }

    /// The same, and a question of the module's own, whose answer the first path's [`Found::text`] holds.
    pub fn ask_with(
        &self,
        context: &mut Context<'_>,
        besides: Besides<'_>,
        paths: &[&str],
    ) -> Result<Vec<Found>, Failure> {
        if let Some(path) = paths.iter().find(|path| path.contains('\n')) {
            return Err(Failure::new(format!("the path {path:?} holds a line break")));
        }
        let limit = self.content_limit.to_string();
        let words = [
            if self.follow { "yes" } else { "no" },
            self.checksum,
            &limit,
            self.name_in_directory,
            if self.accessed { "yes" } else { "no" },
        ];
        let output = context.run(besides.script, besides.words.iter().chain(&words).chain(paths).copied())?;
        let what = paths.first().copied().unwrap_or_default();
        if !output.success() {
            return Err(Failure::of_program(&format!("looking at {what}"), &output));
        }
        let found = parse(&output);
        if found.len() == paths.len() {
            Ok(found)
        } else {
            Err(Failure::new(format!("the node's answer about {what} is incomplete")))
        }
    }

    /// Asks about one path; one exchange.
    pub fn ask(&self, context: &mut Context<'_>, path: &str) -> Result<Found, Failure> {
        let mut found = self.ask_all(context, &[path])?;
        found.pop().ok_or_else(|| Failure::new("no path was asked about"))
    }
}

/// What is known of one path on the node.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The path, with the home directory, the name in the directory and links resolved.
    pub path: String,
    /// The content, when it was asked for and is not larger than the limit.
    pub content: Option<Vec<u8>>,
    umask: u32,
    values: IndexMap<String, String>,
    entries: Vec<String>,
}

/// Kinds of files, as `st_mode` has them.
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const LINK: u32 = 0o120_000;
const DIRECTORY: u32 = 0o040_000;

impl Found {
    /// A value of the answer, as text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// A value of the answer that is a number.
    pub fn number(&self, key: &str) -> u64 {
        self.text(key).and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// Anything is there, be it a dangling link.
    pub fn exists(&self) -> bool {
        self.text("raw").is_some()
    }

    /// `st_mode`: kind and permission bits.
    pub fn raw_mode(&self) -> u32 {
        self.text("raw")
            .and_then(|text| u32::from_str_radix(text, 16).ok())
            .unwrap_or_default()
    }

    /// Permission bits.
    pub fn mode(&self) -> u32 {
        self.raw_mode() & 0o7777
    }

    pub fn is_regular(&self) -> bool {
        self.raw_mode() & KIND == REGULAR
    }

    pub fn is_directory(&self) -> bool {
        self.raw_mode() & KIND == DIRECTORY
    }

    pub fn is_link(&self) -> bool {
        self.raw_mode() & KIND == LINK
    }

    /// A directory, or a link to one.
    pub fn leads_to_directory(&self) -> bool {
        self.text("directory").is_some()
    }

    /// Where a symbolic link points.
    pub fn link(&self) -> Option<&str> {
        self.text("link")
    }

    /// The directory that it would be in is there.
    pub fn has_parent(&self) -> bool {
        self.text("parent") != Some("missing")
    }

    pub fn checksum(&self) -> Option<&str> {
        self.text("checksum")
    }

    /// The attributes that occur below a directory, each combination once.
    pub fn entries(&self) -> impl Iterator<Item = Found> + '_ {
        self.entries.iter().map(|entry| Self::of_entry(self.umask, entry))
    }

    /// One combination of attributes, as `stat -c '%f:%u:%g:%U:%G'` prints it.
    pub(in crate::modules) fn of_entry(umask: u32, entry: &str) -> Self {
        Found {
            umask,
            values: ["raw", "uid", "gid", "owner", "group"]
                .into_iter()
                .zip(entry.split(':'))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            ..Found::default()
        }
    }

    /// The umask of the user on the node.
    pub fn umask(&self) -> u32 {
        self.umask
    }
}

fn parse(output: &Output) -> Vec<Found> {
    let stdout = &output.stdout;
    let (header, content) = match memchr::memmem::find(stdout, b"\n\n") {
        Some(end) => (stdout.get(..end), stdout.get(end + 2..)),
        None => (Some(stdout.as_slice()), None),
    };
    let mut umask = 0o022;
    let mut all: Vec<Found> = Vec::new();
    let mut besides = IndexMap::new();
    for line in String::from_utf8_lossy(header.unwrap_or_default()).lines() {
        match (line.split_once('='), all.last_mut()) {
            (Some(("umask", value)), _) => umask = u32::from_str_radix(value, 8).unwrap_or(umask),
            (Some(("path", path)), _) => all.push(Found {
                path: path.to_owned(),
                umask,
                ..Found::default()
            }),
            (Some(("entry", entry)), Some(found)) => found.entries.push(entry.to_owned()),
            (Some((key, value)), Some(found)) => {
                found.values.insert(key.to_owned(), value.to_owned());
            }
            (Some((key, value)), None) => {
                besides.insert(key.to_owned(), value.to_owned());
            }
            _ => {}
        }
    }
    if let Some(first) = all.first_mut() {
        first.values.extend(besides);
        first.content = content.map(<[u8]>::to_vec);
    }
    all
}
