use minijinja::{Error, Value};

use super::Query;
use super::files::glob;
use crate::template::filters::user_pattern;

pub(super) fn env(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    let otherwise = query.option("default").cloned().unwrap_or_else(|| Value::from(""));
    let get = |name: String| std::env::var(name).map_or_else(|_| otherwise.clone(), Value::from);
    Ok(query.texts()?.into_iter().map(get).collect())
}

pub(super) fn vars(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    let get = |name: String| {
        let value = query.state.lookup(&name).filter(|value| !value.is_undefined());
        match (value, query.options.iter().find(|(option, _)| option == "default")) {
            (Some(value), _) => Ok(value),
            (None, Some((_, otherwise))) => Ok(otherwise.clone()),
            (None, None) => Err(query.wrong(format!("no variable is named `{name}`; `default` gives another value"))),
        }
    };
    query.texts()?.into_iter().map(get).collect()
}

pub(super) fn varnames(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    let known = query.state.lookup("vars");
    let known = known.ok_or_else(|| query.wrong("it needs the variables of a task"))?;
    let names: Vec<String> = known.try_iter()?.map(|name| name.to_string()).collect();
    let mut found = Vec::new();
    for term in query.texts()? {
        let wanted = user_pattern(&term, false, false)?;
        found.extend(names.iter().filter(|name| wanted.is_match(name)).map(Value::from));
    }
    Ok(found)
}

/// The hosts of a pattern: names, groups, wildcards and `~` patterns; unions first, then what is to be in it, then not.
pub(super) fn inventory_hostnames(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    let groups = query.state.lookup("groups");
    let groups = groups.ok_or_else(|| query.wrong("it needs the variables of a task"))?;
    let hosts_of = |name: &str| -> Result<Vec<String>, Error> {
        let group = groups.get_attr(name)?;
        if group.is_undefined() {
            return Ok(Vec::new());
        }
        Ok(group.try_iter()?.map(|host| host.to_string()).collect())
    };
    let all = hosts_of("all")?;
    let names: Vec<String> = groups.try_iter()?.map(|name| name.to_string()).collect();
    let select = |pattern: &str| -> Result<Vec<String>, Error> {
        if names.iter().any(|name| name == pattern) {
            return hosts_of(pattern);
        }
        let fits = match pattern.strip_prefix('~') {
            Some(expression) => user_pattern(expression, false, false)?,
            None => glob(pattern),
        };
        let mut hosts: Vec<String> = all.iter().filter(|host| fits.is_match(host)).cloned().collect();
        for name in names.iter().filter(|name| fits.is_match(name)) {
            hosts.extend(hosts_of(name)?);
        }
        Ok(hosts)
    };
    let mut chosen: Vec<String> = Vec::new();
    for term in query.texts()? {
        let parts: Vec<&str> = term
            .split([',', ':'])
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect();
        if parts.iter().any(|part| part.contains('[') && !part.starts_with('~')) {
            return Err(query.wrong("a part of a group is taken by a slice: `groups['x'][0:2]`"));
        }
        let is_union = |part: &&&str| !part.starts_with(['&', '!']);
        let mut hosts = if parts.iter().any(|part| is_union(&part)) {
            Vec::new()
        } else {
            all.clone()
        };
        for part in parts.iter().filter(is_union) {
            hosts.extend(select(part)?);
        }
        for part in parts.iter().filter_map(|part| part.strip_prefix('&')) {
            let others = select(part)?;
            hosts.retain(|host| others.contains(host));
        }
        for part in parts.iter().filter_map(|part| part.strip_prefix('!')) {
            let others = select(part)?;
            hosts.retain(|host| !others.contains(host));
        }
        chosen.extend(hosts);
    }
    let mut seen = std::collections::HashSet::new();
    chosen.retain(|host| seen.insert(host.clone()));
    Ok(chosen.into_iter().map(Value::from).collect())
}
