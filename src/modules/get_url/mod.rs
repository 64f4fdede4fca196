//! The `get-url` module.

#[cfg(test)]
mod tests;

use std::time::Instant;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::args::{Count, Flag, Mode, Text};
use super::remote_file::{Attributes, Found, Query, mode_word, refuse_preserve, word};
use super::{ArgumentError, Context, Failure, Module, Outcome, Pending, State};
use crate::connection::{Request, Script};

const FETCH: Script = Script {
    name: "get-url/fetch",
    text: include_str!("fetch.sh"),
};

/// Permission bits of a new file before the umask.
const NEW_FILE: u32 = 0o666;

/// Has the node fetch a file from a web server, with its curl or wget.
///
/// With a `checksum`, a file that has it is not fetched again. Without one, a file that is there is fetched, and replaced
/// when it differs; check mode cannot tell and skips it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetUrl {
    /// The address: `https://`, `http://`, `ftp://` or `file://`.
    url: Text,
    /// The file, or a directory: the file's name is the address's last part then.
    dest: Text,
    /// `ALGORITHM:SUM`, for example `sha256:6bb4…`, or `ALGORITHM:ADDRESS` of a file that holds the sum, alone or in a list
    /// of names. What has another sum is not put in place.
    checksum: Option<Text>,
    /// Fetches also what has the `checksum` already. Default: false.
    #[serde(default)]
    force: Flag,
    /// Keeps the file as it was under another name, with the time in it. Default: false.
    #[serde(default)]
    backup: Flag,
    /// Seconds after which a server that sends nothing is given up. Default: 10.
    #[serde(default = "ten")]
    #[schemars(default = "ten_seconds")]
    timeout: Count,
    /// Checks the server's certificate. Default: true.
    #[serde(default = "yes")]
    validate_certs: Flag,
    /// Headers of the request. Need curl on the node.
    headers: Option<IndexMap<String, Text>>,
    /// User for the server. Needs curl on the node.
    url_username: Option<Text>,
    /// Password for the server.
    url_password: Option<Text>,
    /// Sends the password at once, without being asked: krun always does. Only `true` is possible.
    force_basic_auth: Option<Flag>,
    /// Goes through a proxy where the node's environment names one. `false` needs curl. Default: true.
    #[serde(default = "yes")]
    use_proxy: Flag,
    /// What the request says that it comes from. Needs curl on the node.
    http_agent: Option<Text>,
    /// File on the node with the certificate that it shows, and perhaps its key. Needs curl on the node.
    client_cert: Option<Text>,
    /// File on the node with the key of `client_cert`.
    client_key: Option<Text>,
    /// Mode of the file. Default: as it is; for a new file what the umask leaves of 0666.
    mode: Option<Mode>,
    /// Owner of the file. Default: as it is.
    owner: Option<Text>,
    /// Group of the file. Default: as it is.
    group: Option<Text>,
}

fn yes() -> Flag {
    Flag(true)
}

fn ten_seconds() -> u64 {
    10
}

fn ten() -> Count {
    Count(ten_seconds())
}

/// Options of Ansible's modules that ask web servers, which krun does not have.
pub(super) const REFUSED_OF_REQUESTS: &[(&str, &str)] = &[
    ("ciphers", "the node's curl and its library have their own settings"),
    ("decompress", "what is sent packed is not unpacked; `unarchive` unpacks"),
    // Of `uri` only: `get-url` has it.
    (
        "force",
        "ask caches for it with a header: `headers: {Cache-Control: no-cache}`",
    ),
    (
        "tmp_dest",
        "the file is made beside `dest`, so that it is put in place in one step",
    ),
    (
        "unredirected_headers",
        "curl sends no password to another server by itself",
    ),
    ("use_gssapi", "use the `command` module with `curl --negotiate`"),
    (
        "use_netrc",
        "krun reads no .netrc; give `url_username` and `url_password`",
    ),
];

/// What is to be done.
pub enum Plan {
    /// Something is to be fetched.
    Fetch(Box<Found>),
    /// Owner, group or mode differ.
    Attributes(Box<Found>),
}

impl Module for GetUrl {
    const NAME: &'static str = "get-url";
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] =
        &[("username", "url_username"), ("password", "url_password")];
    const REFUSED_OPTIONS: &'static [(&'static str, &'static str)] = REFUSED_OF_REQUESTS;
    const EXAMPLE: &'static str = "\
- name: The tool that talks with container runtimes
  get-url:
    url: https://github.com/kubernetes-sigs/cri-tools/releases/download/v1.28.0/crictl-v1.28.0-linux-amd64.tar.gz
    dest: /opt/crictl.tar.gz
    checksum: \"sha256:{{ crictl_sha256 }}\"
    mode: \"0644\"
