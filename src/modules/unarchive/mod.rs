//! The `unarchive` module.

mod options;
#[cfg(test)]
mod tests;

use std::io::Read;

use serde_json::{Value, json};

use super::get_url;
use super::remote_file::{Attributes, Content, Found, mode_word, refuse_preserve, word};
use super::{ArgumentError, Context, Failure, Module, Outcome, Pending, State};
use crate::connection::{Output, Request, Script};
pub use options::Unarchive;

const COMPARE: Script = Script {
    name: "unarchive/compare",
    text: concat!(include_str!("common.sh"), include_str!("compare.sh")),
};

const EXTRACT: Script = Script {
    name: "unarchive/extract",
    text: concat!(include_str!("common.sh"), include_str!("extract.sh")),
};

const REMOVE: Script = Script {
    name: "unarchive/remove",
    text: include_str!("remove.sh"),
};

/// As many differences are named; of the others only the number.
const NAMED: usize = 5;

/// The archive and where it is.
pub enum Source {
    /// A short one, to be sent along with each request.
    Here(Vec<u8>),
    /// krun's own copy on the node.
    Uploaded(String),
    /// A file of the node.
    OnNode(String),
    /// It is to be fetched.
    Url,
}

/// What is to be done.
pub struct Plan {
    source: Source,
    result: Outcome,
}

impl Module for Unarchive {
    const NAME: &'static str = "unarchive";
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[("list_content", "list_files")];
    const REFUSED_OPTIONS: &'static [(&'static str, &'static str)] = &[
        (
            "copy",
            "Ansible has given it up: `remote_src: true` says that `src` is on the node",
        ),
        (
            "decrypt",
            "archives are sent as they are; keep secrets in vaulted variables",
        ),
        (
            "io_buffer_size",
            "krun does not read files on the node in pieces of its own",
        ),
    ];
    const EXAMPLE: &'static str = "\
- name: The plugins for the network of containers
  unarchive:
    src: https://github.com/containernetworking/plugins/releases/download/v1.3.0/cni-plugins-linux-amd64-v1.3.0.tgz
    dest: /opt/cni/bin
    remote_src: true
    creates: /opt/cni/bin/loopback
    owner: root
    group: root
";

    type Plan = Plan;

    fn validate(&self) -> Result<(), ArgumentError> {
        self.check_together()?;
        refuse_preserve(self.mode.as_ref())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Plan>, Failure> {
        if *self.remote_src && self.src.contains("://") {
            return self.check_url(context);
        }
        let source = self.source(context)?;
        self.compare(context, source)
    }

    fn apply(&self, context: &mut Context<'_>, plan: Plan) -> Result<Outcome, Failure> {
        let Plan { source, result } = plan;
        if !matches!(source, Source::Url) {
            self.extract(context, source)?;
            return Ok(Outcome {
                changed: true,
                ..result
            });
        }
        let path = format!("/tmp/.krun-unarchive-{}", context.random_word()?);
        get_url::fetch_to(context, &self.src, &path, *self.validate_certs)?;
        match self.compare(context, Source::Uploaded(path))? {
            State::Satisfied(outcome) => Ok(outcome),
            State::Pending(Pending { plan, changes, .. }) => {
                self.extract(context, plan.source)?;
                Ok(Outcome {
                    changed: true,
                    changes,
                    ..plan.result
                })
            }
            State::Unknown { plan, .. } => Ok(plan.result),
        }
    }
}

impl Unarchive {
    fn attributes(&self) -> Attributes {
        Attributes::new(self.mode.as_ref(), self.owner.as_ref(), self.group.as_ref())
    }

    fn outcome(&self) -> Outcome {
        Outcome::ok().with("src", &*self.src).with("dest", &*self.dest)
    }

    /// The archive; a large one of this machine is sent to the node.
    fn source(&self, context: &mut Context<'_>) -> Result<Source, Failure> {
        if *self.remote_src {
            return Ok(Source::OnNode(self.src.0.clone()));
        }
        let path = context.files.find_plain("files", &self.src)?;
        let failed = |error: std::io::Error| Failure::new(error.to_string());
        let mut file = fs_err::File::open(&path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(Failure::new(format!("{} is a directory", path.display())).help("name an archive"));
        }
        if Content::is_small(metadata.len()) {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map_err(failed)?;
            return Ok(Source::Here(bytes));
        }
        let there = format!("/tmp/.krun-unarchive-{}", context.random_word()?);
        context.upload(&mut file, &there)?;
        Ok(Source::Uploaded(there))
    }

    /// What is behind an address is known only when it has been fetched.
    fn check_url(&self, context: &mut Context<'_>) -> Result<State<Plan>, Failure> {
        if let Some(creates) = &self.creates {
            let query = super::remote_file::Query::default();
            if query.ask(context, creates)?.exists() {
                return Ok(State::Satisfied(self.skipped(creates)));
            }
        }
        Ok(State::Unknown {
            plan: Plan {
                source: Source::Url,
                result: self.outcome(),
            },
            reason: "krun would fetch the archive and compare".to_owned(),
        })
    }

