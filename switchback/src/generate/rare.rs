//! Records of CloudTrail's other folders: Insights and network activity. Few, and shaped unlike all others.

use super::template::{Scene, Template};

/// A rate of calls that is out of the ordinary, its start or its end ("CloudTrail Insights record contents").
const INSIGHT: &str = r#"{"eventVersion":"<1.08|1.09>","eventTime":"<time>","awsRegion":"<region>","eventID":"<uuid>","eventType":"AwsCloudTrailInsight","recipientAccountId":"<account>","sharedEventID":"<uuid>","insightDetails":{"state":"<Start|End>","eventSource":"ssm.amazonaws.com","eventName":"UpdateInstanceInformation","insightType":"<ApiCallRateInsight|ApiErrorRateInsight>","insightContext":{"statistics":{"baseline":{"average":<0.0000882145|85.4202380952|1.1E-4>},"insight":{"average":<664|0.6|12.5>},"insightDuration":<1-30>,"baselineDuration":11336},"attributions":[{"attribute":"userIdentityArn","insight":[{"value":"arn:aws:sts::<account>:assumed-role/<role>","average":<1-600>}],"baseline":[{"value":"arn:aws:sts::<account>:assumed-role/<role>","average":0.0000882145}]},{"attribute":"userAgent","insight":[{"value":"codedeploy.amazonaws.com","average":0.6}],"baseline":[]},{"attribute":"errorCode","insight":[{"value":"null","average":0.6}],"baseline":[]}]}},"eventCategory":"Insight"}"#;

/// A call that a VPC endpoint's policy denied ("Network activity events").
const NETWORK_ACTIVITY: &str = r#"{"eventVersion":"<1.09|1.10>","userIdentity":{"type":"AWSAccount","principalId":"AKIA<keyPart><b8>","accountId":"<account>"},"eventTime":"<time>","eventSource":"<kms.amazonaws.com|secretsmanager.amazonaws.com|s3.amazonaws.com>","eventName":"<ListKeys|ListSecrets|GetObject>","awsRegion":"<region>","sourceIPAddress":"10.0.<0-255>.<1-254>","errorCode":"VpceAccessDenied","errorMessage":"The request was denied due to a VPC endpoint policy","requestID":"<uuid>","eventID":"<uuid>","eventType":"AwsVpceEvent","recipientAccountId":"<account>","sharedEventID":"<uuid>","vpcEndpointId":"vpce-0<hex17>","vpcEndpointAccountId":"<account>","eventCategory":"NetworkActivity"}"#;

/// The two templates, parsed once.
#[derive(Debug)]
pub(crate) struct Rare {
    insight: Template,
    network_activity: Template,
}

impl Rare {
    pub(crate) fn new() -> anyhow::Result<Rare> {
        Ok(Rare { insight: Template::parse(INSIGHT)?, network_activity: Template::parse(NETWORK_ACTIVITY)? })
    }

    pub(crate) fn insight(&self, out: &mut Vec<u8>, scene: &mut Scene<'_>) {
        self.insight.write(out, scene);
    }

    pub(crate) fn network_activity(&self, out: &mut Vec<u8>, scene: &mut Scene<'_>) {
        self.network_activity.write(out, scene);
    }
}
