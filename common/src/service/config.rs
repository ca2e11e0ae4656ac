//! The configuration, in layers: defaults < file < environment < flags. An unknown key or a bad value is refused with the key's full name
//! and the layer that has it, because a misspelt key that is silently ignored is found out in production.
//!
//! - File: TOML.
//! - Environment: `SWITCHBACK__SECTION__KEY`, two underscores between the parts, since keys have single ones themselves.
//! - Flags: `--set section.key=value`.
//!
//! Keys below a `…properties` table are librdkafka's own and have dots in them; in the environment they are written with
//! underscores (`SWITCHBACK__KAFKA__PROPERTIES__SASL_USERNAME` is `kafka.properties."sasl.username"`).

use crate::failure::Class;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::fmt;
use std::path::{Path, PathBuf};

/// What the names of our environment variables start with. Variables with one underscore (tests use some) are not ours.
const ENV_PREFIX: &str = "SWITCHBACK__";

/// Something the operator must change. Displays as one line: where, key, why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The file, variable or flag that said it; empty when it was not said at all.
    pub origin: String,
    /// Full name of the key, `section.key`; empty when it is about the whole file.
    pub key: String,
    /// What is wrong with it.
    pub why: String,
}

impl ConfigError {
    /// An error about a key, wherever it was said.
    pub fn at(key: impl Into<String>, why: impl Into<String>) -> ConfigError {
        ConfigError { origin: String::new(), key: key.into(), why: why.into() }
    }

    /// Always [`Class::Config`].
    pub fn class(&self) -> Class {
        Class::Config
    }

    /// The same error with the place that said it, found in `layers`.
    #[must_use]
    pub fn found_in(mut self, layers: &Layers) -> ConfigError {
        if self.origin.is_empty() {
            self.origin = layers.origin_of(&self.key);
        }
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [self.origin.as_str(), self.key.as_str(), self.why.as_str()];
        let said: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        f.write_str(&said.join(": "))
    }
}

/// Everything that may say something, before it is understood.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// The TOML file.
    pub file: Option<PathBuf>,
    /// Environment variables; those that do not start with `SWITCHBACK__` are passed over.
    pub env: Vec<(String, String)>,
    /// `section.key` and value of each flag, in order.
    pub set: Vec<(String, String)>,
}

impl Layers {
    /// The layers of this process: a file, its environment, and what its flags say.
    pub fn of_process(file: Option<&Path>, set: Vec<(String, String)>) -> Layers {
        // A variable that is not UTF-8 cannot be one of ours: all our values are text.
        let text =
            |(name, value): (std::ffi::OsString, std::ffi::OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        Layers { file: file.map(Path::to_owned), env: std::env::vars_os().filter_map(text).collect(), set }
    }

    /// Reads all layers into `T`, whose every struct must refuse unknown fields and have defaults for known ones.
    ///
    /// # Errors
    /// A file that cannot be read or is no TOML; an unknown key; a value of the wrong kind.
    pub fn load<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        let mut builder = config::Config::builder();
        if let Some(path) = &self.file {
            let text = std::fs::read_to_string(path).map_err(|error| self.about_file(error.to_string()))?;
            let source = config::File::from_str(&text, config::FileFormat::Toml);
            // Read on its own first, so that a syntax error is the file's and nobody else's.
            config::Config::builder().add_source(source.clone()).build().map_err(|error| self.about_file(error.to_string()))?;
            builder = builder.add_source(source);
        }
        for layer in [tree(self.env_keys()), tree(self.set_keys())] {
            builder = builder.add_source(layer);
        }
        let merged = builder.build().map_err(|error| ConfigError::at("", error.to_string()))?;
        serde_path_to_error::deserialize(merged).map_err(|error| self.explain(&error))
    }

    fn about_file(&self, why: String) -> ConfigError {
        let origin = self.file.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        ConfigError { origin, key: String::new(), why: one_line(&why) }
    }

