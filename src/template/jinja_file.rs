//! `.j2` files: Jinja as in text, with escape sequences in strings and with delimiters of the file's own.

use minijinja::Value;
use minijinja::syntax::SyntaxConfig;

use super::TemplateError;
use super::engine::render_with;

/// The first line of a file that has settings of its own begins with this.
const HEADER: &str = "#jinja2:";

/// How a template is written. The default is what Ansible takes for the files of its `template`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syntax {
    /// The line break behind a statement goes with it.
    pub trim_blocks: bool,
    /// Blanks before a statement go with it.
    pub lstrip_blocks: bool,
    /// Begins a value.
    pub variable_start: String,
    /// Ends a value.
    pub variable_end: String,
    /// Begins a statement.
    pub block_start: String,
    /// Ends a statement.
    pub block_end: String,
    /// Begins a comment.
    pub comment_start: String,
    /// Ends a comment.
    pub comment_end: String,
}

impl Default for Syntax {
    fn default() -> Self {
        Self {
            trim_blocks: true,
            lstrip_blocks: false,
            variable_start: "{{".to_owned(),
            variable_end: "}}".to_owned(),
            block_start: "{%".to_owned(),
            block_end: "%}".to_owned(),
            comment_start: "{#".to_owned(),
            comment_end: "#}".to_owned(),
        }
    }
}

impl Syntax {
    /// For the engine.
    ///
    /// # Errors
    /// Two delimiters are the same, or one is empty.
    pub(super) fn config(&self) -> Result<SyntaxConfig, TemplateError> {
        SyntaxConfig::builder()
            .trim_blocks(self.trim_blocks)
            .lstrip_blocks(self.lstrip_blocks)
            .keep_trailing_newline(true)
            .variable_delimiters(self.variable_start.clone(), self.variable_end.clone())
            .block_delimiters(self.block_start.clone(), self.block_end.clone())
            .comment_delimiters(self.comment_start.clone(), self.comment_end.clone())
            .build()
            .map_err(|error| TemplateError::new(format!("these delimiters cannot be told apart: {error}")))
    }

    /// The syntax with what the first line of a file says, and the rest of the file.
    ///
    /// # Errors
    /// The line holds something that is no setting.
    pub fn of_file<'t>(&self, text: &'t str) -> Result<(Self, &'t str), TemplateError> {
        let mut syntax = self.clone();
        let Some(rest) = text.strip_prefix(HEADER) else {
            return Ok((syntax, text));
        };
        let (line, rest) = rest.split_once('\n').unwrap_or((rest, ""));
        for setting in line.split(',').map(str::trim).filter(|setting| !setting.is_empty()) {
            let (name, value) = setting
                .split_once(':')
                .or_else(|| setting.split_once('='))
                .ok_or_else(|| TemplateError::new(format!("`{HEADER}` takes `name: value`, this is `{setting}`")))?;
            let (name, value) = (name.trim(), value.trim());
            let bare = value.trim_matches(['"', '\'']);
            let flag = || {
                crate::syntax::parse_bool(bare)
                    .ok_or_else(|| TemplateError::new(format!("`{HEADER}`: `{name}` is true or false, not `{value}`")))
            };
            match name {
                "trim_blocks" => syntax.trim_blocks = flag()?,
                "lstrip_blocks" => syntax.lstrip_blocks = flag()?,
                "variable_start_string" => bare.clone_into(&mut syntax.variable_start),
                "variable_end_string" => bare.clone_into(&mut syntax.variable_end),
                "block_start_string" => bare.clone_into(&mut syntax.block_start),
                "block_end_string" => bare.clone_into(&mut syntax.block_end),
                "comment_start_string" => bare.clone_into(&mut syntax.comment_start),
                "comment_end_string" => bare.clone_into(&mut syntax.comment_end),
                other => {
                    let known = [
                        "trim_blocks",
                        "lstrip_blocks",
                        "variable_start_string",
                        "variable_end_string",
                        "block_start_string",
                        "block_end_string",
                        "comment_start_string",
                        "comment_end_string",
                    ];
                    let near = crate::syntax::closest(other, known);
                    let hint = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
                    return Err(TemplateError::new(format!("`{HEADER}` knows no `{other}`{hint}")));
                }
            }
        }
        Ok((syntax, rest))
    }
}

/// The text of a template file.
///
/// # Errors
/// As [`super::render`], and what is wrong with its first line.
pub fn render_file(text: &str, syntax: &Syntax, variables: &Value) -> Result<String, TemplateError> {
    let (syntax, body) = syntax.of_file(text)?;
    render_with(body, &syntax, variables)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("{{ a }}\n", "1\n")]
    #[case("{% if a %}\nx\n{% endif %}\ny\n", "x\ny\n")]
    #[case("  {% if a %}\nx\n  {% endif %}\n", "  x\n  ")]
    #[case("#jinja2: lstrip_blocks: True\n  {% if a %}\nx\n  {% endif %}\n", "x\n")]
    #[case("#jinja2:trim_blocks:False\n{% if a %}\nx\n{% endif %}\n", "\nx\n\n")]
    #[case(
        "#jinja2: variable_start_string: '[%', variable_end_string: '%]'\n{{ [% a %] }}\n",
        "{{ 1 }}\n"
    )]
    #[case("{{ 'a\\tb' }}", "a\tb")]
    #[case("{{ missing.x | default('no') }}", "no")]
    fn files_are_rendered(#[case] text: &str, #[case] expected: &str) {
        let variables = crate::template::from_json(&serde_json::json!({"a": 1}));
        assert_eq!(render_file(text, &Syntax::default(), &variables).unwrap(), expected);
    }

    #[rstest]
    #[case("#jinja2: trim_block: true\n", "did you mean `trim_blocks`")]
    #[case("#jinja2: trim_blocks: maybe\n", "true or false")]
    #[case("#jinja2: variable_start_string: '{%'\n{{ a }}", "cannot be told apart")]
    #[case("{{ missing }}", "`missing` is undefined")]
    fn mistakes_are_told(#[case] text: &str, #[case] part: &str) {
        let variables = crate::template::from_json(&serde_json::json!({"a": 1}));
        let error = render_file(text, &Syntax::default(), &variables).unwrap_err().message;
        assert!(error.contains(part), "{error}");
    }
}
