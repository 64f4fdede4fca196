use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Enumerator, Object, ObjectRepr};
use serde_json::{Map, Value};

use crate::template::{self, TemplateError};

use super::variable::{VarMap, Variable};

/// How deep variables may refer to one another.
const MAX_DEPTH: usize = 50;

/// How the message begins that is about variables which refer to one another.
const CIRCLE: &str = "variables refer to one another in a circle";

/// Gives the variables of other hosts, for `hostvars`.
pub trait HostScopes: Send + Sync {
    /// The host's variables; `None` for a host that is not in the inventory.
    fn scope_of(&self, host: &str) -> Option<Scope>;
    /// All hosts of the inventory, in its order.
    fn hosts(&self) -> Vec<String>;
}

/// The variables that one task on one host sees, highest precedence first.
///
/// Values are evaluated when they are used, as in Ansible: a variable may refer to others that are set later or
/// elsewhere. Each is evaluated once for a scope.
#[derive(Clone)]
pub struct Scope(Arc<Inner>);

struct Inner {
    layers: Vec<Arc<VarMap>>,
    host_scopes: Option<Arc<dyn HostScopes>>,
    watch: Option<Arc<Watch>>,
    evaluated: Mutex<HashMap<String, minijinja::Value>>,
}

/// Tells which of some variables were looked at.
#[derive(Debug, Default)]
pub struct Watch {
    names: HashSet<String>,
    saw_name: AtomicBool,
    saw_others: AtomicBool,
}

impl Watch {
    /// Watches these names.
    pub fn over(names: HashSet<String>) -> Self {
        Self {
            names,
            ..Self::default()
        }
    }

    /// One of the names was looked at, or may have been.
    pub fn saw_name(&self) -> bool {
        self.saw_name.load(Ordering::Relaxed)
    }

    /// `hostvars` was looked at.
    pub fn saw_others(&self) -> bool {
        self.saw_others.load(Ordering::Relaxed)
    }

    fn looked_at(&self, name: &str) {
        match name {
            "hostvars" => self.saw_others.store(true, Ordering::Relaxed),
            _ if self.names.contains(name) => self.saw_name.store(true, Ordering::Relaxed),
            _ => {}
        }
    }

    fn looked_at_all(&self) {
        self.saw_name.store(true, Ordering::Relaxed);
    }
}

/// Puts a scope together from the lowest layer to the highest.
#[derive(Clone, Default)]
pub struct ScopeBuilder {
    layers: Vec<Arc<VarMap>>,
    host_scopes: Option<Arc<dyn HostScopes>>,
}

impl ScopeBuilder {
    /// Adds a layer that beats all layers before it.
    #[must_use]
    pub fn layer(mut self, layer: Arc<VarMap>) -> Self {
        if !layer.is_empty() {
            self.layers.push(layer);
        }
        self
    }

    /// Makes `hostvars` available.
    #[must_use]
    pub fn host_scopes(mut self, host_scopes: Arc<dyn HostScopes>) -> Self {
        self.host_scopes = Some(host_scopes);
        self
    }

    /// The scope.
    pub fn build(mut self) -> Scope {
        self.layers.reverse();
        Scope(Arc::new(Inner {
            layers: self.layers,
            host_scopes: self.host_scopes,
            watch: None,
            evaluated: Mutex::default(),
        }))
    }
}

impl Scope {
    /// The same variables with one more layer that beats all others.
    #[must_use]
    pub fn with_layer(&self, layer: VarMap) -> Scope {
        let mut layers = Vec::with_capacity(self.0.layers.len() + 1);
        layers.push(Arc::new(layer));
        layers.extend(self.0.layers.iter().map(Arc::clone));
        Scope(Arc::new(Inner {
            layers,
            host_scopes: self.0.host_scopes.clone(),
            watch: self.0.watch.clone(),
            evaluated: Mutex::default(),
        }))
    }

