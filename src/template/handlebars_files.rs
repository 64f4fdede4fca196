use super::TemplateError;

/// Renders a Handlebars file's text; `name` is the file's path for messages.
///
/// # Errors
/// Syntax, unknown helpers, undefined variables.
pub fn render(name: &str, text: &str, variables: &minijinja::Value) -> Result<String, TemplateError> {
    let _ = (name, text, variables);
    Err(TemplateError::new("not there yet"))
}
