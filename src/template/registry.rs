use minijinja::value::{FunctionArgs, FunctionResult};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::arguments::More;

/// The prefix under which Ansible's own collection offers everything too.
pub(super) const PREFIX: &str = "ansible.builtin.";

/// Adds filters and tests to an engine and remembers their names, so that the list of names cannot drift.
pub(super) struct Registry<'e> {
    engine: &'e mut Environment<'static>,
    names: Vec<&'static str>,
}

impl<'e> Registry<'e> {
    pub(super) fn new(engine: &'e mut Environment<'static>) -> Self {
        Self {
            engine,
            names: Vec::new(),
        }
    }

    pub(super) fn into_names(self) -> Vec<&'static str> {
        self.names
    }

    /// A filter that refuses undefined input and arguments, whichever engine calls it.
    pub(super) fn filter<F, Rv, Args>(&mut self, name: &'static str, function: F)
    where
        F: minijinja::functions::Function<Rv, Args>,
        Rv: FunctionResult,
        Args: for<'a> FunctionArgs<'a>,
    {
        let inner = Value::from_function(function);
        self.lenient_filter(name, move |state: &mut State<'_, '_>, values: More| {
            let values = values.into_values();
            refuse_undefined(&values)?;
            inner.call(state, &values)
        });
    }

    /// A filter that sees undefined values.
    pub(super) fn lenient_filter<F, Rv, Args>(&mut self, name: &'static str, function: F)
    where
        F: minijinja::functions::Function<Rv, Args>,
        Rv: FunctionResult,
        Args: for<'a> FunctionArgs<'a>,
    {
        let shared = Value::from_function(function);
        // Some of what is used most is not in Ansible's own collection.
        let elsewhere = (name == "json_query").then(|| format!("community.general.{name}"));
        self.names
            .extend(elsewhere.as_ref().map(|_| "community.general.json_query"));
        for name in [name.to_owned(), format!("{PREFIX}{name}")]
            .into_iter()
            .chain(elsewhere)
        {
            let shared = shared.clone();
            self.engine
                .add_filter(name, move |state: &mut State<'_, '_>, values: More| {
                    shared.call(state, &values.into_values())
                });
        }
        self.names.push(name);
    }

    /// A test that refuses undefined input and arguments.
    pub(super) fn test<F, Rv, Args>(&mut self, name: &'static str, function: F)
    where
        F: minijinja::functions::Function<Rv, Args>,
        Rv: FunctionResult,
        Args: for<'a> FunctionArgs<'a>,
    {
        let inner = Value::from_function(function);
        self.lenient_test(name, move |state: &mut State<'_, '_>, values: More| {
            let values = values.into_values();
            refuse_undefined(&values)?;
            inner.call(state, &values)
        });
    }

    /// A test that sees undefined values.
    pub(super) fn lenient_test<F, Rv, Args>(&mut self, name: &'static str, function: F)
    where
        F: minijinja::functions::Function<Rv, Args>,
        Rv: FunctionResult,
        Args: for<'a> FunctionArgs<'a>,
    {
        let shared = Value::from_function(function);
        for name in [name.to_owned(), format!("{PREFIX}{name}")] {
            let shared = shared.clone();
            self.engine.add_test(
                name,
                move |state: &mut State<'_, '_>, values: More| -> Result<bool, Error> {
                    Ok(shared.call(state, &values.into_values())?.is_true())
                },
            );
        }
        self.names.push(name);
    }
}

fn refuse_undefined(values: &[Value]) -> Result<(), Error> {
    if values.iter().any(Value::is_undefined) {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    Ok(())
}