    /// Turns a decoding error into one that names the key in full and the place that said it.
    fn explain(&self, error: &serde_path_to_error::Error<config::ConfigError>) -> ConfigError {
        // The `config` crate appends "for key … in …" to some of its messages; we say both ourselves.
        let message = error.inner().to_string();
        let why = message.split(" for key `").next().unwrap_or(&message);
        let path = error.path().to_string();
        let mut key = if path == "." { String::new() } else { path };
        // An unknown field is reported at the table it stands in; its name is in the message.
        if let Some(field) = why.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next())
            && key.rsplit('.').next() != Some(field)
        {
            key = if key.is_empty() { field.to_owned() } else { format!("{key}.{field}") };
        }
        ConfigError::at(key, one_line(why)).found_in(self)
    }

    /// The last layer that says something about `key` or about what is below it: the one that won.
    fn origin_of(&self, key: &str) -> String {
        let says = |path: &KeyPath| {
            let name = path.join(".");
            !key.is_empty() && (name == key || name.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
        };
        if let Some((name, ..)) = self.set_keys().rev().find(|(_, path, _)| says(path)) {
            return format!("--set {name}");
        }
        if let Some((name, ..)) = self.env_keys().find(|(_, path, _)| says(path)) {
            return format!("environment variable {name}");
        }
        self.file.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
    }

    fn env_keys(&self) -> impl Iterator<Item = Said<'_>> {
        self.env.iter().filter_map(|(name, value)| {
            let rest = name.strip_prefix(ENV_PREFIX)?;
            let mut path: Vec<String> = rest.split("__").map(str::to_lowercase).collect();
            // librdkafka's names have dots, which a variable's name cannot have.
            if let [_, table, property] = path.as_mut_slice()
                && table == "properties"
            {
                *property = property.replace('_', ".");
            }
            Some((name.as_str(), path, value.as_str()))
        })
    }

    fn set_keys(&self) -> impl DoubleEndedIterator<Item = Said<'_>> {
        self.set.iter().map(|(name, value)| {
            // What follows a `properties` table is one key, dots and all.
            let path = match name.split_once(".properties.") {
                Some((section, property)) => vec![section.to_owned(), "properties".to_owned(), property.to_owned()],
                None => name.split('.').map(str::to_owned).collect(),
            };
            (name.as_str(), path, value.as_str())
        })
    }
}

type KeyPath = Vec<String>;
/// Name as it was written, path of the key, value.
type Said<'a> = (&'a str, KeyPath, &'a str);

/// One layer as the `config` crate takes it: given in tables, since it would cut the dots out of a flat name.
#[derive(Debug, Clone)]
struct Tree(config::Map<String, config::Value>);

impl config::Source for Tree {
    fn clone_into_box(&self) -> Box<dyn config::Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<config::Map<String, config::Value>, config::ConfigError> {
        Ok(self.0.clone())
    }
}

/// Nested tables out of paths; a later value replaces an earlier one.
fn tree<'a>(said: impl Iterator<Item = Said<'a>>) -> Tree {
    use config::{Map, Value, ValueKind};
    let mut root = Map::new();
    for (_, path, value) in said {
        let mut table = &mut root;
        let (last, parents) = path.split_last().map_or(("", &[][..]), |(last, parents)| (last.as_str(), parents));
        for part in parents {
            let next = table.entry(part.clone()).or_insert_with(|| Value::new(None, ValueKind::Nil));
            if !matches!(next.kind, ValueKind::Table(_)) {
                next.kind = ValueKind::Table(Map::new());
            }
            match &mut next.kind {
                ValueKind::Table(map) => table = map,
                _ => return Tree(Map::new()),
            }
        }
        table.insert(last.to_owned(), Value::new(None, value));
    }
    Tree(root)
}

/// Reads `section.key=value`, the argument of a `--set` flag.
///
/// # Errors
/// Without a `=`, or with nothing before it.
pub fn parse_set(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err(format!("{text:?} is not of the form section.key=value")),
    }
}

/// The settings as TOML, with everything that may be a secret left out.
pub fn render<T: Serialize>(settings: &T) -> String {
    let mut out = String::new();
    if let Ok(Value::Object(root)) = serde_json::to_value(settings) {
        render_table(&mut out, "", &root);
    }
    out
}

fn render_table(out: &mut String, name: &str, table: &Map<String, Value>) {
    if !name.is_empty() {
        out.push_str(&format!("{}[{name}]\n", if out.is_empty() { "" } else { "\n" }));
    }
    let properties = name.ends_with(".properties");
    for (key, value) in table.iter().filter(|(_, value)| !value.is_object() && !value.is_null()) {
        let bare = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        let key_text = if bare { key.clone() } else { Value::from(key.as_str()).to_string() };
        if properties && !is_public(key) {
            out.push_str(&format!("{key_text} = \"(not shown)\"\n"));
        } else {
            // JSON's strings, numbers, flags and arrays of them are TOML's too, but for DEL, which TOML wants escaped.
            let text = value.to_string().replace('\u{7f}', "\\u007f");
            out.push_str(&format!("{key_text} = {text}\n"));
        }
    }
    for (key, value) in table {
        if let Value::Object(inner) = value {
            let full = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
            render_table(out, &full, inner);
        }
    }
}

/// librdkafka properties that may be printed: named one by one, since new secrets are invented more often than we release.
fn is_public(property: &str) -> bool {
    const STARTS: [&str; 22] = [
        "security.protocol",
        "sasl.mechanism",
        "sasl.username",
        "ssl.ca.location",
        "ssl.endpoint.",
        "client.",
        "compression.",
        "linger.",
        "batch.",
        "queue.",
        "queued.",
        "fetch.",
        "socket.",
        "session.",
        "heartbeat.",
        "max.",
        "message.",
        "metadata.",
        "request.",
        "delivery.",
        "retry.",
        "reconnect.",
    ];
    STARTS.iter().any(|start| property.starts_with(start))
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