";

    type Plan = Plan;

    fn validate(&self) -> Result<(), ArgumentError> {
        Self::check_option("url", &self.url)?;
        Self::check_option("dest", &self.dest)?;
        if let Some(checksum) = &self.checksum {
            Self::check_option("checksum", checksum)?;
        }
        if self.url_password.is_some() && self.url_username.is_none() {
            return Err(ArgumentError::option(
                "url_password",
                "a password needs a `url_username`",
            ));
        }
        if self.force_basic_auth.is_some_and(|flag| !*flag) {
            return Err(ArgumentError::option(
                "force_basic_auth",
                "krun always sends the password at once",
            ));
        }
        let headers = self.headers.iter().flatten();
        // They stand in the file that curl reads its options from, a line each.
        let secrets = [
            &self.url_username,
            &self.url_password,
            &self.http_agent,
            &self.client_cert,
            &self.client_key,
        ];
        let has_break = |text: &str| text.contains(['\n', '\r']);
        if headers
            .into_iter()
            .any(|(name, value)| has_break(name) || has_break(value))
            || secrets.into_iter().flatten().any(|text| has_break(text))
        {
            return Err(ArgumentError::option("headers", "a line break cannot be in it"));
        }
        refuse_preserve(self.mode.as_ref())
    }

    fn check_option(name: &str, value: &str) -> Result<(), ArgumentError> {
        match name {
            "url" => {
                let scheme = value.split("://").next().unwrap_or_default();
                let is_known = matches!(scheme, "http" | "https" | "ftp" | "file") && value.contains("://");
                if !is_known || value.contains(char::is_whitespace) {
                    return Err(ArgumentError::option(
                        "url",
                        "this is no address that krun can fetch from",
                    ));
                }
            }
            "dest" if value.is_empty() => return Err(ArgumentError::option("dest", "name a file")),
            "checksum" if sum(value).is_none() => {
                return Err(ArgumentError::option(
                    "checksum",
                    "it has the form ALGORITHM:SUM or ALGORITHM:ADDRESS, for example sha256:6bb4…",
                ));
            }
            _ => {}
        }
        Ok(())
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Plan>, Failure> {
        let wanted = self.checksum.as_deref().and_then(sum);
        let query = Query {
            follow: true,
            checksum: wanted.as_ref().map_or("", |(algorithm, _)| algorithm),
            name_in_directory: self.file_name(),
            ..Query::default()
        };
        let found = query.ask(context, &self.dest)?;
        if found.is_directory() {
            return Err(Failure::new(format!("{} is a directory on the node", found.path)).help("name a file in it"));
        }
        let is_listed = wanted.as_ref().is_some_and(|(_, sum)| sum.contains("://"));
        let is_same = !*self.force && wanted.is_some_and(|(_, sum)| found.checksum() == Some(sum.as_str()));
        let outcome = self.outcome(&found);
        if is_same {
            let changes = self.attributes().differences(&found);
            if changes.is_empty() {
                return Ok(State::Satisfied(outcome.with("msg", "file already exists")));
            }
            let mut pending = Pending::new(Plan::Attributes(Box::new(found)), changes);
            pending.result = outcome.result;
            return Ok(pending.into());
        }
        if found.exists() && (self.checksum.is_none() || is_listed) {
            return Ok(State::Unknown {
                plan: Plan::Fetch(Box::new(found)),
                reason: "krun would fetch it and compare".to_owned(),
            });
        }
        let change = if found.exists() { "content" } else { "new file" };
        let mut pending = Pending::new(Plan::Fetch(Box::new(found)), [change]);
        pending.result = outcome.result;
        Ok(pending.into())
    }

    fn apply(&self, context: &mut Context<'_>, plan: Plan) -> Result<Outcome, Failure> {
        let found = match plan {
            Plan::Fetch(found) => found,
            Plan::Attributes(found) => {
                self.attributes().set(context, &found)?;
                return Ok(Outcome {
                    changed: true,
                    ..self
                        .outcome(&found)
                        .with("msg", "file already exists but file attributes changed")
                });
            }
        };
        let start = Instant::now();
        let request = Request::new(FETCH, self.words(&found)).with_stdin(self.secrets().into_bytes());
        let output = context.run_work("fetch", request)?;
        if !output.success() {
            return Err(Failure::of_program(&format!("fetching {}", bare(&self.url)), &output)
                .with("url", bare(&self.url))
                .with("dest", found.path.as_str()));
        }
        let answer = output.pairs();
        let text = |key: &str| answer.get(key).cloned().unwrap_or_default();
        let mut changes = Vec::new();
        if text("changed") == "yes" {
            changes.push(if found.exists() { "content" } else { "new file" }.to_owned());
        }
        if found.exists() {
            changes.extend(self.attributes().differences(&found));
        }
        let size = text("size").parse::<u64>().unwrap_or_default();
        let outcome = Outcome {
            changed: !changes.is_empty(),
            changes,
            ..self.outcome(&found)
        };
        let outcome = outcome
            .with("checksum_src", text("after"))
            .with(
                "checksum_dest",
                answer.get("before").filter(|sum| !sum.is_empty()).cloned(),
            )
            .with("size", size)
            .with("status_code", 200)
            .with("msg", format!("OK ({size} bytes)"))
            .with("elapsed", start.elapsed().as_secs());
        Ok(match answer.get("backup") {
            Some(backup) => outcome.with("backup_file", backup.as_str()),
            None => outcome,
        })
    }
}

