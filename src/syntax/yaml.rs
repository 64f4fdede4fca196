use std::path::Path;
use std::sync::Arc;

use saphyr::{MarkedYaml, YamlData, YamlLoader};
use saphyr_parser::{Parser, ScalarStyle, Span, Tag};

use super::diagnostic::Diagnostic;
use super::node::{Entry, Kind, Node, Style};
use super::source::{Place, SourceFile};
use super::text_file::read_text;

/// Deepest nesting that is read; a playbook has some ten levels.
const MAX_DEPTH: usize = 100;

/// Reads a YAML file whole; `what` names it in findings.
///
/// # Errors
/// A file that cannot be read or is not YAML gives the diagnostic that says so.
pub fn read(path: &Path, what: &str) -> Result<Option<Node>, Diagnostic> {
    let text = read_text(path, what)?;
    parse(&SourceFile::new(path, text))
}

/// Parses one YAML document; `None` when the text holds none.
///
/// # Errors
/// A diagnostic at the place where the text stops being YAML, or where a key stands twice.
pub fn parse(source: &Arc<SourceFile>) -> Result<Option<Node>, Diagnostic> {
    let mut loader = YamlLoader::<MarkedYaml<'_>>::default();
    loader.early_parse(false);
    let mut parser = Parser::new_from_str(source.text());
    let outcome = parser.load(&mut loader, true);
    let error = loader.error().cloned().or(outcome.err());
    if let Some(error) = error {
        let place = Place {
            source: Arc::clone(source),
            line: error.marker().line().max(1),
            column: error.marker().col() + 1,
            width: 1,
        };
        return Err(explain(error.info(), place));
    }
    let mut documents = loader.into_documents();
    if documents.len() > 1 {
        let second = place_of(source, documents[1].span);
        return Err(
            Diagnostic::error("a second YAML document begins here; krun reads one document a file")
                .at(second)
                .help("put it into a file of its own"),
        );
    }
    documents.pop().map(|document| convert(source, document, 0)).transpose()
}

/// Puts the parser's finding into words, with the mistake that is behind it most often.
fn explain(info: &str, place: Place) -> Diagnostic {
    let lines = || place.source.text().lines().enumerate().skip(place.line - 1);
    // The parser notices a tab only after the line before it.
    if let Some((index, line)) = lines().take(2).find(|(_, line)| is_indented_with_tab(line)) {
        let column = line.find('\t').unwrap_or_default() + 1;
        let tab = Place {
            line: index + 1,
            column,
            ..place.clone()
        };
        return Diagnostic::error("this is not valid YAML: the line is indented with a tab")
            .at(tab)
            .help("indent with spaces");
    }
    if info.contains("duplicated key") {
        let key: String = lines()
            .next()
            .map(|(_, line)| line.chars().skip(place.column - 1).take_while(|c| *c != ':').collect())
            .unwrap_or_default();
        let width = key.chars().count();
        let place = Place {
            width: width.max(1),
            ..place
        };
        return Diagnostic::error(format!("the key `{key}` stands twice in one mapping"))
            .at(place)
            .help("only one of them can count; remove or rename the other");
    }
    if info.contains("recursion limit") {
        return Diagnostic::error(format!("nested more than {MAX_DEPTH} levels deep")).at(place);
    }
    let line = lines().next().map(|(_, line)| line).unwrap_or_default();
    let hint = if line.contains(": {{") || line.contains(": {%") {
        Some("a value that begins with `{{` must stand in quotes: \"{{ … }}\"")
    } else if info.contains("quoted scalar") {
        Some("is a quote missing at its end?")
    } else if info.contains("unknown anchor") {
        Some("`*name` stands for what is marked `&name` above it; a value that begins with `*` must stand in quotes")
    } else if info.contains("did not find expected") {
        Some("do all keys of one mapping, and all dashes of one list, begin in the same column?")
    } else if line.matches(": ").count() > 1 {
        Some("a value that contains `: ` must stand in quotes")
    } else {
        None
    };
    let mut diagnostic = Diagnostic::error(format!("this is not valid YAML: {info}")).at(place);
    if let Some(hint) = hint {
        diagnostic = diagnostic.help(hint);
    }
    diagnostic
}

fn is_indented_with_tab(line: &str) -> bool {
    line.trim_start_matches(' ').starts_with('\t') && !line.trim().is_empty()
}

fn place_of(source: &Arc<SourceFile>, span: Span) -> Place {
    let on_one_line = span.start.line() == span.end.line();
    Place {
        source: Arc::clone(source),
        line: span.start.line(),
        column: span.start.col() + 1,
        width: if on_one_line {
            span.end.col().saturating_sub(span.start.col()).max(1)
        } else {
            1
        },
    }
}

