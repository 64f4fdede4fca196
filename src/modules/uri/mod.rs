//! The `uri` module.

mod answer;
#[cfg(test)]
mod tests;

use std::time::Instant;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::args::{Count, Flag, List, Mode, Text};
use super::get_url::REFUSED_OF_REQUESTS;
use super::remote_file::{Attributes, Content, Query, Wanted, file_name, refuse_preserve};
use super::{Again, ArgumentError, Context, Failure, Module, Outcome, State};
use crate::connection::{Request, Script};
use answer::Answer;

const ASK: Script = Script {
    name: "uri/ask",
    text: include_str!("ask.sh"),
};

/// Has the node ask a web server, with its curl, and tells what it said: `status`, the headers, `content`, and `json`
/// where the answer is JSON. It is a change only where `dest` gets another content. Check mode skips it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Uri {
    /// The address.
    url: Text,
    /// The method. Default: `GET`.
    #[serde(default = "get")]
    #[schemars(default = "get_name")]
    method: Text,
    /// The statuses that are well; with others the task fails. Default: 200.
    #[serde(default = "well")]
    status_code: List,
    /// Gives the answer's body as `content`. Default: false.
    #[serde(default)]
    return_content: Flag,
    /// What is sent: a text, or with `body_format: json` anything.
    body: Option<Value>,
    /// How it is sent: `raw` as it is, `json` as JSON, `form-urlencoded` as a form, with
    /// the header that says so. Default: `raw`.
    #[serde(default)]
    body_format: Format,
    /// Headers of the request.
    headers: Option<IndexMap<String, Text>>,
    /// Whether the way is followed when the server shows to another address: `safe` for GET and HEAD only. Default: `safe`.
    #[serde(default)]
    follow_redirects: Follow,
    /// Seconds after which a server that sends nothing is given up. Default: 30.
    #[serde(default = "thirty")]
    #[schemars(default = "thirty_seconds")]
    timeout: Count,
    /// Checks the server's certificate. Default: true.
    #[serde(default = "yes")]
    validate_certs: Flag,
    /// File or directory on the node with the authorities that certificates are checked against.
    ca_path: Option<Text>,
    /// File on the node with the certificate that it shows, and perhaps its key.
    client_cert: Option<Text>,
    /// File on the node with the key of `client_cert`.
    client_key: Option<Text>,
    /// User for the server.
    url_username: Option<Text>,
    /// Password for the server.
    url_password: Option<Text>,
    /// Sends the password at once, without being asked: krun always does. Only `true` is possible.
    force_basic_auth: Option<Flag>,
    /// Goes through a proxy where the node's environment names one. Default: true.
    #[serde(default = "yes")]
    use_proxy: Flag,
    /// What the request says that it comes from.
    http_agent: Option<Text>,
    /// A socket on the node that is asked instead of the network.
    unix_socket: Option<Text>,
    /// A file that is sent, instead of `body`; it is looked for as `copy` does.
    src: Option<Text>,
    /// `src` is on the node. Default: false.
    #[serde(default)]
    remote_src: Flag,
    /// A file on the node for the answer's body, or a directory; it is a change when it had another content.
    dest: Option<Text>,
    /// Mode of `dest`.
    mode: Option<Mode>,
    /// Owner of `dest`.
    owner: Option<Text>,
    /// Group of `dest`.
    group: Option<Text>,
    /// Asks nothing when this file is on the node.
    creates: Option<Text>,
    /// Asks nothing when this file is not on the node.
    removes: Option<Text>,
}

/// How a body is sent.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// As it is.
    #[default]
    Raw,
    /// As JSON.
    Json,
    /// As a form: a mapping, or a list of pairs.
    #[serde(rename = "form-urlencoded")]
    FormUrlencoded,
}

/// Whether the way to other addresses is followed.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Follow {
    /// For GET and HEAD.
    #[default]
    Safe,
    /// Always.
    All,
    /// Never.
    None,
}