impl GetUrl {
    fn attributes(&self) -> Attributes {
        Attributes::new(self.mode.as_ref(), self.owner.as_ref(), self.group.as_ref())
    }

    /// The address's last part.
    fn file_name(&self) -> &str {
        let path = self.url.split(['?', '#']).next().unwrap_or_default();
        let path = path.split_once("://").map_or(path, |(_, rest)| rest);
        match path.rsplit_once('/') {
            Some((_, name)) if !name.is_empty() => name,
            _ => "index.html",
        }
    }

    fn outcome(&self, found: &Found) -> Outcome {
        Outcome::ok()
            .with("url", bare(&self.url))
            .with("dest", found.path.as_str())
    }

    fn words(&self, found: &Found) -> Vec<String> {
        let (algorithm, sum) = self.checksum.as_deref().and_then(sum).unwrap_or_default();
        let umask = found.umask();
        let current = if found.exists() {
            found.mode()
        } else {
            NEW_FILE & !umask
        };
        let mode = self.attributes().mode_for(current, false, umask).unwrap_or(current);
        // What takes the place of a file has its owner and group, unless others are wanted.
        let keep = |wanted: Option<&Text>, key: &str| match wanted {
            Some(_) => word(wanted),
            None => found.text(key).unwrap_or_default().to_owned(),
        };
        let flag = |flag: bool| if flag { "yes" } else { "no" }.to_owned();
        vec![
            self.url.0.clone(),
            found.path.clone(),
            self.timeout.0.max(1).to_string(),
            flag(!*self.validate_certs),
            algorithm,
            sum,
            mode_word(mode),
            keep(self.owner.as_ref(), "uid"),
            keep(self.group.as_ref(), "gid"),
            flag(*self.backup),
            flag(*self.force),
        ]
    }

    /// Headers and passwords as curl's file of options has them.
    fn secrets(&self) -> String {
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut lines: Vec<String> = self
            .headers
            .iter()
            .flatten()
            .map(|(name, value)| format!("header = \"{}: {}\"", quoted(name), quoted(value)))
            .collect();
        if let Some(user) = &self.url_username {
            let password = self.url_password.as_deref().unwrap_or_default();
            lines.push(format!("user = \"{}:{}\"", quoted(user), quoted(password)));
        }
        if !*self.use_proxy {
            lines.push("noproxy = \"*\"".to_owned());
        }
        for (option, value) in [
            ("user-agent", &self.http_agent),
            ("cert", &self.client_cert),
            ("key", &self.client_key),
        ] {
            lines.extend(value.iter().map(|value| format!("{option} = \"{}\"", quoted(value))));
        }
        lines.join("\n")
    }
}

/// Has the node fetch something into a new file of krun's own; one exchange.
pub(super) fn fetch_to(context: &mut Context<'_>, url: &str, path: &str, validate_certs: bool) -> Result<(), Failure> {
    let insecure = if validate_certs { "no" } else { "yes" };
    let timeout = ten_seconds().to_string();
    let words = [url, path, &timeout, insecure, "", "", "", "", "", "no", "no"];
    let limit = context.remaining()?;
    let output = context.request(Request::new(FETCH, words).with_timeout(limit))?;
    if output.success() {
        return Ok(());
    }
    Err(Failure::of_program(&format!("fetching {}", bare(url)), &output).with("url", bare(url)))
}

/// The algorithm and the sum of a `checksum`.
fn sum(text: &str) -> Option<(String, String)> {
    let (algorithm, sum) = text.split_once(':')?;
    let algorithm = algorithm.to_lowercase();
    let length = match algorithm.as_str() {
        "md5" => 32,
        "sha1" => 40,
        "sha224" => 56,
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return None,
    };
    if sum.contains("://") {
        let is_known = ["http://", "https://", "ftp://", "file://"]
            .iter()
            .any(|scheme| sum.starts_with(scheme));
        return (is_known && !sum.contains(char::is_whitespace)).then(|| (algorithm, sum.to_owned()));
    }
    let sum = sum.trim().to_lowercase();
    (sum.len() == length && sum.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some((algorithm, sum))
}

/// An address without the password in it.
fn bare(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (server, path) = rest.split_at(end);
    match server.rsplit_once('@') {
        Some((_, server)) => format!("{scheme}://{server}{path}"),
        None => url.to_owned(),
    }
}
