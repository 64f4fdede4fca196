//! Functions that Jinja and Ansible offer beside those of the engine.

use indexmap::IndexMap;
use minijinja::value::{Kwargs, Rest, ValueKind, from_args};
use minijinja::{Environment, Error, Value};
use minijinja_contrib::globals;

use super::arguments::{Arguments, More, refusal};

pub(super) fn register(engine: &mut Environment<'static>) {
    engine.add_function("cycler", |items: Rest<Value>| globals::cycler(items.to_vec()));
    engine.add_function("joiner", globals::joiner);
    engine.add_function("undef", undef);
    engine.add_function("dict", dict);
}

/// A value that fails where it is used, with the call in the message: for defaults of a role that have to be set.
fn undef(values: More) -> Result<Value, Error> {
    Arguments::read("undef", &["hint"], values)?;
    Ok(Value::UNDEFINED)
}

/// Python's `dict`: of another mapping, of pairs, and of names.
fn dict(values: More) -> Result<Value, Error> {
    let values = values.into_values();
    let (given, named): (&[Value], Kwargs) = from_args(&values)?;
    let mut pairs: IndexMap<Value, Value> = IndexMap::new();
    for value in given {
        if value.kind() == ValueKind::Map {
            for key in value.try_iter()? {
                let item = value.get_item(&key)?;
                pairs.insert(key, item);
            }
            continue;
        }
        for pair in value.try_iter()? {
            let pair: Vec<Value> = pair.try_iter()?.collect();
            let [key, item] = pair.as_slice() else {
                return Err(refusal("`dict` takes mappings, pairs and names"));
            };
            pairs.insert(key.clone(), item.clone());
        }
    }
    for name in named.args() {
        pairs.insert(Value::from(name), named.peek(name)?);
    }
    Ok(Value::from_object(pairs))
}