fn get_name() -> &'static str {
    "GET"
}

fn get() -> Text {
    Text(get_name().to_owned())
}

fn well() -> List {
    List(vec!["200".to_owned()])
}

fn thirty_seconds() -> u64 {
    30
}

fn thirty() -> Count {
    Count(thirty_seconds())
}

fn yes() -> Flag {
    Flag(true)
}

impl Module for Uri {
    const NAME: &'static str = "uri";
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] =
        &[("user", "url_username"), ("password", "url_password")];
    const REFUSED_OPTIONS: &'static [(&'static str, &'static str)] = REFUSED_OF_REQUESTS;
    const AGAIN: Again = Again::Once;
    const EXAMPLE: &'static str = "\
- name: The API server is well
  uri:
    url: https://127.0.0.1:6443/readyz
    ca_path: /etc/kubernetes/pki/ca.crt
    return_content: true
  register: readyz
  until: readyz.status == 200
  retries: 30
";

    type Plan = ();

    fn validate(&self) -> Result<(), ArgumentError> {
        Self::check_option("url", &self.url)?;
        Self::check_option("method", &self.method)?;
        self.statuses()?;
        // curl before 7.43 knows no other way to send a text.
        if self.body_text()?.is_some_and(|body| body.starts_with('@')) {
            return Err(ArgumentError::option("body", "a body cannot begin with `@`"));
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
        if self.src.is_some() && self.body.is_some() {
            return Err(ArgumentError::option("src", "give either `src` or `body`"));
        }
        if self.dest.is_none() && (self.mode.is_some() || self.owner.is_some() || self.group.is_some()) {
            return Err(ArgumentError::option(
                "dest",
                "owner, group and mode are those of a `dest`",
            ));
        }
        refuse_preserve(self.mode.as_ref())?;
        let has_break = |text: &str| text.contains(['\n', '\r']);
        let secrets = [&self.url_username, &self.url_password].into_iter().flatten();
        if self
            .headers
            .iter()
            .flatten()
            .any(|(name, value)| has_break(name) || has_break(value))
            || secrets.into_iter().any(|text| has_break(text))
        {
            return Err(ArgumentError::option("headers", "a line break cannot be in it"));
        }
        Ok(())
    }

    fn check_option(name: &str, value: &str) -> Result<(), ArgumentError> {
        let is_address = value.starts_with("http://") || value.starts_with("https://");
        match name {
            "url" if !is_address || value.contains(char::is_whitespace) => Err(ArgumentError::option(
                "url",
                "an address begins with `http://` or `https://`",
            )),
            "method" if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_alphabetic()) => Err(
                ArgumentError::option("method", "a method is one word, like GET or POST"),
            ),
            _ => Ok(()),
        }
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<()>, Failure> {
        for (path, stops_when_there) in [(&self.creates, true), (&self.removes, false)] {
            if let Some(path) = path
                && Query::default().ask(context, path)?.exists() == stops_when_there
            {
                let word = if stops_when_there { "exists" } else { "does not exist" };
                return Ok(State::Satisfied(Outcome::skipped(format!(
                    "skipped, since {path} {word}"
                ))));
            }
        }
        Ok(State::Unknown {
            plan: (),
            reason: "krun would ask the server".to_owned(),
        })
    }

    fn apply(&self, context: &mut Context<'_>, (): ()) -> Result<Outcome, Failure> {
        let wanted = self.statuses().map_err(ArgumentError::into_failure)?;
        let start = Instant::now();
        let limit = context.remaining()?;
        let stdin = self.secrets(context)?;
        let request = Request::new(ASK, self.words())
            .with_stdin(stdin.into_bytes())
            .with_timeout(limit);
        let output = context.request(request)?;
        let elapsed = start.elapsed().as_secs();
        let list = format!("{wanted:?}");
        if !output.success() {
            let said = output.stderr_text();
            let failure = Failure::new(format!(
                "Status code was -1 and not {list}: Request failed: {}",
                said.trim()
            ));
            return Err(failure
                .with("status", -1)
                .with("url", &*self.url)
                .with("elapsed", elapsed)
                .with("redirected", false));
        }
        let answer = Answer::read(&output.stdout).ok_or_else(|| Failure::new("the server's answer is incomplete"))?;
        let is_well = wanted.contains(&answer.status);
        let mut result = Outcome::ok();
        for (name, value) in &answer.headers {
            result = result.with(name, value.as_str());
        }
        if let Some(json) = answer.json() {
            result = result.with("json", json);
        }
        if *self.return_content {
            result = result.with("content", String::from_utf8_lossy(&answer.body).into_owned());
        }
        let message = if is_well {
            let length = answer.headers.iter().find(|(name, _)| name == "content_length");
            format!("OK ({} bytes)", length.map_or("unknown", |(_, length)| length))
        } else {
            format!(
                "Status code was {} and not {list}: HTTP Error {}: {}",
                answer.status, answer.status, answer.phrase
            )
        };
        let result = result
            .with("status", answer.status)
            .with("url", answer.url.as_str())
            .with("redirected", answer.is_redirected)
            .with("elapsed", elapsed)
            .with("msg", message.as_str());
        if is_well {
            return match &self.dest {
                Some(dest) => self.keep(context, dest, answer.body, result),
                None => Ok(result),
            };
        }
        let mut failure = Failure::new(message);
        failure.result = result.result;
        failure.result.remove("msg");
        Err(failure)
    }
}