    /// The same variables, with a watch over what is looked at in this scope and in those with more layers.
    #[must_use]
    pub fn watched(&self, watch: Arc<Watch>) -> Scope {
        Scope(Arc::new(Inner {
            layers: self.0.layers.clone(),
            host_scopes: self.0.host_scopes.clone(),
            watch: Some(watch),
            evaluated: Mutex::default(),
        }))
    }

    /// The variable as written, without evaluation.
    pub fn raw(&self, name: &str) -> Option<&Arc<Variable>> {
        if let Some(watch) = &self.0.watch {
            watch.looked_at(name);
        }
        self.0.layers.iter().find_map(|layer| layer.get(name))
    }

    /// The variable's value, evaluated; `None` when no source defines it.
    ///
    /// # Errors
    /// It refers to something that is undefined or wrong.
    pub fn get(&self, name: &str) -> Result<Option<Value>, TemplateError> {
        match self.raw(name) {
            None => Ok(None),
            Some(variable) if !variable.is_templated() => Ok(Some(variable.raw().clone())),
            Some(variable) => self.render(variable.raw()).map(Some),
        }
    }

    /// What another host sees; `None` for one that is not in the inventory.
    #[must_use]
    pub fn of_host(&self, host: &str) -> Option<Scope> {
        self.0.host_scopes.as_ref()?.scope_of(host)
    }

    /// The variable's value as text; numbers and booleans as they are written in YAML.
    ///
    /// # Errors
    /// It refers to something that is undefined or wrong, or is a list or a mapping.
    pub fn get_text(&self, name: &str) -> Result<Option<String>, TemplateError> {
        match self.get(name)? {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Bool(value)) => Ok(Some(value.to_string())),
            Some(Value::Number(value)) => Ok(Some(value.to_string())),
            Some(Value::Array(_) | Value::Object(_)) => Err(TemplateError::new(format!(
                "`{name}` must be text, it is a list or a mapping"
            ))),
        }
    }

    /// The value of a bare expression, as in `when`.
    ///
    /// # Errors
    /// Its syntax, or something undefined in it.
    pub fn evaluate(&self, expression: &str) -> Result<Value, TemplateError> {
        template::to_json(&self.evaluate_value(expression)?)
    }

    /// The truth of a bare expression, as Ansible reads it: a string that is the result is read as a boolean.
    ///
    /// # Errors
    /// As [`Scope::evaluate`].
    pub fn is_true(&self, expression: &str) -> Result<bool, TemplateError> {
        let value = self.evaluate_value(template::strip_braces(expression))?;
        if let Some(text) = value.as_str() {
            if template::holds_template(text) {
                return self.is_true(text);
            }
            return Ok(match crate::syntax::parse_bool(text) {
                Some(truth) => truth,
                None => !text.is_empty() && text != "None",
            });
        }
        Ok(value.is_true())
    }

    fn evaluate_value(&self, expression: &str) -> Result<minijinja::Value, TemplateError> {
        template::evaluate(expression, &self.root())
    }

    /// Evaluates the templates in a value; a string that is one whole `{{ … }}` keeps its value's type.
    ///
    /// # Errors
    /// As [`Scope::evaluate`], for the first string that fails.
    pub fn render(&self, value: &Value) -> Result<Value, TemplateError> {
        Ok(match value {
            Value::String(text) => self.render_string(text)?,
            Value::Array(items) => Value::Array(items.iter().map(|item| self.render(item)).collect::<Result<_, _>>()?),
            Value::Object(map) => {
                let mut rendered = Map::with_capacity(map.len());
                for (key, value) in map {
                    rendered.insert(self.render_text(key)?, self.render(value)?);
                }
                Value::Object(rendered)
            }
            plain => plain.clone(),
        })
    }

    fn render_string(&self, text: &str) -> Result<Value, TemplateError> {
        if !template::holds_template(text) {
            return Ok(Value::String(text.to_owned()));
        }
        match template::whole_expression(text) {
            Some(expression) => self.evaluate(&template::keep_backslashes(expression)),
            None => self.render_text(text).map(Value::String),
        }
    }

    /// Evaluates a template to text, also when it is one whole expression.
    ///
    /// # Errors
    /// As [`Scope::evaluate`].
    pub fn render_text(&self, text: &str) -> Result<String, TemplateError> {
        if template::holds_template(text) {
            template::render(&template::keep_backslashes_in_text(text), &self.root())
        } else {
            Ok(text.to_owned())
        }
    }

    /// The scope as the template engine sees it.
    pub fn root(&self) -> minijinja::Value {
        minijinja::Value::from_object(self.clone())
    }

    /// Names of all variables, highest precedence first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        if let Some(watch) = &self.0.watch {
            watch.looked_at_all();
        }
        self.0.layers.iter().flat_map(|layer| layer.keys().map(String::as_str))
    }

    /// Tells scopes apart while they live.
    fn identity(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    fn evaluated(&self, name: &str, variable: &Variable) -> minijinja::Value {
        if !variable.is_templated() {
            return variable.converted().clone();
        }
        let cache = || self.0.evaluated.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = cache().get(name) {
            return known.clone();
        }
        let rendered = Depth::enter(self.identity(), name).and_then(|_depth| self.render(variable.raw()));
        // A failure is kept too: variables that refer to one another would try it again and again.
        let value = match rendered {
            Ok(value) => template::from_json(&value),
            Err(error) => {
                let kind = if error.undefined {
                    minijinja::ErrorKind::UndefinedError
                } else {
                    minijinja::ErrorKind::InvalidOperation
                };
                let message = if error.message.starts_with(CIRCLE) {
                    error.message
                } else {
                    format!("variable `{name}` has no value: {error}")
                };
                minijinja::Value::from(minijinja::Error::new(kind, message))
            }
        };
        cache().insert(name.to_owned(), value.clone());
        value
    }
}

