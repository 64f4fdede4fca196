//! The `wait-for` module.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::connection::{Request, Script};
use crate::regexp::{Pattern, Reading};

use super::args::{Count, Text};
use super::{Again, ArgumentError, Context, Failure, Module, Outcome, State};

const TRY: Script = Script {
    name: "wait-for/try",
    text: include_str!("try.sh"),
};
const SEARCH: Script = Script {
    name: "wait-for/search",
    text: include_str!("search.sh"),
};

/// try.sh and search.sh say by this status that the condition does not hold yet.
const NOT_YET: i32 = 3;

/// How long one exchange waits on the node, and so how long Ctrl-C may have to wait for it.
const ROUND: Duration = Duration::from_secs(3);

/// Waits until a port answers, a file is there, or a text appears; or, without any of them, for a time.
///
/// The node itself looks: `host` is seen from there.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WaitFor {
    /// Name or address of the machine whose port is meant, as the node sees it.
    host: Text,
    /// The TCP port.
    port: Option<Count>,
    /// The file. Excludes `port`.
    path: Option<Text>,
    /// A regular expression that the file, or what the service says, has to match.
    search_regex: Option<Text>,
    /// What is waited for.
    state: Wish,
    /// Longest time in seconds.
    timeout: Count,
    /// Seconds to wait before the first look.
    delay: Count,
    /// Seconds between two looks.
    sleep: Count,
    /// Seconds for one attempt to connect.
    connect_timeout: Count,
    /// What to say when the time is up.
    msg: Option<Text>,
}

impl Default for WaitFor {
    fn default() -> Self {
        Self {
            host: Text("127.0.0.1".to_owned()),
            port: None,
            path: None,
            search_regex: None,
            state: Wish::Started,
            timeout: Count(300),
            delay: Count(0),
            sleep: Count(1),
            connect_timeout: Count(5),
            msg: None,
        }
    }
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-also" = ["present", "absent"]))]
enum Wish {
    /// The port can be connected to; the file is there.
    #[serde(alias = "present")]
    Started,
    /// The port refuses connections; the file is gone.
    #[serde(alias = "absent")]
    Stopped,
    /// No connection to the node's own port is open any more.
    Drained,
}

impl Wish {
    fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Stopped => "stopped",
            Self::Drained => "drained",
        }
    }
}

impl WaitFor {
    /// What is waited for, for people.
    fn subject(&self) -> String {
        let what = match (self.port, &self.path) {
            (Some(port), _) => format!("{}:{}", self.host, port.0),
            (None, Some(path)) => path.0.clone(),
            (None, None) => return "the time to pass".to_owned(),
        };
        match (&self.search_regex, self.state) {
            (Some(pattern), _) => format!("`{pattern}` in {what}"),
            (None, Wish::Started) if self.path.is_some() => format!("{what} to be there"),
            (None, Wish::Stopped) if self.path.is_some() => format!("{what} to be gone"),
            (None, Wish::Started) => format!("{what} to answer"),
            (None, Wish::Stopped) => format!("{what} to refuse connections"),
            (None, Wish::Drained) => format!("the connections of {what} to end"),
        }
    }

    fn pattern(&self) -> Result<Option<Pattern>, ArgumentError> {
        self.search_regex
            .as_deref()
            .map(|text| Pattern::new(text, Reading::Lines))
            .transpose()
            .map_err(|error| ArgumentError::option("search_regex", error.to_string()))
    }

    /// One exchange; `looks` is how often the node looks before it answers.
    fn look(&self, context: &mut Context<'_>, pattern: Option<&Pattern>, looks: u64) -> Result<bool, Failure> {
        let (kind, target) = match &self.path {
            Some(path) => ("file", &**path),
            None => ("port", &*self.host),
        };
        let port = self.port.map_or(0, |port| port.0).to_string();
        let limit = self.connect_timeout.0.max(1);
        let request = if pattern.is_some() {
            Request::new(SEARCH, [kind, target, &port, &limit.to_string()])
        } else {
            let (sleep, looks) = (self.pause().to_string(), looks.to_string());
            Request::new(
                TRY,
                [
                    kind,
                    self.state.name(),
                    target,
                    &port,
                    &sleep,
                    &looks,
                    &limit.to_string(),
                ],
            )
        };
        let longest = looks.saturating_mul(self.pause() + limit) + 30;
        let output = context.request(request.with_timeout(Duration::from_secs(longest)))?;
        match (output.status, pattern) {
            (0, Some(pattern)) => Ok(pattern.is_match(&output.stdout)),
            (0, None) => Ok(true),
            (NOT_YET, _) => Ok(false),
            _ => Err(Failure::of_program(&format!("looking at {target}"), &output)),
        }
    }

    fn pause(&self) -> u64 {
        self.sleep.0.max(1)
    }

    fn outcome(&self, start: Instant) -> Outcome {
        let outcome = Outcome::ok()
            .with("elapsed", start.elapsed().as_secs())
            .with("state", self.state.name());
        match (self.port, &self.path) {
            (Some(port), _) => outcome.with("port", port.0),
            (None, Some(path)) => outcome.with("path", &**path),
            (None, None) => outcome,
        }
    }
}

