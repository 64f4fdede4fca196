use minijinja::value::{Kwargs, Rest, ValueOrKwargs, from_args};
use minijinja::{Error, ErrorKind, Value};

/// Arguments after the ones that a filter, test or function names.
pub(super) type More = Rest<ValueOrKwargs>;

/// The arguments of a filter or function, by name: each may be given in its place or as `name=value`, as in Python.
pub(super) struct Arguments {
    owner: &'static str,
    given: Vec<(&'static str, Value)>,
}

impl Arguments {
    /// Sorts the values by these names.
    ///
    /// # Errors
    /// There are more values than names, or a name that is not listed.
    pub(super) fn read(owner: &'static str, names: &[&'static str], values: More) -> Result<Self, Error> {
        let values = values.into_values();
        let (positional, named): (&[Value], Kwargs) = from_args(&values)?;
        if positional.len() > names.len() {
            let allowed = names.len();
            return Err(refusal(format!("`{owner}` takes at most {allowed} arguments")));
        }
        let mut given: Vec<_> = names.iter().copied().zip(positional.iter().cloned()).collect();
        for name in named.args() {
            let Some(known) = names.iter().find(|known| **known == name) else {
                let known = names.join(", ");
                return Err(refusal(format!("`{owner}` has no argument `{name}`; it has: {known}")));
            };
            given.push((known, named.peek(name)?));
        }
        Ok(Self { owner, given })
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        let found = self.given.iter().find(|(given, _)| *given == name);
        found.map(|(_, value)| value).filter(|value| !value.is_none())
    }

    pub(super) fn required(&self, name: &str) -> Result<&Value, Error> {
        self.get(name)
            .ok_or_else(|| refusal(format!("`{}` needs the argument `{name}`", self.owner)))
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(ToString::to_string)
    }

    pub(super) fn flag(&self, name: &str, otherwise: bool) -> bool {
        self.get(name).map_or(otherwise, Value::is_true)
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Error> {
        let convert = |value: &Value| {
            value
                .as_i64()
                .ok_or_else(|| refusal(format!("`{}`: `{name}` must be a whole number", self.owner)))
        };
        self.get(name).map(convert).transpose()
    }

    pub(super) fn count(&self, name: &str, otherwise: usize) -> Result<usize, Error> {
        match self.number(name)? {
            None => Ok(otherwise),
            Some(number) => {
                usize::try_from(number).map_err(|_| refusal(format!("`{}`: `{name}` must not be negative", self.owner)))
            }
        }
    }
}

/// An error with a text of krun's own.
pub(super) fn refusal(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}