impl Object for Scope {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        let name = key.as_str()?;
        if let Some(variable) = self.raw(name) {
            return Some(self.evaluated(name, variable));
        }
        match (name, &self.0.host_scopes) {
            ("hostvars", Some(hosts)) => Some(minijinja::Value::from_object(HostVars(Arc::clone(hosts)))),
            ("vars", _) => Some(self.root()),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let mut names: Vec<_> = self.names().map(minijinja::Value::from).collect();
        names.sort();
        names.dedup();
        Enumerator::Values(names)
    }
}

impl fmt::Debug for Scope {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

struct HostVars(Arc<dyn HostScopes>);

impl fmt::Debug for HostVars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hostvars")
    }
}

impl Object for HostVars {
    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        Some(self.0.scope_of(key.as_str()?)?.root())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.hosts().into_iter().map(minijinja::Value::from).collect())
    }
}

/// Keeps the variables that are being evaluated on this thread, so that a circle ends with an error.
struct Depth;

thread_local! {
    static EVALUATING: RefCell<Vec<(usize, String)>> = const { RefCell::new(Vec::new()) };
}

impl Depth {
    fn enter(scope: usize, name: &str) -> Result<Self, TemplateError> {
        EVALUATING.with_borrow_mut(|open| {
            if let Some(start) = open.iter().position(|(other, known)| *other == scope && known == name) {
                let names = open[start..].iter().map(|(_, name)| name.as_str()).chain([name]);
                let circle = names.collect::<Vec<_>>().join(" → ");
                return Err(TemplateError::new(format!("{CIRCLE}: {circle}")));
            }
            if open.len() >= MAX_DEPTH {
                return Err(TemplateError::new(format!(
                    "`{name}` is {MAX_DEPTH} variables deep in others"
                )));
            }
            open.push((scope, name.to_owned()));
            Ok(Self)
        })
    }
}

