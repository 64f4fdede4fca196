use minijinja::filters as jinja;
use minijinja_contrib::filters as more;

use crate::template::registry::Registry;

/// Jinja's own filters, as the engine brings them.
pub(super) fn register(registry: &mut Registry<'_>) {
    registry.lenient_filter("default", jinja::default);
    registry.lenient_filter("d", jinja::default);
    registry.filter("abs", jinja::abs);
    registry.filter("attr", jinja::attr);
    registry.filter("batch", jinja::batch);
    registry.filter("capitalize", jinja::capitalize);
    registry.filter("chain", jinja::chain);
    registry.filter("count", jinja::length);
    registry.filter("dictsort", jinja::dictsort);
    registry.filter("e", jinja::escape);
    registry.filter("escape", jinja::escape);
    registry.filter("forceescape", jinja::escape);
    registry.filter("filesizeformat", more::filesizeformat);
    registry.filter("first", jinja::first);
    registry.filter("float", jinja::float);
    registry.filter("format", jinja::format);
    registry.filter("groupby", jinja::groupby);
    registry.filter("indent", jinja::indent);
    registry.filter("items", jinja::items);
    registry.filter("join", jinja::join);
    registry.filter("last", jinja::last);
    registry.filter("length", jinja::length);
    registry.filter("lines", jinja::lines);
    registry.filter("list", jinja::list);
    registry.filter("lower", jinja::lower);
    registry.filter("map", jinja::map);
    registry.filter("max", jinja::max);
    registry.filter("min", jinja::min);
    registry.filter("pprint", jinja::pprint);
    registry.filter("reject", jinja::reject);
    registry.filter("rejectattr", jinja::rejectattr);
    registry.filter("replace", jinja::replace);
    registry.filter("reverse", jinja::reverse);
    registry.filter("round", jinja::round);
    registry.filter("safe", jinja::safe);
    registry.filter("select", jinja::select);
    registry.filter("selectattr", jinja::selectattr);
    registry.filter("slice", jinja::slice);
    registry.filter("sort", jinja::sort);
    registry.filter("string", jinja::string);
    registry.filter("striptags", more::striptags);
    registry.filter("sum", jinja::sum);
    registry.filter("title", jinja::title);
    registry.filter("trim", jinja::trim);
    registry.filter("unique", jinja::unique);
    registry.filter("upper", jinja::upper);
    registry.filter("urlencode", jinja::urlencode);
    registry.filter("zip", jinja::zip);
}
