//! Chat templates with the names and habits of transformers' `apply_chat_template`.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State};

use crate::error::{exhausted, foreign, invalid, Failure, Outcome};
use crate::python_json::{self, Layout};
use crate::python_methods;
use crate::strftime::strftime;

const NAME: &str = "chat";
/// Instructions that a render may take; a conversation of a thousand messages takes some 100,000.
const FUEL: u64 = 4_000_000;
const LONGEST_SOURCE_BYTES: usize = 4 << 20;
/// Marks the text of raise_exception() inside an error.
const RAISED: char = '\u{1}';
/// Variable that carries the time to strftime_now(); no JSON name can clash with intent.
const NOW: &str = "\u{1}now";

pub struct Template {
    environment: Environment<'static>,
}

impl Template {
    pub fn compile(source: &str) -> Outcome<Self> {
        if source.len() > LONGEST_SOURCE_BYTES {
            return Err(exhausted(format!(
                "chat template: expected at most {LONGEST_SOURCE_BYTES} bytes, found {}",
                source.len()
            )));
        }
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()
            .map_err(foreign)?;
        environment.set_syntax(syntax);
        environment.set_fuel(Some(FUEL));
        environment.set_unknown_method_callback(python_methods::call);
        environment.add_function("raise_exception", raise_exception);
        environment.add_function("strftime_now", strftime_now);
        environment.add_filter("tojson", tojson);
        // Python's strings and dicts are sequences too.
        environment.add_test("sequence", |value: &Value| {
            matches!(value.kind(), ValueKind::Seq | ValueKind::String | ValueKind::Map)
        });
        environment
            .add_template_owned(NAME, without_generation_tags(source))
            .map_err(|error| failure_of(&error))?;
        Ok(Self { environment })
    }

    pub fn render(&self, context_json: &str, now_unix_seconds: i64) -> Outcome<String> {
        let context: Value = serde_json::from_str(context_json)
            .map_err(|error| invalid(format!("chat template: the context is no JSON: {error}")))?;
        if context.kind() != ValueKind::Map {
            return Err(invalid("chat template: expected a JSON object as the context"));
        }
        let now = Value::from_pairs([(NOW, Value::from(now_unix_seconds))]);
        let template = self.environment.get_template(NAME).map_err(|e| failure_of(&e))?;
        template
            .render(minijinja::context! { ..context, ..now })
            .map_err(|error| failure_of(&error))
    }
}

fn raise_exception(message: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, format!("{RAISED}{message}")))
}

fn strftime_now(state: &State, format: String) -> Result<String, Error> {
    let now = state.lookup(NOW).and_then(|value| value.as_i64()).unwrap_or(0);
    Ok(strftime(&format, now))
}

/// transformers' filter: json.dumps(x, ensure_ascii=False, indent=None, separators=None,
/// sort_keys=False).
fn tojson(value: Value, ensure_ascii: Option<Value>, options: Kwargs) -> Result<String, Error> {
    let ensure_ascii = match ensure_ascii {
        Some(value) => value.is_true(),
        None => options.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false),
    };
    let indent = match options.get::<Option<Value>>("indent")? {
        None => None,
        Some(value) if value.is_none() => None,
        Some(value) => Some(match value.as_usize() {
            Some(width) => " ".repeat(width.min(64)),
            None => value.as_str().unwrap_or("").to_owned(),
        }),
    };
    let mut item_separator = if indent.is_some() { "," } else { ", " }.to_owned();
    let mut key_separator = ": ".to_owned();
    if let Some(pair) = options.get::<Option<Value>>("separators")?.filter(|v| !v.is_none()) {
        item_separator = pair.get_item_by_index(0)?.as_str().unwrap_or("").to_owned();
        key_separator = pair.get_item_by_index(1)?.as_str().unwrap_or("").to_owned();
    }
    let sort_keys = options.get::<Option<bool>>("sort_keys")?.unwrap_or(false);
    options.assert_all_used()?;
    let layout = Layout { ensure_ascii, indent, item_separator, key_separator, sort_keys };
    python_json::dumps(&value, &layout)
}

/// `{% generation %}` marks what a model wrote, for training; the text inside is ordinary.
fn without_generation_tags(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let Some(length) = rest[at..].find("%}") else { break };
        let tag = &rest[at..at + length + 2];
        let inner = tag[2..tag.len() - 2].trim_matches(|c: char| "-+ \t\r\n".contains(c));
        out.push_str(&rest[..at]);
        match inner {
            "generation" => out.push_str(&tag.replacen("generation", "if true", 1)),
            "endgeneration" => out.push_str(&tag.replacen("endgeneration", "endif", 1)),
            _ => out.push_str(tag),
        }
        rest = &rest[at + tag.len()..];
    }
    out.push_str(rest);
    out
}

fn failure_of(error: &Error) -> Failure {
    let detail = error.detail().unwrap_or("");
    if let Some(raised) = detail.strip_prefix(RAISED) {
        return invalid(raised);
    }
    if error.kind() == ErrorKind::OutOfFuel {
        return exhausted("chat template: it ran too long; is there an endless loop in it?");
    }
    let mut message = format!("chat template: {}", error.kind());
    if !detail.is_empty() {
        message += &format!(": {detail}");
    }
    if let Some(line) = error.line() {
        message += &format!(" (line {line})");
    }
    invalid(message)
}
