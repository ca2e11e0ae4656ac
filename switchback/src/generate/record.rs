//! One event record, written straight as text in the order in which AWS writes it.

use super::api::{Sort, Who};
use super::catalogue::Call;
use super::client::Client;
use super::identity::{Caller, person_name};
use super::regions::REGIONS;
use super::template::Scene;
use super::text::{self, push, push_all};
use super::world::World;

/// What went wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The caller may not.
    Denied,
    /// Too many calls.
    Throttled,
    /// What was asked for is not there.
    Missing,
}

/// Everything that is decided about a record before it is written.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) call: &'a Call,
    pub(crate) caller: Caller<'a>,
    pub(crate) client: Client,
    pub(crate) failure: Option<Failure>,
    /// Instead of the catalogue's `requestParameters`.
    pub(crate) request: Option<&'a str>,
    /// Instead of the catalogue's `responseElements`.
    pub(crate) response: Option<&'a str>,
    /// Instead of the catalogue's `resources`.
    pub(crate) resources: Option<&'a str>,
}

const VERSIONS: [&str; 10] = ["1.08", "1.08", "1.08", "1.09", "1.09", "1.09", "1.10", "1.10", "1.11", "1.11"];
const FORWARDERS: [&str; 6] = [
    "secretsmanager.amazonaws.com",
    "lambda.amazonaws.com",
    "autoscaling.amazonaws.com",
    "athena.amazonaws.com",
    "cloudformation.amazonaws.com",
    "AWS Internal",
];
const ASSUMERS: [&str; 8] = [
    "ec2.amazonaws.com",
    "lambda.amazonaws.com",
    "ecs-tasks.amazonaws.com",
    "config.amazonaws.com",
    "autoscaling.amazonaws.com",
    "ssm.amazonaws.com",
    "access-analyzer.amazonaws.com",
    "eks-nodegroup.amazonaws.com",
];

/// Appends one record of everyday life.
pub(crate) fn everyday(out: &mut Vec<u8>, world: &World, scene: &mut Scene<'_>) {
    let call = world.catalogue.draw(scene.region == REGIONS[0], scene.rng);
    let caller = caller_for(call, scene);
    let client = Client::of(&caller, scene.account, scene.rng);
    let failure = match scene.rng.below(1_000) {
        0..12 => Some(Failure::Denied),
        12..18 => Some(Failure::Throttled),
        18..26 => Some(Failure::Missing),
        _ => None,
    };
    let reads = matches!(call.api.sort, Sort::Read | Sort::DataRead);
    let failure =
        failure.filter(|failure| !matches!(call.api.who, Who::Login | Who::Aws) && (reads || *failure != Failure::Missing));
    write(out, &Draft { call, caller, client, failure, request: None, response: None, resources: None }, scene);
}

fn caller_for<'a>(call: &Call, scene: &mut Scene<'a>) -> Caller<'a> {
    let account = scene.account;
    let rng = &mut *scene.rng;
    let share = rng.below(1_000);
    let service =
        |from: &[&'static str], at: u64| from.get((at % from.len() as u64) as usize).copied().unwrap_or("ec2.amazonaws.com");
    match call.api.who {
        Who::Aws => Caller::Service("AWS Internal"),
        Who::Pods => Caller::WebIdentity {
            name: format!("system:serviceaccount:prod:{}", service(&["payments-api", "search-indexer"], share)),
        },
        Who::Saml => Caller::Saml { name: person_name(rng.next()) },
        Who::Login => match share {
            0..20 => Caller::Root,
            20..500 => Caller::any_user(account, rng, true),
            _ => Caller::IdentityCenter { person: rng.next() },
        },
        Who::Assumers => match share {
            0..520 => Caller::Service(service(&ASSUMERS, rng.next())),
            520..600 => Caller::Foreign { account: foreign_account(scene.pick) },
            600..700 => Caller::any_user(account, rng, false),
            _ => Caller::any_role(account, rng),
        },
        Who::Forwarded if share < 250 => match Caller::any_role(account, rng) {
            Caller::Role { role, session, .. } => Caller::Role { role, session, via: Some(service(&FORWARDERS, rng.next())) },
            other => other,
        },
        Who::Forwarded | Who::Anyone => match share {
            990.. if matches!(call.api.sort, Sort::DataRead) && call.api.source == "s3" => Caller::Anonymous,
            0..3 => Caller::Root,
            3..10 => rng.pick(&account.users).map_or(Caller::Root, |user| Caller::Federated { user }),
            10..18 => Caller::Foreign { account: foreign_account(scene.pick) },
            18..25 => Caller::IdentityCenter { person: rng.next() },
            25..170 => Caller::any_user(account, rng, false),
            _ => Caller::any_role(account, rng),
        },
    }
}