impl Uri {
    fn statuses(&self) -> Result<Vec<i64>, ArgumentError> {
        self.status_code
            .iter()
            .map(|status| status.trim().parse())
            .collect::<Result<_, _>>()
            .map_err(|_| ArgumentError::option("status_code", "a status is a number, such as 200"))
    }

    /// Puts the answer's body into a file.
    fn keep(&self, context: &mut Context<'_>, dest: &str, body: Vec<u8>, result: Outcome) -> Result<Outcome, Failure> {
        let address = self.url.split(['?', '#']).next().unwrap_or_default();
        let name = match file_name(address) {
            "" => "index.html",
            name => name,
        };
        let query = Query {
            name_in_directory: name,
            ..Wanted::query(context, false)
        };
        let found = query.ask(context, dest)?;
        let wanted = Wanted {
            content: Content::Bytes(body),
            attributes: Attributes::new(self.mode.as_ref(), self.owner.as_ref(), self.group.as_ref()),
            backup: false,
            validate: None,
            force: true,
            make_parent: None,
            source: self.url.0.clone(),
        };
        let path = found.path.clone();
        let (changed, changes) = match wanted.compare(context, found)? {
            State::Pending(pending) => {
                pending.plan.apply(context)?;
                (true, pending.changes)
            }
            _ => (false, Vec::new()),
        };
        Ok(Outcome {
            changed,
            changes,
            ..result.with("path", path)
        })
    }

    fn method(&self) -> String {
        self.method.to_uppercase()
    }

    fn body_text(&self) -> Result<Option<String>, ArgumentError> {
        Ok(match (&self.body, self.body_format) {
            (None | Some(Value::Null), _) => None,
            (Some(body @ (Value::Object(_) | Value::Array(_))), Format::FormUrlencoded) => Some(form(body)?),
            (Some(Value::String(text)), _) => Some(text.clone()),
            (Some(_), Format::FormUrlencoded) => {
                return Err(ArgumentError::option("body", "a form is a mapping, or a list of pairs"));
            }
            (Some(body), Format::Json) => Some(body.to_string()),
            (Some(_), Format::Raw) => {
                return Err(ArgumentError::option(
                    "body",
                    "this is no text: set `body_format: json` to send it as JSON",
                ));
            }
        })
    }