    fn skipped(&self, creates: &str) -> Outcome {
        Outcome {
            skipped: Some(format!("skipped, since {creates} exists")),
            ..self.outcome()
        }
    }

    fn compare(&self, context: &mut Context<'_>, source: Source) -> Result<State<Plan>, Failure> {
        let keep = if context.check_mode { "uploaded" } else { "kept" };
        let output = self.request(context, COMPARE, &source, keep)?;
        if !output.success() {
            return Err(self.failed("looking into", &output));
        }
        let answer = Answer::read(&output);
        if answer.created {
            return Ok(State::Satisfied(
                self.skipped(self.creates.as_deref().unwrap_or_default()),
            ));
        }
        let handler = if answer.kind == "zip" {
            "ZipArchive"
        } else {
            "TarArchive"
        };
        let mut result = self.outcome().with("handler", handler);
        result.result.insert("dest".to_owned(), answer.dest.into());
        if *self.list_files {
            result = result.with("files", json!(answer.members));
        }
        let mut changes = named(&answer.differences);
        for entry in &answer.entries {
            for name in self.attributes().differences(entry) {
                if !changes.contains(&name) {
                    changes.push(name);
                }
            }
        }
        if changes.is_empty() {
            if let (true, Source::Uploaded(path)) = (answer.kept, &source) {
                context.run(REMOVE, [path.as_str()])?;
            }
            return Ok(State::Satisfied(result));
        }
        let shown = result.result.clone();
        let mut pending = Pending::new(Plan { source, result }, changes);
        pending.result = shown;
        Ok(pending.into())
    }

    fn extract(&self, context: &mut Context<'_>, source: Source) -> Result<(), Failure> {
        let output = self.request(context, EXTRACT, &source, "uploaded")?;
        if output.success() {
            return Ok(());
        }
        Err(self.failed("unpacking", &output))
    }

    fn failed(&self, what: &str, output: &Output) -> Failure {
        Failure::of_program(&format!("{what} {}", &*self.src), output)
            .with("src", &*self.src)
            .with("dest", &*self.dest)
    }

    /// One exchange.
    fn request(
        &self,
        context: &mut Context<'_>,
        script: Script,
        source: &Source,
        own: &str,
    ) -> Result<Output, Failure> {
        let (kind, path, stdin) = match source {
            Source::Here(bytes) => ("stdin", "", bytes.clone()),
            Source::Uploaded(path) => (own, path.as_str(), Vec::new()),
            Source::OnNode(path) => ("node", path.as_str(), Vec::new()),
            Source::Url => return Err(Failure::new("the archive has not been fetched")),
        };
        let flag = |flag: bool| if flag { "yes" } else { "no" }.to_owned();
        let mode = self.mode.as_deref().map_or_else(String::new, |mode| {
            u32::from_str_radix(mode, 8).map_or_else(|_| mode.to_owned(), mode_word)
        });
        let mut words = vec![
            kind.to_owned(),
            path.to_owned(),
            self.dest.0.clone(),
            flag(*self.keep_newer),
            word(self.owner.as_ref()),
            word(self.group.as_ref()),
            mode,
            flag(*self.list_files),
            word(self.creates.as_ref()),
            self.extra_opts.len().to_string(),
            self.include.len().to_string(),
            self.exclude.len().to_string(),
        ];
        for list in [&self.extra_opts, &self.include, &self.exclude] {
            words.extend(list.iter().cloned());
        }
        let limit = context.remaining()?;
        context.request(Request::new(script, words).with_stdin(stdin).with_timeout(limit))
    }
}

/// What compare.sh has found.
#[derive(Default)]
struct Answer {
    created: bool,
    kept: bool,
    kind: String,
    dest: String,
    differences: Vec<String>,
    entries: Vec<Found>,
    members: Vec<Value>,
}

impl Answer {
    fn read(output: &Output) -> Self {
        let mut answer = Self::default();
        let mut umask = 0o022;
        for line in output.stdout_text().lines() {
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            match key {
                "created" => answer.created = true,
                "kept" => answer.kept = true,
                "kind" => value.clone_into(&mut answer.kind),
                "dest" => value.clone_into(&mut answer.dest),
                "umask" => umask = u32::from_str_radix(value, 8).unwrap_or(umask),
                "differs" => answer.differences.push(value.to_owned()),
                "entry" => answer.entries.push(Found::of_entry(umask, value)),
                "member" => answer.members.push(value.into()),
                _ => {}
            }
        }
        answer
    }
}

/// The first differences by name, and how many more there are.
fn named(differences: &[String]) -> Vec<String> {
    let mut changes: Vec<_> = differences.iter().take(NAMED).cloned().collect();
    let more = differences.len().saturating_sub(NAMED);
    if more > 0 {
        changes.push(format!("{more} more differences"));
    }
    changes
}
