//! The commands in a shell text, well enough to tell what they do: words, quotes, separators, templates as whole pieces.

/// A word of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Without its quotes.
    pub(super) text: String,
    /// Where it begins in the text.
    pub(super) at: usize,
}

/// One simple command.
#[derive(Clone, Debug, Default)]
pub(super) struct Command {
    /// The program, without its folder, and what follows it.
    words: Vec<Word>,
    /// `timeout` stands before it.
    pub(super) is_timed: bool,
    /// `|| …` stands behind it.
    pub(super) has_or: bool,
}

impl Command {
    /// A command whose words are known.
    pub(super) fn of(words: Vec<String>) -> Self {
        let words = words.into_iter().map(|text| Word { text, at: 0 }).collect();
        Self::from_words(words, false)
    }

    fn from_words(mut words: Vec<Word>, has_or: bool) -> Self {
        const BEFORE: [&str; 15] = [
            "!", "command", "do", "doas", "elif", "else", "env", "exec", "if", "nohup", "sudo", "then", "time",
            "until", "while",
        ];
        let mut is_timed = false;
        let mut skipping = false;
        while let Some(first) = words.first() {
            let text = first.text.as_str();
            let is_duration = is_timed && text.starts_with(|c: char| c.is_ascii_digit() || c == '{');
            let assigned = text.split_once('=').is_some_and(|(name, _)| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            });
            let program = basename(text);
            if BEFORE.contains(&program) {
                skipping = program == "sudo" || program == "doas" || program == "env";
            } else if program == "timeout" {
                is_timed = true;
                skipping = true;
            } else if !(assigned || is_duration || (skipping && text.starts_with('-'))) {
                // `sudo -u root kubectl`, `timeout -k 5 60 kubectl`
                let value = skipping && words.get(1).is_some() && KNOWN_USERS.contains(&text);
                if !value {
                    break;
                }
            }
            words.remove(0);
        }
        Self {
            words,
            is_timed,
            has_or,
        }
    }

    /// The program's name without its folder.
    pub(super) fn program(&self) -> &str {
        self.words.first().map_or("", |word| basename(&word.text))
    }

    /// The word that names the program.
    pub(super) fn first(&self) -> Option<&Word> {
        self.words.first()
    }

    /// All words behind the program.
    pub(super) fn arguments(&self) -> impl Iterator<Item = &str> {
        self.words.iter().skip(1).map(|word| word.text.as_str())
    }

    /// Whether it is this program with these words one after the other, options between them aside.
    pub(super) fn runs(&self, program: &str, subcommands: &[&str]) -> bool {
        if self.program() != program {
            return false;
        }
        let words: Vec<&str> = self.arguments().filter(|word| !word.starts_with('-')).collect();
        // The first words may be values of options before the subcommand.
        (0..words.len().min(4)).any(|from| words[from..].starts_with(subcommands)) || subcommands.is_empty()
    }

    /// Whether one of these options is given and not switched off.
    pub(super) fn has(&self, options: &[&str]) -> bool {
        self.arguments().any(|word| {
            let (name, value) = word.split_once('=').unwrap_or((word, "true"));
            options.contains(&name) && value != "false"
        })
    }

    /// The value of an option, written `--option=value` or `--option value`.
    pub(super) fn value(&self, option: &str) -> Option<&str> {
        let mut words = self.arguments();
        while let Some(word) = words.next() {
            if word == option {
                return words.next();
            }
            if let Some(value) = word.strip_prefix(option).and_then(|rest| rest.strip_prefix('=')) {
                return Some(value);
            }
        }
        None
    }
}

/// Users that `sudo -u` and the like are often followed by.
const KNOWN_USERS: [&str; 2] = ["root", "kube"];

/// The program in a word: `/usr/bin/kubectl`, `{{ bin_dir }}/kubectl` and `{{ kubectl }}` are kubectl.
fn basename(word: &str) -> &str {
    let inner = word.strip_prefix("{{").and_then(|word| word.strip_suffix("}}"));
    match inner {
        Some(inner) if !inner.contains("{{") => inner.trim(),
        _ => word.rsplit('/').next().unwrap_or(word),
    }
}

