//! Lists of sources of apt, one source a line.

/// A list of sources, as it is on the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    pub path: String,
    pub text: String,
}

/// Reads what query.sh printed: the directory of the lists, and the lists.
pub fn read(answer: &str) -> (String, Vec<SourceFile>) {
    let mut parts = String::new();
    let mut files: Vec<SourceFile> = Vec::new();
    for line in answer.lines() {
        if let Some(path) = line.strip_prefix("== ") {
            files.push(SourceFile {
                path: path.to_owned(),
                text: String::new(),
            });
        } else if let (Some(text), Some(file)) = (line.strip_prefix(' '), files.last_mut()) {
            file.text.push_str(text);
            file.text.push('\n');
        } else if let Some(value) = line.strip_prefix("parts=") {
            value.clone_into(&mut parts);
        }
    }
    (parts, files)
}

/// A line that is a source, switched on or off (a comment).
struct Source {
    text: String,
    enabled: bool,
}

fn parse(line: &str) -> Option<Source> {
    let line = line.trim();
    let (rest, enabled) = line.strip_prefix('#').map_or((line, true), |rest| (rest, false));
    let source = match rest.find('#') {
        Some(comment) if comment > 0 => rest.get(..comment)?,
        _ => rest,
    };
    let words: Vec<&str> = source.split_whitespace().collect();
    matches!(words.first(), Some(&("deb" | "deb-src"))).then(|| Source {
        text: words.join(" "),
        enabled,
    })
}

/// A source as lists have it; none when the text is no source.
pub fn normalized(repo: &str) -> Option<String> {
    parse(repo).filter(|source| source.enabled).map(|source| source.text)
}

/// The name of the file for a source that has none: its address, with nothing but letters and digits.
pub fn file_name(source: &str) -> String {
    let mut bare = String::new();
    let mut is_option = false;
    for character in source.chars() {
        match character {
            '[' => is_option = true,
            ']' => is_option = false,
            _ if !is_option => bare.push(character),
            _ => {}
        }
    }
    let address = bare
        .split_whitespace()
        .find(|word| !matches!(*word, "deb" | "deb-src"))
        .unwrap_or_default();
    let address = address.split_once("://").map_or(address, |(_, rest)| rest);
    let address = address.split_once('@').map_or(address, |(_, rest)| rest);
    let words: Vec<&str> = address
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.join("_")
}

/// The files that change when the source is there, each as it is to be. A source that is switched off is switched on.
pub fn with_source(files: &[SourceFile], source: &str, path: &str) -> Vec<SourceFile> {
    let is_known = files
        .iter()
        .any(|file| file.text.lines().filter_map(parse).any(|line| line.text == source));
    if is_known {
        return edited(files, |line| match parse(line) {
            Some(found) if found.text == source && !found.enabled => Some(source.to_owned()),
            _ => Some(line.to_owned()),
        });
    }
    let old = files.iter().find(|file| file.path == path);
    let text = old.map_or("", |file| file.text.as_str());
    vec![SourceFile {
        path: path.to_owned(),
        text: format!("{text}{source}\n"),
    }]
}

/// The files that change when the source is not there, each as it is to be; one in which nothing is left is empty.
pub fn without_source(files: &[SourceFile], source: &str) -> Vec<SourceFile> {
    edited(files, |line| match parse(line) {
        Some(found) if found.text == source && found.enabled => None,
        _ => Some(line.to_owned()),
    })
}

fn edited(files: &[SourceFile], edit: impl Fn(&str) -> Option<String>) -> Vec<SourceFile> {
    files
        .iter()
        .map(|file| SourceFile {
            path: file.path.clone(),
            text: file.text.lines().filter_map(&edit).map(|line| line + "\n").collect(),
        })
        .filter(|file| !files.contains(file))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const K8S: &str = "deb [signed-by=/k.gpg] https://pkgs.k8s.io/core:/stable:/v1.28/deb/ /";

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn names_come_from_addresses() {
        assert_eq!(file_name(K8S), "pkgs_k8s_io_core_stable_v1_28_deb");
        assert_eq!(file_name("deb https://me:secret@x.org/a b c"), "x_org_a");
    }

    #[test]
    fn sources_are_added_once() {
        let files = [file("/l", "# by hand\ndeb  http://a  b c # why\n")];
        assert_eq!(with_source(&files, "deb http://a b c", "/new"), []);
        assert_eq!(with_source(&files, K8S, "/new"), [file("/new", &format!("{K8S}\n"))]);
        assert_eq!(
            with_source(&files, K8S, "/l"),
            [file("/l", &format!("{}{K8S}\n", files[0].text))]
        );
    }

    #[test]
    fn a_source_that_is_switched_off_is_switched_on() {
        let files = [file("/l", "# deb http://a b c\n# by hand\n")];
        assert_eq!(
            with_source(&files, "deb http://a b c", "/new"),
            [file("/l", "deb http://a b c\n# by hand\n")]
        );
    }

    #[test]
    fn sources_are_removed() {
        let files = [
            file("/l", "x\ndeb http://a b c\n"),
            file("/m", "deb http://a b c\n# deb http://a b c\n"),
        ];
        assert_eq!(
            without_source(&files, "deb http://a b c"),
            [file("/l", "x\n"), file("/m", "# deb http://a b c\n")]
        );
        assert_eq!(without_source(&files, K8S), []);
    }

    #[test]
    fn what_is_no_source_is_refused() {
        assert_eq!(normalized("deb   http://a   b"), Some("deb http://a b".to_owned()));
        for text in ["ppa:x/y", "# deb http://a b", "http://a b", ""] {
            assert_eq!(normalized(text), None, "{text}");
        }
    }
}