/// An account that is not among ours: the same few partners again and again.
fn foreign_account(pick: u64) -> String {
    format!("{:012}", 999_000_000_000 + pick % 7 * 31_415_926)
}

/// Appends a record.
pub(crate) fn write(out: &mut Vec<u8>, draft: &Draft<'_>, scene: &mut Scene<'_>) {
    let Draft { call, caller, client, .. } = draft;
    let api = &call.api;
    let version = scene.rng.pick(&VERSIONS).copied().unwrap_or("1.08");
    push_all(out, &[r#"{"eventVersion":""#, version, r#"","userIdentity":"#]);
    caller.write(out, scene.account, scene.region, scene.time, scene.rng);
    push(out, r#","eventTime":""#);
    text::time(out, scene.time);
    push_all(out, &[r#"","eventSource":""#, api.source, r#".amazonaws.com","eventName":""#, api.name]);
    push_all(out, &[r#"","awsRegion":""#, scene.region, r#"","sourceIPAddress":""#, &client.address, r#"","userAgent":""#]);
    // S3 puts the user agent in brackets.
    let bracketed = api.source == "s3" && !client.internal && !client.agent.starts_with('[');
    let (open, close) = if bracketed { ("[", "]\"") } else { ("", "\"") };
    push_all(out, &[open, client.agent, close]);
    if let Some(failure) = draft.failure {
        write_failure(out, failure, draft, scene);
    }
    push(out, r#","requestParameters":"#);
    match draft.request {
        Some(request) => push(out, request),
        None if call.request.is_empty() => push(out, "null"),
        None => call.request.write(out, scene),
    }
    write_response(out, draft, scene);
    ids(out, api.source, scene);
    let reads = matches!(api.sort, Sort::Read | Sort::DataRead);
    push_all(out, &[r#"","readOnly":"#, if reads { "true" } else { "false" }]);
    if !call.resources.is_empty() {
        push(out, r#","resources":"#);
        match draft.resources {
            Some(resources) => push(out, resources),
            None => call.resources.write(out, scene),
        }
    }
    tail(out, draft, version, scene);
    push(out, "}");
}

/// `responseElements` and `additionalEventData`.
fn write_response(out: &mut Vec<u8>, draft: &Draft<'_>, scene: &mut Scene<'_>) {
    let call = draft.call;
    if call.api.who == Who::Login {
        write_login(out, scene);
        return;
    }
    push(out, r#","responseElements":"#);
    match draft.response {
        _ if draft.failure.is_some() => push(out, "null"),
        Some(response) => push(out, response),
        None if call.response.is_empty() => push(out, "null"),
        None => call.response.write(out, scene),
    }
    if !call.additional.is_empty() {
        push(out, r#","additionalEventData":"#);
        call.additional.write(out, scene);
    }
}

/// What a sign-in to the console leaves ("AWS Management Console sign-in events").
fn write_login(out: &mut Vec<u8>, scene: &mut Scene<'_>) {
    let failed = scene.rng.below(12) == 0;
    let mfa = scene.rng.below(5) != 0;
    push(out, r#","responseElements":{"ConsoleLogin":""#);
    push_all(out, &[if failed { "Failure" } else { "Success" }, r#""}"#]);
    if failed {
        push(out, r#","errorMessage":"Failed authentication""#);
    }
    push_all(out, &[r#","additionalEventData":{"LoginTo":"https://console.aws.amazon.com/console/home?region="#, scene.region]);
    push(out, r#"&state=hashArgs%23&isauthcode=true","MobileVersion":"No","#);
    push(out, if mfa { r#""MFAIdentifier":"arn:aws:iam::"# } else { r#""MFAUsed":"No"}"# });
    if mfa {
        push_all(out, &[&scene.account.id, r#":mfa/phone","MFAUsed":"Yes"}"#]);
    }
}

fn ids(out: &mut Vec<u8>, source: &str, scene: &mut Scene<'_>) {
    push(out, r#","requestID":""#);
    if source == "s3" {
        // S3's request ids are sixteen letters and digits, not UUIDs.
        text::base32(out, scene.rng, 16);
    } else {
        text::uuid(out, scene.rng);
    }
    push(out, r#"","eventID":""#);
    text::uuid(out, scene.rng);
}

fn tail(out: &mut Vec<u8>, draft: &Draft<'_>, version: &str, scene: &mut Scene<'_>) {
    let Draft { call, caller, client, .. } = draft;
    let api = &call.api;
    let data = matches!(api.sort, Sort::DataRead | Sort::DataWrite);
    let kind = match api.who {
        Who::Login => "AwsConsoleSignIn",
        Who::Aws => "AwsServiceEvent",
        _ => "AwsApiCall",
    };
    push_all(out, &[r#","eventType":""#, kind, r#"""#]);
    if api.source == "dynamodb" {
        push(out, r#","apiVersion":"2012-08-10""#);
    }
    push_all(out, &[r#","managementEvent":"#, if data { "false" } else { "true" }, r#","recipientAccountId":""#]);
    push_all(out, &[&scene.account.id, r#"""#]);
    if matches!(caller, Caller::Foreign { .. } | Caller::Service(_)) {
        push(out, r#","sharedEventID":""#);
        text::uuid(out, scene.rng);
        push(out, r#"""#);
    }
    if let Some(endpoint) = &client.endpoint {
        push_all(out, &[r#","vpcEndpointId":""#, endpoint, r#"""#]);
        if matches!(version, "1.10" | "1.11") {
            push_all(out, &[r#","vpcEndpointAccountId":""#, &scene.account.id, r#"""#]);
        }
    }
    if api.who == Who::Aws {
        push_all(out, &[r#","serviceEventDetails":{"keyId":""#, scene.account.keys.first().map_or("", String::as_str), r#""}"#]);
    }
    push_all(out, &[r#","eventCategory":""#, if data { "Data" } else { "Management" }, r#"""#]);
    if api.who != Who::Aws {
        client.tls(out, &[api.source, ".", scene.region, ".amazonaws.com"], version, scene.rng);
    }
    if client.console && api.who != Who::Login {
        push(out, r#","sessionCredentialFromConsole":"true""#);
    }
}

fn write_failure(out: &mut Vec<u8>, failure: Failure, draft: &Draft<'_>, scene: &mut Scene<'_>) {
    let api = &draft.call.api;
    let ec2 = api.source == "ec2";
    match failure {
        Failure::Throttled => {
            let code = if ec2 { "Client.RequestLimitExceeded" } else { "ThrottlingException" };
            let message = if ec2 { "Request limit exceeded." } else { "Rate exceeded" };
            push_all(out, &[r#","errorCode":""#, code, r#"","errorMessage":""#, message, r#"""#]);
        }
        Failure::Missing => {
            let (code, message) = match api.source {
                "s3" if api.sort == Sort::DataRead => ("NoSuchKey", "The specified key does not exist."),
                "s3" => ("NoSuchBucketPolicy", "The bucket policy does not exist"),
                "ec2" => ("Client.InvalidInstanceID.NotFound", "The instance ID 'i-00000000000000000' does not exist"),
                "iam" => ("NoSuchEntityException", "The role with name \\\"legacy\\\" cannot be found."),
                _ => ("ResourceNotFoundException", "The specified resource doesn't exist."),
            };
            push_all(out, &[r#","errorCode":""#, code, r#"","errorMessage":""#, message, r#"""#]);
        }
        Failure::Denied if ec2 => {
            push(
                out,
                r#","errorCode":"Client.UnauthorizedOperation","errorMessage":"You are not authorized to perform this operation. User: "#,
            );
            draft.caller.arn(out, scene.account);
            push_all(
                out,
                &[" is not authorized to perform: ec2:", api.name, " because no identity-based policy allows the ec2:"],
            );
            push_all(out, &[api.name, " action. Encoded authorization failure message: "]);
            text::base64(out, scene.rng, 300);
            push(out, r#"""#);
        }
        Failure::Denied => {
            push(out, r#","errorCode":"AccessDenied","errorMessage":"User: "#);
            draft.caller.arn(out, scene.account);
            push_all(
                out,
                &[" is not authorized to perform: ", api.source, ":", api.name, r#" on resource: \"arn:aws:"#, api.source],
            );
            push_all(out, &[":", scene.region, ":", &scene.account.id, r#":*\" because no identity-based policy allows the "#]);
            push_all(out, &[api.source, ":", api.name, r#" action""#]);
        }
    }
}
