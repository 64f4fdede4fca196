//! Expressions and templates: Jinja in YAML values and `.j2` files, Handlebars in `.hbs` files, over one set of filters.

mod arguments;
mod chance;
mod convert;
mod dates;
mod depth;
mod engine;
mod error;
mod filters;
mod functions;
mod handlebars_files;
mod jinja_file;
mod lookups;
mod methods;
mod names;
mod python;
pub mod reads;
mod registry;
mod scan;
mod tests;
mod versions;

pub use chance::random_draws;
pub use convert::{from_json, to_json};
pub(crate) use engine::pattern;
pub use engine::{check_expression, check_text, evaluate, names_in_expression, names_in_text, render};
pub use error::TemplateError;
pub use handlebars_files::{check as check_handlebars, render as render_handlebars};
pub use jinja_file::{Syntax, check_file, render_file};
pub use lookups::without_lookups;
pub use scan::{holds_template, keep_backslashes, keep_backslashes_in_text, strip_braces, whole_expression};

/// JSON in one line as Python writes it.
pub(crate) fn python_json(value: &serde_json::Value) -> String {
    filters::python_json(value)
}

/// Names of all filters, without Ansible's prefix.
pub fn filter_names() -> Vec<&'static str> {
    filters::names()
}

/// Names of all tests, without Ansible's prefix.
pub fn test_names() -> Vec<&'static str> {
    tests::names()
}

/// Names of all lookups, without Ansible's prefix.
pub fn lookup_names() -> impl Iterator<Item = &'static str> {
    lookups::names()
}