fn convert(source: &Arc<SourceFile>, yaml: MarkedYaml<'_>, depth: usize) -> Result<Node, Diagnostic> {
    let place = place_of(source, yaml.span);
    if depth > MAX_DEPTH {
        return Err(Diagnostic::error(format!("nested more than {MAX_DEPTH} levels deep")).at(place));
    }
    let (kind, tag) = match yaml.data {
        YamlData::Representation(text, style, tag) => scalar(&text, style, tag.as_deref()),
        YamlData::Sequence(items) => {
            let items = items
                .into_iter()
                .map(|item| convert(source, item, depth + 1))
                .collect::<Result<_, _>>()?;
            (Kind::Sequence(items), None)
        }
        YamlData::Mapping(map) => {
            let mut entries = Vec::with_capacity(map.len());
            for (key, value) in map {
                entries.push(entry(source, key, value, depth)?);
            }
            (Kind::Mapping(merge_keys(entries)?), None)
        }
        YamlData::Tagged(tag, inner) => {
            let mut node = convert(source, *inner, depth + 1)?;
            node.tag = own_tag(&tag);
            node.place = place;
            return Ok(node);
        }
        YamlData::Value(_) | YamlData::Alias(_) | YamlData::BadValue => {
            return Err(Diagnostic::error("this YAML node cannot be read here").at(place));
        }
    };
    Ok(Node { kind, place, tag })
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> (Kind, Option<String>) {
    let forced_string = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
    let style = match style {
        ScalarStyle::Plain if forced_string => Style::Quoted,
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
    };
    let kind = Kind::Scalar {
        text: text.to_owned(),
        style,
    };
    (kind, tag.and_then(own_tag))
}

/// An application's tag (`!vault`); those of YAML itself say nothing that the value does not.
fn own_tag(tag: &Tag) -> Option<String> {
    (!tag.is_yaml_core_schema()).then(|| tag.suffix.clone())
}

fn entry(
    source: &Arc<SourceFile>,
    key: MarkedYaml<'_>,
    value: MarkedYaml<'_>,
    depth: usize,
) -> Result<Entry, Diagnostic> {
    let key = convert(source, key, depth + 1)?;
    let Kind::Scalar { text, .. } = key.kind else {
        let unquoted_template = matches!(&key.kind, Kind::Mapping(_));
        return Err(if unquoted_template {
            Diagnostic::error("without quotes, `{{` begins a mapping here and no template")
                .at(key.place)
                .help("a value that begins with `{{` must stand in quotes: \"{{ … }}\"")
        } else {
            Diagnostic::error(format!("a key must be text, this is {}", key.describe())).at(key.place)
        });
    };
    Ok(Entry {
        key: text,
        key_place: key.place,
        value: convert(source, value, depth + 1)?,
    })
}

/// Applies YAML's merge key `<<`: the mapping's own keys win, earlier merged mappings beat later ones.
fn merge_keys(entries: Vec<Entry>) -> Result<Vec<Entry>, Diagnostic> {
    if !entries.iter().any(|entry| entry.key == "<<") {
        return Ok(entries);
    }
    let (merges, mut own): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.key == "<<");
    for merge in merges {
        let sources = match merge.value.kind {
            Kind::Mapping(entries) => vec![entries],
            Kind::Sequence(items) => items
                .into_iter()
                .map(|item| match item.kind {
                    Kind::Mapping(entries) => Ok(entries),
                    // An alias has the place of what it stands for, which is right where it is.
                    _ => Err(Diagnostic::error("`<<` merges mappings only").at(&merge.key_place)),
                })
                .collect::<Result<_, _>>()?,
            Kind::Scalar { .. } => {
                return Err(Diagnostic::error("`<<` merges mappings only").at(merge.key_place));
            }
        };
        for inherited in sources.into_iter().flatten() {
            if !own.iter().any(|entry| entry.key == inherited.key) {
                own.push(inherited);
            }
        }
    }
    Ok(own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse_text(text: &str) -> Result<Option<Node>, Diagnostic> {
        parse(&SourceFile::new("test.yml", text))
    }

    #[test]
    fn nodes_know_their_place() {
        let node = parse_text("- hosts: all\n  tasks:\n    - name: x\n").unwrap().unwrap();
        let play = &node.items().unwrap()[0];
        assert_eq!(play.get("hosts").unwrap().place.to_string(), "test.yml:1:10");
        let entries = play.entries().unwrap();
        assert_eq!(entries[1].key_place.to_string(), "test.yml:2:3");
    }

    #[test]
    fn merge_keys_are_applied() {
        let node = parse_text("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\n")
            .unwrap()
            .unwrap();
        assert_eq!(node.to_value(), json!({"a": {"x": 1, "y": 2}, "b": {"y": 3, "x": 1}}));
    }

    #[test]
    fn a_key_that_stands_twice_is_an_error() {
        assert!(parse_text("a: 1\na: 2\n").is_err());
    }

    #[test]
    fn an_unquoted_template_is_explained() {
        let error = parse_text("msg: {{ foo }}\n").unwrap_err();
        assert!(error.to_string().contains("must stand in quotes"), "{error}");
    }

    #[test]
    fn application_tags_are_kept() {
        let node = parse_text("secret: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n")
            .unwrap()
            .unwrap();
        assert_eq!(node.get("secret").unwrap().tag.as_deref(), Some("vault"));
    }
}
