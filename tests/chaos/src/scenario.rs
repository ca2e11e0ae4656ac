//! The scenarios by name.

use crate::context::Context;
use crate::tally::Tally;
use crate::{clock, disk, failpoints, groups, hunt, kills, outages, proxied, redelivery, zombies};
use anyhow::bail;

/// One way to break things.
pub(crate) struct Scenario {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// What happens in it.
    pub(crate) about: &'static str,
    /// Plays it; panics at a violation.
    pub(crate) play: fn(&Context, &mut Tally),
}

/// All of them, the quick ones first.
pub(crate) const SCENARIOS: [Scenario; 10] = [
    Scenario {
        name: "redelivery",
        about: "the same log files again, under other roots, by aggregators that forgot",
        play: redelivery::play,
    },
    Scenario { name: "clock", about: "clocks that jump by hours and days, each process its own", play: clock::play },
    Scenario { name: "disk-full", about: "a table on a disk that is full at times", play: disk::play },
    Scenario { name: "outages", about: "Kafka and S3 stopped and killed in the middle", play: outages::play },
    Scenario {
        name: "proxy",
        about: "an S3 that loses answers, answers late, and answers 500, 503, 409 and 412",
        play: proxied::play,
    },
    Scenario {
        name: "zombies",
        about: "persisters that stand still while others take over, and then go on",
        play: zombies::play,
    },
    Scenario { name: "groups", about: "members of a consumer group join, leave and die", play: groups::play },
    Scenario { name: "kills", about: "kill -9 at random moments, over and over", play: kills::play },
    Scenario {
        name: "failpoints",
        about: "crash, stop and errors at every named point of the persister",
        play: failpoints::play,
    },
    Scenario { name: "hunt", about: "a little of everything at once, on two owners of each partition", play: hunt::play },
];

/// The list as help shows it.
pub(crate) fn list() -> String {
    let line = |scenario: &Scenario| format!("  {:<12}{}\n", scenario.name, scenario.about);
    format!(
        "Scenarios:\n{}\nExit code 0: nothing lost, nothing twice. 1: a violation. 2: the harness failed.",
        SCENARIOS.iter().map(line).collect::<String>()
    )
}

/// Those that were asked for.
pub(crate) fn named(names: &[String]) -> anyhow::Result<Vec<&'static Scenario>> {
    let mut found = Vec::new();
    for name in names {
        let before = found.len();
        found.extend(SCENARIOS.iter().filter(|scenario| name == "all" || name == scenario.name));
        if found.len() == before {
            bail!("there is no scenario {name:?}\n{}", list());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_found_by_name_and_all_together() {
        let names = |asked: &[&str]| -> Vec<&str> {
            let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
            named(&asked).unwrap().iter().map(|scenario| scenario.name).collect()
        };
        assert_eq!(names(&["zombies", "kills"]), ["zombies", "kills"]);
        assert_eq!(names(&["all"]).len(), SCENARIOS.len());
        assert!(named(&["kill".to_owned()]).is_err());
    }
}