impl Drop for Depth {
    fn drop(&mut self) {
        EVALUATING.with_borrow_mut(Vec::pop);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn layer(value: Value) -> Arc<VarMap> {
        let Value::Object(map) = value else { panic!("a mapping") };
        Arc::new(
            map.into_iter()
                .map(|(name, value)| (name, Variable::written(value)))
                .collect(),
        )
    }

    fn scope(layers: impl IntoIterator<Item = Value>) -> Scope {
        layers
            .into_iter()
            .fold(ScopeBuilder::default(), |builder, value| builder.layer(layer(value)))
            .build()
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]
        #[test]
        fn of_all_layers_that_have_a_name_the_highest_wins(
            layers in proptest::collection::vec(proptest::collection::btree_map("[a-d]", 0_i64..9, 0..4), 0..6),
        ) {
            let scope = scope(layers.iter().map(|layer| json!(layer)));
            for name in ["a", "b", "c", "d"] {
                let highest = layers.iter().rev().find_map(|layer| layer.get(name));
                proptest::prop_assert_eq!(scope.get(name).unwrap(), highest.map(|value| json!(value)));
            }
        }
    }

    #[test]
    fn the_last_layer_wins_and_values_are_evaluated_when_used() {
        let scope = scope([
            json!({"version": "1.28.0", "tag": "v{{ version }}"}),
            json!({"version": "1.28.2"}),
        ]);
        assert_eq!(scope.get("tag").unwrap(), Some(json!("v1.28.2")));
    }

    #[test]
    fn whole_expressions_keep_their_type() {
        let scope = scope([json!({"list": [1, 2], "same": "{{ list }}", "n": "{{ list[1] }}"})]);
        assert_eq!(scope.get("same").unwrap(), Some(json!([1, 2])));
        assert_eq!(scope.evaluate("n + 1").unwrap(), json!(3));
    }

    #[test]
    fn undefined_names_are_errors_that_name_them() {
        let scope = scope([json!({"a": "{{ typo }}", "d": {}})]);
        let message = |expression: &str| scope.evaluate(expression).unwrap_err().message;
        assert!(message("typo").contains("typo"), "{}", message("typo"));
        assert!(message("a ~ 'x'").contains("typo"), "{}", message("a ~ 'x'"));
        assert!(message("d.missing").contains("d.missing"), "{}", message("d.missing"));
        assert!(scope.is_true("typo").is_err());
        assert!(scope.is_true("not typo").is_err());
        assert!(scope.is_true("typo == 1").is_err());
    }

    #[test]
    fn guards_let_missing_attributes_pass() {
        let scope = scope([json!({"d": {}})]);
        assert!(!scope.is_true("x.y is defined").unwrap());
        assert!(scope.is_true("x.y is not defined").unwrap());
        assert_eq!(scope.evaluate("x.y.z | default('no')").unwrap(), json!("no"));
        assert!(scope.is_true("typo and x.y is defined").is_err());
    }

    #[test]
    fn a_variable_that_refers_to_itself_is_an_error() {
        let scope = scope([json!({"a": "{{ b }}", "b": "{{ a }}"})]);
        assert_eq!(
            scope.get("a").unwrap_err().message,
            "variables refer to one another in a circle: b → a → b"
        );
    }

    #[test]
    fn values_from_nodes_are_never_evaluated() {
        let mut map = VarMap::new();
        map.insert("out".to_owned(), Variable::data(json!({"stdout": "{{ typo }}"})));
        let scope = ScopeBuilder::default().layer(Arc::new(map)).build();
        assert_eq!(scope.evaluate("out.stdout").unwrap(), json!("{{ typo }}"));
    }

    #[test]
    fn conditions_read_strings_as_ansible_does() {
        let scope = scope([json!({"no": "no", "yes": "yes", "empty": "", "cond": "1 == 1"})]);
        assert!(!scope.is_true("no").unwrap());
        assert!(scope.is_true("yes").unwrap());
        assert!(!scope.is_true("empty").unwrap());
        assert!(scope.is_true("{{ yes }}").unwrap());
    }
}
