//! The steps of an upgrade: the programs that it runs on the nodes, found in the trace of an undisturbed run.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::changes::all_changes;

/// A call of a program on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The task that it belongs to.
    pub task: String,
    pub nodes: Vec<String>,
    pub program: String,
    /// Its arguments, joined by spaces.
    pub arguments: String,
    /// What it changes, as `support/changes.rs` calls it.
    pub change: Option<String>,
}

/// A line of the lab's trace.
#[derive(Debug, Clone)]
pub struct Call {
    at: u128,
    pub node: String,
    pub program: String,
    pub arguments: String,
    change: Option<String>,
}

impl Call {
    pub fn of(line: &str) -> Option<Self> {
        let mut fields = line.split('\t');
        let at = fields.next()?.parse().ok()?;
        let (node, _user) = (fields.next()?.to_owned(), fields.next()?);
        let program = fields.next()?.to_owned();
        let quoted: Vec<&str> = fields.collect();
        let shown = format!("{node} {program} {}", quoted.join(" "));
        let arguments = unquoted(&quoted.join(" "));
        Some(Self {
            at,
            change: all_changes(&[shown]).pop(),
            node,
            program,
            arguments,
        })
    }

    /// Whether the upgrade made it; the lab's kubelet starts and stops the static pods by systemctl too.
    fn is_krun(&self) -> bool {
        !self.arguments.contains("static-pod-")
    }
}

/// The head of a task, and when it was printed.
pub type Head = (u128, String);

pub fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()
}

/// Of each task the calls that change something, else the first one that no task before it has made.
pub fn of(heads: &[Head], calls: &[Call]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let ends = heads.iter().skip(1).map(|(at, _)| *at).chain([u128::MAX]);
    for ((from, task), to) in heads.iter().zip(ends) {
        let of_task: Vec<&Call> = calls
            .iter()
            .filter(|call| call.at >= *from && call.at < to && call.is_krun())
            .collect();
        let mut new: Vec<Step> = Vec::new();
        for call in &of_task {
            if steps.iter().any(|step| step.is(call)) {
                continue;
            }
            let same = new
                .iter_mut()
                .find(|step| step.program == call.program && step.arguments == call.arguments);
            match same {
                Some(step) if step.nodes.contains(&call.node) => {}
                Some(step) => step.nodes.push(call.node.clone()),
                None => new.push(Step {
                    task: task.clone(),
                    nodes: vec![call.node.clone()],
                    program: call.program.clone(),
                    arguments: call.arguments.clone(),
                    change: call.change.clone(),
                }),
            }
        }
        let changing: Vec<Step> = new.iter().filter(|step| step.change.is_some()).cloned().collect();
        if changing.is_empty() {
            steps.extend(new.into_iter().next());
        } else {
            steps.extend(changing);
        }
    }
    steps
}

impl Step {
    fn is(&self, call: &Call) -> bool {
        self.program == call.program
            && self.nodes.contains(&call.node)
            && volatile(&self.arguments) == volatile(&call.arguments)
    }

    /// A regular expression of Python for these arguments, whatever the hour and the limits are.
    pub fn pattern(&self) -> String {
        format!("^{}$", volatile(&regex::escape(&self.arguments)))
    }

    /// For people.
    pub fn shown(&self) -> String {
        let plain = regex::Regex::new(r"--(kubeconfig|request-timeout|dial-timeout|command-timeout|cacert|cert|key|endpoints|qf|output)=\S+ ?|-[qy] ")
            .unwrap()
            .replace_all(&self.arguments, "")
            .into_owned();
        let plain = regex::Regex::new(r"\S*\d{8}T\S+")
            .unwrap()
            .replace_all(&plain, "…")
            .into_owned();
        let mut words = String::new();
        for word in plain.split_whitespace() {
            if words.len() + word.len() > 60 {
                words.push('…');
                break;
            }
            words.push_str(word);
            words.push(' ');
        }
        format!("{} {}", self.program, words.trim_end()).replace('|', "\\|")
    }
}

/// A text with what differs from run to run made a wildcard: times, names of runs, limits that a kind of fault sets.
fn volatile(text: &str) -> String {
    let stamps = regex::Regex::new(
        r#"[^/ "']*\d{8}T\d{6}Z[^/ "']*|\d{8}\\?-\d{6}\\?-[a-z]{4}|\d{4}\\?-\d\d\\?-\d\dT[0-9:.]+Z?"#,
    )
    .unwrap();
    let limits = regex::Regex::new(r"(timeout=)\d+s").unwrap();
    let text = stamps.replace_all(text, ".*").into_owned();
    limits.replace_all(&text, "${1}[0-9]+s").into_owned()
}

/// Arguments as bash quotes them, without the quotes.
fn unquoted(text: &str) -> String {
    let mut plain = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => plain.extend(letters.next()),
            '\'' => plain.extend(letters.by_ref().take_while(|letter| *letter != '\'')),
            '$' if letters.peek() == Some(&'\'') => {
                letters.next();
                while let Some(letter) = letters.next().filter(|letter| *letter != '\'') {
                    plain.push(match (letter, letter == '\\') {
                        (_, true) => match letters.next().unwrap_or_default() {
                            'n' => '\n',
                            't' => '\t',
                            other => other,
                        },
                        (letter, false) => letter,
                    });
                }
            }
            letter => plain.push(letter),
        }
    }
    plain
}

#[test]
fn what_bash_quotes() {
    assert_eq!(unquoted(r"get '--output=a'\''b'\''c' x\ y"), "get --output=a'b'c x y");
    assert_eq!(unquoted(r"--qf $'%{name}\t%{evr}\\n' z"), "--qf %{name}\t%{evr}\\n z");
}
