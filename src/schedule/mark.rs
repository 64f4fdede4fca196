//! What files that krun writes begin with, and how it knows them again.

/// How the first line of a file begins that krun wrote (behind `#!/bin/sh` where there is one).
const MARK: &str = "# Written by krun";
/// Begins a schedule in a user's crontab.
pub const BEGIN: &str = "# BEGIN krun schedule ";
/// Ends it.
pub const END: &str = "# END krun schedule ";

/// Who wrote a file, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// With what of krun: `schedule add`.
    pub by: String,
    /// Lines that tell how it was made.
    pub how: Vec<String>,
    /// How it goes away: `krun schedule remove backup`.
    pub removed_by: String,
    /// What is run.
    pub runs: String,
    /// When, as it was said.
    pub when: String,
}

impl Header {
    /// The comment.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{MARK} {}: changes made here are lost when that is done again.\n",
            self.by
        );
        for line in &self.how {
            text.push_str(&format!("#   {}\n", one_line(line)));
        }
        text.push_str(&format!("# Runs: {}\n", one_line(&self.runs)));
        text.push_str(&format!("# When: {}\n", one_line(&self.when)));
        text.push_str(&format!("# Removed by: {}\n", one_line(&self.removed_by)));
        text
    }
}

/// Text that cannot end a comment.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

/// Whether krun wrote a file of this text.
pub fn is_ours(text: &str) -> bool {
    text.lines().take(2).any(|line| line.starts_with(MARK))
}

/// What a line of the header says: `Runs`, `When`.
pub fn line_of<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let prefix = format!("# {key}: ");
    let mut comment = text.lines().take_while(|line| line.starts_with('#'));
    comment.find_map(|line| line.strip_prefix(prefix.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_krun_wrote_is_known_again() {
        let header = Header {
            by: "schedule add".to_owned(),
            how: vec!["in /srv: krun schedule add x.yml\nExecStart=/bin/evil".to_owned()],
            removed_by: "krun schedule remove x".to_owned(),
            runs: "x.yml on hosts".to_owned(),
            when: "daily at 02:00".to_owned(),
        };
        let text = format!("#!/bin/sh\n{}\n[Unit]\n# When: never\n", header.text());
        assert!(is_ours(&text));
        assert_eq!(line_of(&text, "When"), Some("daily at 02:00"));
        assert_eq!(line_of(&text, "Who"), None);
        assert!(!is_ours("[Unit]\n\n# Written by krun\n"));
        assert!(!text.contains("\nExecStart"), "{text}");
    }
}
