use minijinja::{Error, Value};

use super::Query;
use crate::template::filters::user_pattern;

/// A term such as `key file=x col=2`: the key, and options that win over those of the call.
struct Term {
    key: String,
    options: Vec<(String, String)>,
}

impl Term {
    fn read(query: &Query<'_, '_, '_>, text: &str, known: &[&str]) -> Result<Self, Error> {
        let words = shlex::split(text).ok_or_else(|| query.wrong("a quote has no end"))?;
        let mut term = Self {
            key: String::new(),
            options: Vec::new(),
        };
        for word in words {
            match word.split_once('=') {
                Some((name, value)) if known.contains(&name) => {
                    term.options.push((name.to_owned(), value.to_owned()));
                }
                _ if term.key.is_empty() => term.key = word,
                _ => term.key = format!("{} {word}", term.key),
            }
        }
        if term.key.is_empty() {
            return Err(query.wrong("it takes the name of what is looked for"));
        }
        Ok(term)
    }

    fn get(&self, query: &Query<'_, '_, '_>, name: &str) -> Option<String> {
        let own = self.options.iter().find(|(given, _)| given == name);
        own.map(|(_, value)| value.clone()).or_else(|| query.text(name))
    }

    fn flag(&self, query: &Query<'_, '_, '_>, name: &str) -> bool {
        self.get(query, name)
            .is_some_and(|text| crate::syntax::parse_bool(&text.to_lowercase()).unwrap_or(false))
    }

    fn number(&self, query: &Query<'_, '_, '_>, name: &str, otherwise: usize) -> Result<usize, Error> {
        match self.get(query, name) {
            None => Ok(otherwise),
            Some(text) => text.parse().map_err(|_| query.wrong(format!("`{name}` is a number"))),
        }
    }
}

/// krun reads UTF-8 and nothing else.
fn refuse_encoding(query: &Query<'_, '_, '_>, term: &Term) -> Result<(), Error> {
    match term.get(query, "encoding").as_deref().map(str::to_lowercase).as_deref() {
        None | Some("utf-8" | "utf8") => Ok(()),
        Some(other) => Err(query.wrong(format!("krun reads UTF-8, not {other}"))),
    }
}

/// Options of the lookup `csvfile`.
pub(super) const CSVFILE: [&str; 6] = ["file", "delimiter", "default", "col", "keycol", "encoding"];

pub(super) fn csvfile(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    for text in query.texts()? {
        let term = Term::read(query, &text, &CSVFILE)?;
        refuse_encoding(query, &term)?;
        let file = term.get(query, "file").unwrap_or_else(|| "ansible.csv".to_owned());
        let delimiter = term.get(query, "delimiter").unwrap_or_else(|| "TAB".to_owned());
        let delimiter = match delimiter.as_bytes() {
            b"TAB" | b"t" | b"\\t" => b'\t',
            [one] => *one,
            _ => return Err(query.wrong("`delimiter` is one character, or TAB")),
        };
        let (column, key_column) = (term.number(query, "col", 1)?, term.number(query, "keycol", 0)?);
        let text = query.read(&query.find(&["files"], &file)?)?;
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(text.as_bytes());
        let mut value = None;
        for record in reader.records() {
            let record = record.map_err(|error| query.wrong(format!("{file}: {error}")))?;
            if record.get(key_column) == Some(term.key.as_str()) {
                value = record.get(column).map(str::to_owned);
                break;
            }
        }
        found.extend(value.or_else(|| term.get(query, "default")).map(Value::from));
    }
    Ok(found)
}

/// Options of the lookup `ini`.
pub(super) const INI: [&str; 8] = [
    "file",
    "section",
    "type",
    "re",
    "default",
    "encoding",
    "case_sensitive",
    "allow_none",
];

pub(super) fn ini(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    for text in query.texts()? {
        let term = Term::read(query, &text, &INI)?;
        refuse_encoding(query, &term)?;
        let file = term.get(query, "file").unwrap_or_else(|| "ansible.ini".to_owned());
        let path = query.find(&["files"], &file)?;
        let text = query.read(&path)?;
        let exact = term.flag(query, "case_sensitive");
        let folded = |text: &str| if exact { text.to_owned() } else { text.to_lowercase() };
        let section = match term.get(query, "type").as_deref() {
            Some("properties") => None,
            None | Some("ini") => Some(term.get(query, "section").unwrap_or_else(|| "global".to_owned())),
            Some(other) => return Err(query.wrong(format!("there is no type `{other}`: ini or properties"))),
        };
        let entries = entries(&text, section.as_deref());
        if term.flag(query, "re") {
            let wanted = user_pattern(&term.key, !exact, false)?;
            let fits = |(key, value): &(String, String)| wanted.is_match(key).then(|| Value::from(value.as_str()));
            found.extend(entries.iter().filter_map(fits));
            continue;
        }
        let key = folded(&term.key);
        let value = entries.iter().rev().find(|(name, _)| folded(name) == key);
        let value = value
            .map(|(_, value)| value.clone())
            .or_else(|| term.get(query, "default"));
        found.push(Value::from(value.unwrap_or_default()));
    }
    Ok(found)
}

/// The settings of a section, or those outside of any.
fn entries(text: &str, wanted: Option<&str>) -> Vec<(String, String)> {
    let mut section: Option<&str> = None;
    let mut entries: Vec<(String, String)> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with(['#', ';']) {
            goes_on = false;
            continue;
        }
        if let Some(name) = bare.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            section = Some(name);
            goes_on = false;
            continue;
        }
        if section != wanted {
            continue;
        }
        // A line that is indented goes on with the value before it.
        if goes_on
            && line.starts_with([' ', '\t'])
            && let Some((_, value)) = entries.last_mut()
        {
            value.push('\n');
            value.push_str(bare);
            continue;
        }
        let (key, value) = bare.split_once(['=', ':']).unwrap_or((bare, ""));
        entries.push((key.trim().to_owned(), value.trim().to_owned()));
        goes_on = true;
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_a_section() {
        let text = "x=0\n[a]\n# no\nk = v\n  more\nn: 1\n[b]\nk=w\n";
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(entries(text, Some("a")), [pair("k", "v\nmore"), pair("n", "1")]);
        assert_eq!(entries(text, Some("b")), [pair("k", "w")]);
        assert_eq!(entries(text, None), [pair("x", "0")]);
    }
}
