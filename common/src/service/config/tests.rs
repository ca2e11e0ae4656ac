//! Layering and refusals, as data.

use super::*;
use crate::service::{DurationSetting, SizeSetting};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    top: String,
    kafka: Kafka,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Kafka {
    brokers: String,
    create: bool,
    partitions: u32,
    poll: DurationSetting,
    buffer: SizeSetting,
    retention: Option<DurationSetting>,
    properties: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { top: "t".into(), kafka: Kafka::default() }
    }
}

impl Default for Kafka {
    fn default() -> Self {
        Kafka {
            brokers: String::new(),
            create: false,
            partitions: 4,
            poll: DurationSetting(Duration::from_secs(10)),
            buffer: SizeSetting(1024),
            retention: None,
            properties: BTreeMap::new(),
        }
    }
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// Loads `file` (as `a.toml`), `env` and `set`; gives the error with the directory cut off its file name.
fn load(file: &str, env: &[(&str, &str)], set: &[(&str, &str)]) -> Result<Settings, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.toml");
    std::fs::write(&path, file).unwrap();
    let layers = Layers { file: Some(path), env: pairs(env), set: pairs(set) };
    layers.load().map_err(|error| error.to_string().replace(&format!("{}/", dir.path().display()), ""))
}

#[test]
fn without_anything_said_the_defaults_hold() {
    assert_eq!(load("", &[], &[]), Ok(Settings::default()));
    assert_eq!(Layers::default().load::<Settings>(), Ok(Settings::default()));
}

#[test]
fn later_layers_win_key_by_key() {
    let file = "top = \"file\"\n[kafka]\nbrokers = \"file:1\"\npartitions = 8\npoll = \"5m\"\nbuffer = \"128MiB\"\n";
    let env = [
        ("SWITCHBACK__KAFKA__BROKERS", "env:1,env:2"),
        ("SWITCHBACK__KAFKA__PARTITIONS", "9"),
        ("PATH", "/bin"),
        ("SWITCHBACK_TEST", "1"),
    ];
    let set = [("kafka.partitions", "10"), ("kafka.create", "true"), ("kafka.partitions", "11"), ("kafka.retention", "7d")];
    let settings = load(file, &env, &set).unwrap();
    assert_eq!(settings.top, "file");
    assert_eq!(
        settings.kafka,
        Kafka {
            brokers: "env:1,env:2".into(),
            create: true,
            partitions: 11,
            poll: DurationSetting(Duration::from_secs(300)),
            buffer: SizeSetting(128 << 20),
            retention: Some(DurationSetting(Duration::from_secs(7 * 86400))),
            properties: BTreeMap::new(),
        }
    );
}

#[test]
fn properties_keep_their_dots_in_every_layer() {
    let file = "[kafka.properties]\n\"security.protocol\" = \"ssl\"\n\"linger.ms\" = 5\n";
    let env = [("SWITCHBACK__KAFKA__PROPERTIES__SASL_USERNAME", "me")];
    let set = [("kafka.properties.queue.buffering.max.ms", "7"), ("kafka.properties.security.protocol", "sasl_ssl")];
    let settings = load(file, &env, &set).unwrap();
    let expect =
        [("linger.ms", "5"), ("queue.buffering.max.ms", "7"), ("sasl.username", "me"), ("security.protocol", "sasl_ssl")];
    assert_eq!(settings.kafka.properties, pairs(&expect).into_iter().collect());
}

#[test]
fn what_is_not_understood_is_refused_by_its_full_name_and_place() {
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [(&'a str, &'a str)], &'a str);
    let cases: &[Case<'_>] = &[
        ("[kafka]\nbrokrs = \"x\"", &[], &[], "a.toml: kafka.brokrs: unknown field `brokrs`"),
        ("[kafak]\nbrokers = \"x\"", &[], &[], "a.toml: kafak: unknown field `kafak`"),
        (
            "",
            &[("SWITCHBACK__KAFKA__BROKRS", "x")],
            &[],
            "environment variable SWITCHBACK__KAFKA__BROKRS: kafka.brokrs: unknown field",
        ),
        ("", &[("SWITCHBACK__TYPO", "x")], &[], "environment variable SWITCHBACK__TYPO: typo: unknown field"),
        ("", &[("SWITCHBACK__", "x")], &[], "unknown field ``"),
        ("", &[], &[("kafka.brokrs", "x")], "--set kafka.brokrs: kafka.brokrs: unknown field"),
        ("[kafka]\npartitions = \"many\"", &[], &[], "a.toml: kafka.partitions: invalid type"),
        ("[kafka]\npartitions = -1", &[], &[], "a.toml: kafka.partitions: "),
        (
            "[kafka]\npartitions = 2",
            &[("SWITCHBACK__KAFKA__PARTITIONS", "two")],
            &[],
            "environment variable SWITCHBACK__KAFKA__PARTITIONS: kafka.partitions: ",
        ),
        ("[kafka]\npoll = 10", &[], &[], "a.toml: kafka.poll: \"10\" is not a duration"),
        ("[kafka]\nbuffer = \"much\"", &[], &[], "a.toml: kafka.buffer: \"much\" is not a size"),
        ("kafka = 3", &[], &[], "a.toml: kafka: "),
        ("[kafka\n", &[], &[], "a.toml: "),
    ];
    for (file, env, set, expect) in cases {
        let error = load(file, env, set).expect_err(expect);
        assert!(error.contains(expect), "expected {expect:?} in {error:?}");
        assert!(!error.contains('\n'), "{error:?}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Layers { file: Some("/no/such/file.toml".into()), ..Layers::default() }.load::<Settings>().unwrap_err();
    assert!(error.to_string().starts_with("/no/such/file.toml: "), "{error}");
    assert_eq!(error.class(), Class::Config);
}

#[test]
fn rendered_settings_read_back_and_show_no_secret() {
    let mut settings = Settings::default();
    settings.kafka.brokers = "a \"quoted\\\" \u{7f}\tname".into();
    settings.kafka.properties = pairs(&[("linger.ms", "5")]).into_iter().collect();
    let text = render(&settings);
    assert_eq!(load(&text, &[], &[]), Ok(settings), "{text}");

    let mut settings = Settings::default();
    settings.kafka.properties = pairs(&[("sasl.password", "hunter2"), ("ssl.key.pem", "KEY")]).into_iter().collect();
    let text = render(&settings);
    assert!(text.contains("\"sasl.password\" = \"(not shown)\"") && !text.contains("hunter2") && !text.contains("KEY"), "{text}");
}

#[test]
fn a_set_flag_needs_a_key_and_a_value() {
    assert_eq!(parse_set("a.b=c=d"), Ok(("a.b".into(), "c=d".into())));
    assert_eq!(parse_set("a="), Ok(("a".into(), String::new())));
    assert!(parse_set("a").is_err() && parse_set("=x").is_err());
}
