//! Ansible's lookups: `lookup('file', 'x')`, `query('fileglob', '*.yml')`. They read what is on this machine.

mod files;
mod lines;
mod lists;
mod password;
mod search;
mod sequence;
mod tables;
#[cfg(test)]
mod tests;
mod variables;

use std::cell::Cell;

pub(super) use files::matching;

use minijinja::value::{Kwargs, ValueKind, from_args};
use minijinja::{Environment, Error, State, Value};

use super::arguments::{More, refusal};
use super::{chance, registry};

/// A lookup: its name, the options that it has, and what it does.
struct Lookup {
    name: &'static str,
    options: &'static [&'static str],
    /// It asks this machine, so that its answer may be another one the next time.
    outside: bool,
    run: fn(&Query<'_, '_, '_>) -> Result<Vec<Value>, Error>,
}

const fn inside(name: &'static str, options: &'static [&'static str], run: Run) -> Lookup {
    Lookup {
        name,
        options,
        outside: false,
        run,
    }
}

const fn outside(name: &'static str, options: &'static [&'static str], run: Run) -> Lookup {
    Lookup {
        outside: true,
        ..inside(name, options, run)
    }
}

type Run = fn(&Query<'_, '_, '_>) -> Result<Vec<Value>, Error>;

static LOOKUPS: [Lookup; 24] = [
    outside("csvfile", &tables::CSVFILE, tables::csvfile),
    inside("dict", &[], lists::dict),
    inside("env", &["default"], variables::env),
    outside("file", &["rstrip", "lstrip"], files::file),
    outside("fileglob", &[], files::fileglob),
    outside("first_found", &["files", "paths", "skip"], files::first_found),
    inside("flattened", &[], lists::flattened),
    inside("indexed_items", &[], lists::indexed_items),
    outside("ini", &tables::INI, tables::ini),
    inside("inventory_hostnames", &[], variables::inventory_hostnames),
    inside("items", &[], lists::items),
    outside("lines", &[], lines::lines),
    inside("list", &[], lists::list),
    inside("nested", &[], lists::nested),
    outside(
        "password",
        &["length", "chars", "encrypt", "seed", "ident"],
        password::password,
    ),
    outside("pipe", &[], lines::pipe),
    outside("random_choice", &[], lists::random_choice),
    inside(
        "sequence",
        &["start", "end", "count", "stride", "format"],
        sequence::sequence,
    ),
    inside("subelements", &[], lists::subelements),
    outside(
        "template",
        &[
            "convert_data",
            "template_vars",
            "trim_blocks",
            "lstrip_blocks",
            "variable_start_string",
            "variable_end_string",
            "comment_start_string",
            "comment_end_string",
        ],
        files::template,
    ),
    inside("together", &[], lists::together),
    inside("varnames", &[], variables::varnames),
    inside("vars", &["default"], variables::vars),
    inside("cartesian", &[], lists::nested),
];

/// Lookups that Ansible has and krun refuses, and why.
const REFUSED: [(&str, &str); 5] = [
    (
        "config",
        "krun has no configuration of Ansible's; `krun config` shows its own",
    ),
    (
        "unvault",
        "vaulted variables and files of variables are decrypted when they are read",
    ),
    ("url", "use the `uri` module with `delegate_to: localhost`"),
    ("k8s", "use the `command` module with kubectl"),
    ("dig", "use the `command` module, or the facts of the hosts"),
];

/// One call of a lookup.
struct Query<'q, 's, 'e> {
    name: &'static str,
    state: &'q State<'s, 'e>,
    terms: Vec<Value>,
    options: Vec<(String, Value)>,
}

impl Query<'_, '_, '_> {
    fn option(&self, name: &str) -> Option<&Value> {
        let found = self.options.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value).filter(|value| !value.is_none())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.option(name).map(ToString::to_string)
    }

    fn flag(&self, name: &str, otherwise: bool) -> bool {
        self.option(name).map_or(otherwise, |value| {
            let text = value.as_str().and_then(crate::syntax::parse_bool);
            text.unwrap_or_else(|| value.is_true())
        })
    }

    /// The terms as texts.
    fn texts(&self) -> Result<Vec<String>, Error> {
        let text = |term: &Value| match term.kind() {
            ValueKind::Map | ValueKind::Seq | ValueKind::Iterable => Err(self.wrong("it takes texts")),
            _ => Ok(term.to_string()),
        };
        self.terms.iter().map(text).collect()
    }

    fn wrong(&self, message: impl std::fmt::Display) -> Error {
        refusal(format!("the lookup `{}`: {message}", self.name))
    }
}

