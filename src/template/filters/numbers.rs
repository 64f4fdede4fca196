use minijinja::value::ValueKind;
use minijinja::{Error, Value};
use sha2::{Digest, Sha256};

use crate::template::arguments::{Arguments, More, refusal};
use crate::template::chance::draw;
use crate::template::registry::Registry;

const UNITS: [&str; 9] = ["", "K", "M", "G", "T", "P", "E", "Z", "Y"];

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("random", random);
    registry.filter("shuffle", shuffle);
    registry.filter("human_to_bytes", human_to_bytes);
    registry.filter("human_readable", human_readable);
    registry.filter("pow", |value: f64, exponent: f64| value.powf(exponent));
    registry.filter("root", |value: f64, base: Option<f64>| match base {
        None => value.sqrt(),
        Some(base) => value.powf(1.0 / base),
    });
    registry.filter("log", |value: f64, base: Option<f64>| {
        if value <= 0.0 {
            return Err(refusal("`log` works on numbers above 0"));
        }
        Ok(match base {
            None => value.ln(),
            Some(base) if (base - 10.0).abs() < f64::EPSILON => value.log10(),
            Some(base) => value.ln() / base.ln(),
        })
    });
}

/// Numbers from the system, or always the same ones for a seed (not those that Python would give).
struct Dice {
    seed: Option<String>,
    thrown: u64,
}

impl Dice {
    fn throw(&mut self) -> Result<u64, Error> {
        self.thrown += 1;
        let mut bytes = [0; 8];
        match &self.seed {
            None => draw(&mut bytes)?,
            Some(seed) => {
                let digest = Sha256::digest(format!("{}:{seed}", self.thrown));
                bytes.copy_from_slice(&digest[..8]);
            }
        }
        Ok(u64::from_le_bytes(bytes))
    }

    /// A number below the limit, which is above 0.
    fn below(&mut self, limit: usize) -> Result<usize, Error> {
        // A limit is far below 2^64, so the remainder is as good as evenly spread.
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        Ok(usize::try_from(self.throw()? % limit).unwrap_or_default())
    }
}

fn random(value: &Value, values: More) -> Result<Value, Error> {
    let arguments = Arguments::read("random", &["start", "step", "seed"], values)?;
    let mut dice = Dice {
        seed: arguments.text("seed"),
        thrown: 0,
    };
    if value.kind() == ValueKind::Number {
        let end = value
            .as_i64()
            .ok_or_else(|| refusal("`random` needs a whole number or a list"))?;
        let start = arguments.number("start")?.unwrap_or(0);
        let step = arguments.number("step")?.unwrap_or(1).max(1);
        let width = end.checked_sub(start).filter(|width| *width > 0);
        let width = width.ok_or_else(|| refusal("`random`: the end must be above the start"))?;
        let choices = usize::try_from(width.saturating_add(step - 1) / step).unwrap_or(1);
        let chosen = i64::try_from(dice.below(choices)?).unwrap_or_default();
        return Ok(Value::from(start.saturating_add(chosen.saturating_mul(step))));
    }
    if arguments.get("start").or_else(|| arguments.get("step")).is_some() {
        return Err(refusal(
            "`random`: `start` and `step` go with a number, not with a list",
        ));
    }
    let items: Vec<Value> = value.try_iter()?.collect();
    if items.is_empty() {
        return Err(refusal("`random`: the list is empty"));
    }
    Ok(items[dice.below(items.len())?].clone())
}

fn shuffle(value: &Value, values: More) -> Result<Vec<Value>, Error> {
    let arguments = Arguments::read("shuffle", &["seed"], values)?;
    let mut dice = Dice {
        seed: arguments.text("seed"),
        thrown: 0,
    };
    let mut items: Vec<Value> = value.try_iter()?.collect();
    for last in (1..items.len()).rev() {
        items.swap(last, dice.below(last + 1)?);
    }
    Ok(items)
}

fn human_to_bytes(value: &Value, values: More) -> Result<i64, Error> {
    let arguments = Arguments::read("human_to_bytes", &["default_unit", "isbits"], values)?;
    let wrong = || refusal("`human_to_bytes` reads a number and a unit, as 10G or 1.5 MB");
    let text = value.to_string();
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let number: f64 = text[..end].parse().map_err(|_| wrong())?;
    let mut unit = text[end..].trim().to_uppercase();
    if unit.is_empty() {
        unit = arguments.text("default_unit").unwrap_or_default().to_uppercase();
    }
    let name = if arguments.flag("isbits", false) { "BIT" } else { "BYTE" };
    let unit = unit.trim_end_matches('S').trim_end_matches(name).trim_end_matches('B');
    let power = UNITS.iter().position(|known| *known == unit).ok_or_else(wrong)?;
    let power = i32::try_from(power).map_err(|_| wrong())?;
    format!("{:.0}", (number * 1024_f64.powi(power)).round())
        .parse()
        .map_err(|_| wrong())
}

fn human_readable(value: &Value, values: More) -> Result<String, Error> {
    let arguments = Arguments::read("human_readable", &["isbits", "unit"], values)?;
    let number = f64::try_from(value.clone()).or_else(|_| value.to_string().parse());
    let mut number = number.map_err(|_| refusal("`human_readable` works on numbers"))?;
    let name = if arguments.flag("isbits", false) { "b" } else { "B" };
    let plain = if name == "b" { "bits" } else { "Bytes" };
    let wanted = arguments.text("unit").map(|unit| unit.to_uppercase());
    let wanted = wanted.map(|unit| unit.trim_end_matches('B').to_owned());
    let mut power = 0;
    let enough = |power: usize, number: f64| match &wanted {
        Some(unit) => UNITS[power] == *unit,
        None => number.abs() < 1024.0,
    };
    while !enough(power, number) && power + 1 < UNITS.len() {
        number /= 1024.0;
        power += 1;
    }
    let unit = if power == 0 {
        plain.to_owned()
    } else {
        format!("{}{name}", UNITS[power])
    };
    Ok(format!("{number:.2} {unit}"))
}
