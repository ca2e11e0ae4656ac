//! An attack to be found: an access key has leaked, somebody tries what it can do, takes more, stops the trail and
//! carries data away. Its parameters stand in `truth.json`, so that a query's answer can be checked.

use super::account::{Account, User};
use super::client::Client;
use super::identity::Caller;
use super::record::{self, Draft, Failure};
use super::regions::REGIONS;
use super::rng::Rng;
use super::template::Scene;
use super::text::{self, string};
use super::world::World;
use serde::{Deserialize, Serialize};

/// Seconds into the first day at which it begins: at night.
const BEGINS: i64 = 3 * 3_600 + 12 * 60;
const TRAIL: &str = "org-trail";
const AGENT: &str = "python-requests/2.31.0";
/// What is tried and refused before something works.
const REFUSED: [(&str, &str); 10] = [
    ("iam", "GetAccountAuthorizationDetails"),
    ("iam", "ListUsers"),
    ("iam", "ListRoles"),
    ("ec2", "DescribeInstances"),
    ("secretsmanager", "ListSecrets"),
    ("lambda", "ListFunctions20150331"),
    ("rds", "DescribeDBInstances"),
    ("cloudtrail", "DescribeTrails"),
    ("ssm", "GetParametersByPath"),
    ("organizations", "ListAccounts"),
];

/// What `truth.json` tells of the attack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryTruth {
    /// The victim.
    pub account: String,
    /// Where all of it was recorded.
    pub region: String,
    /// The user whose key leaked; the user's own calls come from other addresses.
    pub user: String,
    /// The key that leaked.
    pub access_key_id: String,
    /// The attacker's address, which nobody else has.
    pub source_ip: String,
    /// The attacker's user agent.
    pub user_agent: String,
    /// Events of the attack.
    pub events: u64,
    /// Of these, refused.
    pub denied: u64,
    /// The key that the attacker made.
    pub created_access_key_id: String,
    /// The trail that was stopped.
    pub stopped_trail: String,
    /// Where data was read.
    pub bucket: String,
    /// Objects that were read.
    pub objects_read: u64,
    /// `eventTime` of the first event.
    pub first_event_time: String,
    /// `eventTime` of the last event.
    pub last_event_time: String,
}

#[derive(Debug)]
struct Step {
    time: i64,
    source: &'static str,
    name: &'static str,
    denied: bool,
    request: Option<String>,
    response: Option<String>,
    resources: Option<String>,
}

/// The attack, step by step.
#[derive(Debug)]
pub(crate) struct Story {
    steps: Vec<Step>,
    truth: StoryTruth,
}

impl Story {
    /// Plans it for the busiest account.
    pub(crate) fn new(seed: u64, world: &World, start: i64) -> Option<Story> {
        let mut rng = Rng::new(seed, u64::MAX - 1);
        let account = world.accounts.first()?;
        let user = victim(account)?;
        let created = string(|out| {
            text::push_all(out, &["AKIA", &account.key_part]);
            text::base32(out, &mut rng, 8);
        });
        let bucket = account.buckets.get(2)?.clone();
        let steps = steps(user, &created, &bucket, start + BEGINS, &mut rng);
        let time = |step: Option<&Step>| string(|out| text::time(out, step.map_or(0, |step| step.time)));
        let count = |test: &dyn Fn(&Step) -> bool| steps.iter().filter(|step| test(step)).count() as u64;
        let truth = StoryTruth {
            account: account.id.clone(),
            region: REGIONS[0].to_owned(),
            user: user.name.clone(),
            access_key_id: user.access_key.clone(),
            source_ip: format!("203.0.113.{}", 200 + rng.below(50)),
            user_agent: AGENT.to_owned(),
            events: steps.len() as u64,
            denied: count(&|step| step.denied),
            created_access_key_id: created,
            stopped_trail: TRAIL.to_owned(),
            objects_read: count(&|step| step.name == "GetObject"),
            bucket,
            first_event_time: time(steps.first()),
            last_event_time: time(steps.last()),
        };
        Some(Story { steps, truth })
    }

    pub(crate) fn truth(&self) -> &StoryTruth {
        &self.truth
    }

    /// When the events at hand happened, in order.
    pub(crate) fn times(&self) -> impl Iterator<Item = i64> {
        self.steps.iter().map(|step| step.time)
    }

    /// Appends the record of a step; returns its time. Nothing when there is no such step.
    pub(crate) fn write(&self, out: &mut Vec<u8>, at: usize, world: &World, rng: &mut Rng) -> Option<i64> {
        let step = self.steps.get(at)?;
        let account = world.accounts.first()?;
        let call = world.catalogue.find(step.source, step.name)?;
        let client =
            Client { address: self.truth.source_ip.clone(), agent: AGENT, endpoint: None, internal: false, console: false };
        let pick = rng.next();
        let mut scene = Scene { account, region: REGIONS[0], time: step.time, pick, rng };
        let draft = Draft {
            call,
            caller: Caller::User { user: victim(account)?, console: false },
            client,
            failure: step.denied.then_some(Failure::Denied),
            request: step.request.as_deref(),
            response: step.response.as_deref(),
            resources: step.resources.as_deref(),
        };
        record::write(out, &draft, &mut scene);
        Some(step.time)
    }
}

/// The user whose key lay around in an old pipeline.
fn victim(account: &Account) -> Option<&User> {
    account.users.iter().find(|user| user.name == "ci-legacy-deploy")
}

fn steps(user: &User, created: &str, bucket: &str, begins: i64, rng: &mut Rng) -> Vec<Step> {
    let mut time = begins;
    let mut steps = Vec::new();
    let mut step = |wait: i64, (source, name), denied, request: Option<String>, response: Option<String>| {
        time += wait;
        steps.push(Step { time, source, name, denied, request, response, resources: None });
    };
    let name = &user.name;
    step(0, ("sts", "GetCallerIdentity"), false, None, None);
    step(19, ("s3", "ListBuckets"), false, None, None);
    for &api in REFUSED.iter().chain(&REFUSED[..4]) {
        step(rng.between(4, 30), api, true, None, None);
    }
    let key = format!(r#"{{"accessKey":{{"accessKeyId":"{created}","status":"Active","userName":"{name}"}}}}"#);
    step(95, ("iam", "CreateAccessKey"), false, Some(format!(r#"{{"userName":"{name}"}}"#)), Some(key));
    let policy = format!(r#"{{"userName":"{name}","policyArn":"arn:aws:iam::aws:policy/AdministratorAccess"}}"#);
    step(41, ("iam", "AttachUserPolicy"), false, Some(policy), None);
    step(63, ("cloudtrail", "DescribeTrails"), false, None, None);
    step(12, ("cloudtrail", "StopLogging"), false, Some(format!(r#"{{"name":"{TRAIL}"}}"#)), None);
    for number in 0..30 {
        let request = format!(
            r#"{{"bucketName":"{bucket}","Host":"{bucket}.s3.amazonaws.com","key":"exports/customers-{number:04}.csv.gz"}}"#
        );
        step(rng.between(2, 25), ("s3", "GetObject"), false, Some(request), None);
    }
    for (number, step) in steps.iter_mut().filter(|step| step.name == "GetObject").enumerate() {
        step.resources = Some(format!(
            r#"[{{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::{bucket}/exports/customers-{number:04}.csv.gz"}},{{"type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::{bucket}"}}]"#
        ));
    }
    steps
}