    fn words(&self) -> Vec<String> {
        let flag = |flag: bool| if flag { "yes" } else { "no" }.to_owned();
        let text = |text: &Option<Text>| text.as_deref().unwrap_or_default().to_owned();
        let method = self.method();
        let follows = match self.follow_redirects {
            Follow::All => true,
            Follow::None => false,
            Follow::Safe => matches!(method.as_str(), "GET" | "HEAD"),
        };
        vec![
            self.url.0.clone(),
            method,
            self.timeout.0.max(1).to_string(),
            flag(follows),
            flag(!*self.validate_certs),
            text(&self.ca_path),
            text(&self.client_cert),
            text(&self.client_key),
        ]
    }

    /// Headers, passwords and the body as curl's file of options has them.
    fn secrets(&self, context: &Context<'_>) -> Result<String, Failure> {
        let quoted = |text: &str| {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"");
            text.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t")
        };
        let mut lines: Vec<String> = Vec::new();
        let headers = self.headers.iter().flatten();
        let mut has_type = false;
        for (name, value) in headers {
            has_type |= name.eq_ignore_ascii_case("content-type");
            lines.push(format!("header = \"{}: {}\"", quoted(name), quoted(value)));
        }
        let kind = match self.body_format {
            Format::Json => "application/json",
            Format::FormUrlencoded => "application/x-www-form-urlencoded",
            Format::Raw if self.src.is_some() => "application/octet-stream",
            Format::Raw => "",
        };
        let body = match &self.src {
            Some(path) if *self.remote_src => Some(format!("@{path}")),
            Some(path) => Some(read(context, path)?),
            None => self.body_text().map_err(ArgumentError::into_failure)?,
        };
        if let Some(body) = body {
            if !kind.is_empty() && !has_type {
                lines.push(format!("header = \"Content-Type: {kind}\""));
            }
            lines.push(format!("data-binary = \"{}\"", quoted(&body)));
        }
        if !*self.use_proxy {
            lines.push("noproxy = \"*\"".to_owned());
        }
        for (option, value) in [("user-agent", &self.http_agent), ("unix-socket", &self.unix_socket)] {
            lines.extend(value.iter().map(|value| format!("{option} = \"{}\"", quoted(value))));
        }
        if let Some(user) = &self.url_username {
            let password = self.url_password.as_deref().unwrap_or_default();
            lines.push(format!("user = \"{}:{}\"", quoted(user), quoted(password)));
        }
        Ok(lines.join("\n"))
    }
}

/// A file of this machine as a body.
fn read(context: &Context<'_>, name: &str) -> Result<String, Failure> {
    let path = context.files.find_plain("files", name)?;
    let bytes = fs_err::read(&path).map_err(|error| Failure::new(error.to_string()))?;
    let text = String::from_utf8(bytes)
        .ok()
        .filter(|text| !text.starts_with('@') && !text.contains('\0'));
    text.ok_or_else(|| {
        Failure::new(format!("{} is no text that can be sent", path.display()))
            .help("put it on the node with `copy`, and set `remote_src: true`")
    })
}

/// A mapping or pairs as a form is sent.
fn form(body: &Value) -> Result<String, ArgumentError> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: &Value| match value {
        Value::Array(values) => pairs.extend(values.iter().map(|value| (name.to_owned(), text(value)))),
        value => pairs.push((name.to_owned(), text(value))),
    };
    match body {
        Value::Object(map) => map.iter().for_each(|(name, value)| add(name, value)),
        Value::Array(items) => {
            for item in items {
                match item.as_array().map(Vec::as_slice) {
                    Some([name, value]) => add(&text(name), value),
                    _ => return Err(ArgumentError::option("body", "a form is a mapping, or a list of pairs")),
                }
            }
        }
        _ => {}
    }
    let encode = |text: &str| {
        text.bytes().fold(String::new(), |mut all, byte| {
            match byte {
                b' ' => all.push('+'),
                plain if plain.is_ascii_alphanumeric() || b"_.-~".contains(&plain) => all.push(char::from(plain)),
                other => all.push_str(&format!("%{other:02X}")),
            }
            all
        })
    };
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    Ok(pairs.join("&"))
}