impl Module for WaitFor {
    const NAME: &'static str = "wait-for";
    const OPTION_ALIASES: &'static [(&'static str, &'static str)] = &[("dest", "path")];
    const AGAIN: Again = Again::Run;
    const REFUSED_OPTIONS: &'static [(&'static str, &'static str)] = &[
        (
            "active_connection_states",
            "krun does not wait until connections are gone",
        ),
        ("exclude_hosts", "krun does not wait until connections are gone"),
    ];
    const EXAMPLE: &'static str = "\
- name: The API server answers
  wait-for:
    port: 6443
    timeout: 120

- name: The manifest is gone
  wait-for:
    path: /etc/kubernetes/manifests/kube-apiserver.yaml
    state: absent
";

    type Plan = Instant;

    fn validate(&self) -> Result<(), ArgumentError> {
        if self.port.is_some() && self.path.is_some() {
            return Err(ArgumentError::option("path", "`port` and `path` exclude each other"));
        }
        if self.port.is_some_and(|port| port.0 == 0 || port.0 > 65535) {
            return Err(ArgumentError::option("port", "a port is a number from 1 to 65535"));
        }
        if self.state == Wish::Drained && (self.port.is_none() || *self.host != *"127.0.0.1") {
            return Err(ArgumentError::option(
                "state",
                "`drained` goes with a `port` of the node itself",
            ));
        }
        let is_bare = self.port.is_none() && self.path.is_none();
        if self.search_regex.is_some() && (is_bare || self.state != Wish::Started) {
            return Err(ArgumentError::option(
                "search_regex",
                "a text is searched in a `port` or `path` that is `started`",
            ));
        }
        self.pattern().map(drop)
    }

    fn check_option(name: &str, value: &str) -> Result<(), ArgumentError> {
        match name {
            "search_regex" => Pattern::new(value, Reading::Lines)
                .map(drop)
                .map_err(|error| ArgumentError::option(name, error.to_string())),
            _ => Ok(()),
        }
    }

    fn check(&self, context: &mut Context<'_>) -> Result<State<Instant>, Failure> {
        let start = Instant::now();
        let is_bare = self.port.is_none() && self.path.is_none();
        if !is_bare && self.delay.0 == 0 {
            let pattern = self.pattern().map_err(|error| Failure::new(error.to_string()))?;
            if self.look(context, pattern.as_ref(), 1)? {
                return Ok(State::Satisfied(self.outcome(start)));
            }
        }
        Ok(State::Unknown {
            plan: start,
            reason: format!("krun would wait for {}", self.subject()),
        })
    }

    fn apply(&self, context: &mut Context<'_>, start: Instant) -> Result<Outcome, Failure> {
        let deadline = start + Duration::from_secs(self.timeout.0);
        // The node may be restarted meanwhile.
        context.only_looks = true;
        context.report(&format!("waiting for {}", self.subject()));
        context.wait(Duration::from_secs(self.delay.0))?;
        let pattern = self.pattern().map_err(|error| Failure::new(error.to_string()))?;
        if self.port.is_none() && self.path.is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            context.wait(left)?;
            return Ok(self.outcome(start));
        }
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let looks = (left.min(ROUND).as_secs() / self.pause()).max(1);
            if self.look(context, pattern.as_ref(), looks)? {
                return Ok(self.outcome(start));
            }
            if Instant::now() >= deadline {
                let message = self.msg.as_ref().map_or_else(
                    || format!("waited {} s in vain for {}", self.timeout.0, self.subject()),
                    |message| message.0.clone(),
                );
                return Err(Failure::new(message).with("elapsed", start.elapsed().as_secs()));
            }
            // try.sh paused between its looks; the pause between two exchanges is due here.
            let left = deadline.saturating_duration_since(Instant::now());
            context.wait(Duration::from_secs(self.pause()).min(left))?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use serde_json::{Value, json};

    use crate::modules::testing::{local_shell, run_module};
    use crate::modules::{Failure, Outcome};

    fn run(options: Value) -> Result<Outcome, Failure> {
        run_module("wait_for", options, &mut *local_shell())
    }

    #[test]
    fn an_open_port_is_found_and_a_closed_one_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        run(json!({"port": port})).unwrap();
        // Another name for this machine, so that a connection is really made.
        run(json!({"host": "127.0.0.2", "port": port, "timeout": 1, "state": "stopped"})).unwrap();
        drop(listener);
        run(json!({"port": port, "state": "stopped"})).unwrap();
        let failure = run(json!({"port": port, "timeout": 1})).unwrap_err();
        assert_eq!(
            failure.message,
            format!("waited 1 s in vain for 127.0.0.1:{port} to answer")
        );
    }

    #[test]
    fn a_file_that_appears_later_is_awaited() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(300));
                std::fs::write(&path, "starting\nready\n").unwrap();
            });
            run(json!({"path": path, "search_regex": "^ready$", "timeout": 10})).unwrap();
        });
        run(json!({"path": path})).unwrap();
        let failure = run(json!({"path": path, "state": "absent", "timeout": 0, "msg": "still there"})).unwrap_err();
        assert_eq!(failure.message, "still there");
    }

    #[test]
    fn mistakes_are_found_before_the_run() {
        let module = crate::modules::find("wait-for").unwrap();
        for options in [
            json!({"port": 1, "path": "/x"}),
            json!({"port": 70000}),
            json!({"search_regex": "x"}),
            json!({"port": 1, "search_regex": "("}),
            json!({"path": "/x", "state": "drained"}),
        ] {
            assert!(module.validate(options.clone()).is_err(), "{options}");
        }
    }
}
