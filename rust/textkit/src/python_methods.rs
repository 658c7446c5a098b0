//! Python's methods that templates call and minijinja's own collection lacks.

use minijinja::value::{from_args, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};
use minijinja_contrib::pycompat;

/// Tried by the environment for every method that a value does not have itself.
pub fn call(
    state: &mut State,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let own = match value.kind() {
        ValueKind::String => string_method(value.as_str().unwrap_or(""), method, args)?,
        ValueKind::Seq if method == "index" => {
            let (wanted,): (Value,) = from_args(args)?;
            let at = value.try_iter()?.position(|item| item == wanted);
            Some(at.map(Value::from).ok_or_else(|| missing("item", "list"))?)
        }
        _ => None,
    };
    match own {
        Some(result) => Ok(result),
        None => pycompat::unknown_method_callback(state, value, method, args),
    }
}

fn missing(what: &str, place: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("index: the {what} is not in the {place}"))
}

fn string_method(text: &str, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let result = match method {
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(args)?;
            Value::from(text.strip_prefix(prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(args)?;
            Value::from(text.strip_suffix(suffix).unwrap_or(text))
        }
        "partition" => {
            let (separator,): (&str,) = from_args(args)?;
            match text.split_once(separator) {
                Some((before, after)) => list(&[before, separator, after]),
                None => list(&[text, "", ""]),
            }
        }
        "rpartition" => {
            let (separator,): (&str,) = from_args(args)?;
            match text.rsplit_once(separator) {
                Some((before, after)) => list(&[before, separator, after]),
                None => list(&["", "", text]),
            }
        }
        "rsplit" => rsplit(text, args)?,
        "index" => {
            let (wanted,): (&str,) = from_args(args)?;
            let at = text.find(wanted).ok_or_else(|| missing("text", "string"))?;
            Value::from(text[..at].chars().count())
        }
        "casefold" => Value::from(text.to_lowercase()),
        "zfill" => {
            let (width,): (usize,) = from_args(args)?;
            let (sign, digits) = text.split_at(usize::from(text.starts_with(['-', '+'])));
            let missing = padding(text, width);
            Value::from(format!("{sign}{}{digits}", "0".repeat(missing)))
        }
        "ljust" | "rjust" => {
            let (width, fill): (usize, Option<&str>) = from_args(args)?;
            let fill = fill.unwrap_or(" ").repeat(padding(text, width));
            let left = method == "ljust";
            Value::from(if left { format!("{text}{fill}") } else { format!("{fill}{text}") })
        }
        _ => return Ok(None),
    };
    Ok(Some(result))
}

fn list(parts: &[&str]) -> Value {
    parts.iter().map(|part| Value::from(*part)).collect()
}

/// Characters missing to `width`, within reason.
fn padding(text: &str, width: usize) -> usize {
    width.min(10_000).saturating_sub(text.chars().count())
}

fn rsplit(text: &str, args: &[Value]) -> Result<Value, Error> {
    let (separator, most): (Option<&str>, Option<i64>) = from_args(args)?;
    let parts = most.and_then(|most| usize::try_from(most).ok()).map_or(usize::MAX, |n| n + 1);
    let mut found: Vec<&str> = match separator {
        Some(separator) => text.rsplitn(parts, separator).collect(),
        None => {
            let mut found = Vec::new();
            let mut rest = text.trim_end();
            while found.len() + 1 < parts {
                let Some(at) = rest.rfind(char::is_whitespace) else { break };
                let word = rest[at..].trim_start();
                found.push(word);
                rest = rest[..at].trim_end();
            }
            let last = rest.trim_end();
            if !last.is_empty() {
                found.push(last);
            }
            found
        }
    };
    found.reverse();
    Ok(list(&found))
}