/// The commands of a text; `shell`: it goes through a shell, so that its signs mean something.
pub(super) fn commands(text: &str, shell: bool) -> Vec<Command> {
    let mut found = Vec::new();
    let mut words: Vec<Word> = Vec::new();
    let mut word: Option<Word> = None;
    let mut rest = text;
    let at = |rest: &str| text.len() - rest.len();
    while let Some(letter) = rest.chars().next() {
        let here = at(rest);
        // A template is one piece, whatever stands in it.
        let template = [("{{", "}}"), ("{%", "%}"), ("{#", "#}")]
            .into_iter()
            .find(|(open, _)| rest.starts_with(open));
        if let Some((open, close)) = template {
            let length = rest.find(close).map_or(rest.len(), |end| end + close.len());
            if open == "{{" {
                push(&mut word, here, &rest[..length]);
            }
            rest = &rest[length..];
            continue;
        }
        match letter {
            '\'' | '"' => {
                let inner = &rest[1..];
                let length = inner.find(letter).unwrap_or(inner.len());
                push(&mut word, here, &inner[..length]);
                rest = inner.get(length + 1..).unwrap_or_default();
                continue;
            }
            '\\' => {
                let next = rest[1..].chars().next();
                if let Some(next) = next.filter(|next| *next != '\n') {
                    push(&mut word, here, next.encode_utf8(&mut [0; 4]));
                }
                rest = &rest[1 + next.map_or(0, char::len_utf8)..];
                continue;
            }
            '#' if shell && word.is_none() => {
                rest = rest.find('\n').map_or("", |end| &rest[end..]);
                continue;
            }
            _ => {}
        }
        let separator = separator(rest, shell);
        if separator.is_some() || letter.is_whitespace() {
            words.extend(word.take());
            if let Some(separator) = separator {
                if !words.is_empty() {
                    found.push(Command::from_words(std::mem::take(&mut words), separator == "||"));
                }
                rest = &rest[separator.len()..];
            } else {
                rest = &rest[letter.len_utf8()..];
            }
        } else {
            push(&mut word, here, &rest[..letter.len_utf8()]);
            rest = &rest[letter.len_utf8()..];
        }
    }
    words.extend(word);
    if !words.is_empty() {
        found.push(Command::from_words(words, false));
    }
    found.retain(|command| !command.words.is_empty());
    found
}

/// Adds to the word that is being read, or begins one.
fn push(word: &mut Option<Word>, at: usize, piece: &str) {
    let begun = word.get_or_insert(Word {
        text: String::new(),
        at,
    });
    begun.text.push_str(piece);
}

/// What ends a command here.
fn separator(rest: &str, shell: bool) -> Option<&'static str> {
    if !shell {
        return None;
    }
    // `2>&1` and `>&2` end nothing, nor does a redirection.
    if rest.starts_with("&>") || rest.starts_with(">&") {
        return None;
    }
    ["&&", "||", "$(", ";", "|", "\n", "(", ")", "`"]
        .into_iter()
        .find(|separator| rest.starts_with(separator))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn texts(text: &str) -> Vec<Vec<String>> {
        let words = |command: &Command| command.words.iter().map(|word| word.text.clone()).collect();
        commands(text, true).iter().map(words).collect()
    }

    #[rstest]
    #[case("kubectl drain n1 --force", &[&["kubectl", "drain", "n1", "--force"][..]])]
    #[case("a 'b c' \"d; e\"", &[&["a", "b c", "d; e"][..]])]
    #[case("a; b && c || d | e", &[&["a"][..], &["b"], &["c"], &["d"], &["e"]])]
    #[case("a {{ x | join(';') }}/y \\\n  b # c\nd", &[&["a", "{{ x | join(';') }}/y", "b"][..], &["d"]])]
    #[case("if ! a; then sudo -u root b 2>&1; fi", &[&["a"][..], &["b", "2>&1"], &["fi"]])]
    #[case("X=1 timeout -k 5 60 a {% if y %} --z {% endif %}", &[&["a", "--z"][..]])]
    #[case("x=$(a b) c", &[&["a", "b"][..], &["c"]])]
    #[case("'", &[&[""][..]])]
    fn words_and_separators(#[case] text: &str, #[case] expected: &[&[&str]]) {
        assert_eq!(texts(text), expected);
    }

    #[rstest]
    #[case("kubectl --kubeconfig /etc/admin.conf drain n1", true)]
    #[case("{{ bin }}/kubectl --kubeconfig=/x drain n1", true)]
    #[case("{{ kubectl }} drain n1", true)]
    #[case("kubectl get nodes", false)]
    #[case("echo kubectl drain", false)]
    fn programs(#[case] text: &str, #[case] drains: bool) {
        assert_eq!(commands(text, true)[0].runs("kubectl", &["drain"]), drains);
    }

    #[test]
    fn options_and_what_stands_around() {
        let found = commands(
            "timeout 60 kubectl drain n --timeout=5m --force=false --grace-period 3 || true",
            true,
        );
        assert!(found[0].is_timed && found[0].has_or && !found[0].has(&["--force"]));
        assert_eq!(found[0].value("--timeout"), Some("5m"));
        assert_eq!(found[0].value("--grace-period"), Some("3"));
        assert_eq!(commands("a; b | c", false).len(), 1);
    }
}