/// Adds `lookup`, `query` and `q` to an engine.
pub(super) fn register(engine: &mut Environment<'static>) {
    engine.add_function("lookup", |state: &State<'_, '_>, name: String, values: More| {
        call(state, &name, values, false)
    });
    for name in ["query", "q"] {
        engine.add_function(name, |state: &State<'_, '_>, name: String, values: More| {
            call(state, &name, values, true)
        });
    }
}

/// Names of all lookups.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    LOOKUPS.iter().map(|lookup| lookup.name)
}

/// Why there is no lookup of this name; nothing when there is one.
pub(super) fn missing(name: &str) -> Option<String> {
    let plain = plain(name);
    if LOOKUPS.iter().any(|lookup| lookup.name == plain) {
        return None;
    }
    if let Some((_, reason)) = REFUSED.iter().find(|(refused, _)| *refused == plain) {
        return Some(format!("krun has no lookup `{name}`: {reason}"));
    }
    let near = crate::syntax::closest(plain, LOOKUPS.iter().map(|lookup| lookup.name));
    let hint = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
    Some(format!("there is no lookup `{name}`{hint}"))
}

fn plain(name: &str) -> &str {
    let name = name.strip_prefix(registry::PREFIX).unwrap_or(name);
    name.strip_prefix("community.general.").unwrap_or(name)
}

thread_local! {
    static SHUT: Cell<bool> = const { Cell::new(false) };
}

/// Has no lookup ask this machine while `work` is done on this thread: it fails instead, and counts as drawn at random.
///
/// For whoever evaluates something that the run will evaluate, too: a command must not be run twice, or before its time.
pub fn without_lookups<T>(work: impl FnOnce() -> T) -> T {
    struct Reopen(bool);
    impl Drop for Reopen {
        fn drop(&mut self) {
            SHUT.set(self.0);
        }
    }
    let _reopen = Reopen(SHUT.replace(true));
    work()
}

fn call(state: &State<'_, '_>, name: &str, values: More, is_query: bool) -> Result<Value, Error> {
    let wanted = plain(name);
    let Some(lookup) = LOOKUPS.iter().find(|lookup| lookup.name == wanted) else {
        return Err(refusal(missing(name).unwrap_or_default()));
    };
    let values = values.into_values();
    let (terms, named): (&[Value], Kwargs) = from_args(&values)?;
    let mut query = Query {
        name: lookup.name,
        state,
        terms: terms.to_vec(),
        options: Vec::new(),
    };
    let (mut wants_list, mut errors) = (is_query, "strict".to_owned());
    for name in named.args() {
        let value: Value = named.peek(name)?;
        match name {
            "wantlist" => wants_list = value.is_true(),
            "errors" => errors = value.to_string(),
            _ if lookup.options.contains(&name) => query.options.push((name.to_owned(), value)),
            _ => {
                let near = crate::syntax::closest(name, lookup.options.iter().copied());
                let hint = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
                return Err(query.wrong(format!("it has no option `{name}`{hint}")));
            }
        }
    }
    if !["strict", "warn", "ignore"].contains(&errors.as_str()) {
        return Err(query.wrong("`errors` is strict, warn or ignore"));
    }
    if query.terms.iter().any(Value::is_undefined) {
        return Err(Error::from(minijinja::ErrorKind::UndefinedError));
    }
    if lookup.outside {
        chance::note();
        if SHUT.get() {
            return Err(query.wrong("it is not asked before its time"));
        }
    }
    let found = match (lookup.run)(&query) {
        Ok(found) => found,
        Err(error) if errors == "strict" => return Err(error),
        Err(_) if wants_list => Vec::new(),
        Err(_) => return Ok(Value::from(())),
    };
    if wants_list || found.is_empty() {
        return Ok(Value::from(found));
    }
    // As Ansible does: one is given as it is, several texts as one text.
    match found.as_slice() {
        [one] => Ok(one.clone()),
        many if many.iter().all(|item| item.as_str().is_some()) => {
            let texts: Vec<_> = many.iter().filter_map(Value::as_str).collect();
            Ok(Value::from(texts.join(",")))
        }
        _ => Ok(Value::from(found)),
    }
}
