//! The APIs that are called, as data: how often, by whom, and what their records look like.
//!
//! Weights follow what large trails show: AssumeRole, KMS and S3 object access make up most of it, the rest is a long
//! tail of Describe calls. Field shapes follow the CloudTrail chapters of each service's guide, quirks included: numbers
//! that are sometimes strings, tags as a list or as an object, policies as JSON in a string.

use super::rng::Weighted;
use super::template::Template;

/// What kind of record an API leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Management event that changes nothing.
    Read,
    /// Management event that changes something.
    Write,
    /// Data event that changes nothing.
    DataRead,
    /// Data event that changes something.
    DataWrite,
}

/// Who calls an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// The account's roles and users.
    Anyone,
    /// As `Anyone`, and often a service with the caller's credentials.
    Forwarded,
    /// Whoever assumes roles: services, roles, users, other accounts.
    Assumers,
    /// Web identities.
    Pods,
    /// People with an assertion of a SAML provider.
    Saml,
    /// People signing in.
    Login,
    /// An AWS service for its own ends, as an `AwsServiceEvent`.
    Aws,
}

/// One API. Empty templates stand for `null` or an absent field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Api {
    /// The service, without `.amazonaws.com`.
    pub(crate) source: &'static str,
    pub(crate) name: &'static str,
    pub(crate) weight: u64,
    pub(crate) sort: Sort,
    pub(crate) who: Who,
    /// Reported in us-east-1 only.
    pub(crate) global: bool,
    pub(crate) request: &'static str,
    pub(crate) response: &'static str,
    pub(crate) resources: &'static str,
    pub(crate) additional: &'static str,
}

/// An API with its templates parsed.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) api: Api,
    pub(crate) request: Template,
    pub(crate) response: Template,
    pub(crate) resources: Template,
    pub(crate) additional: Template,
}

/// All APIs, ready to be drawn from.
#[derive(Debug)]
pub(crate) struct Catalogue {
    calls: Vec<Call>,
    home: Weighted,
    elsewhere: Weighted,
}

impl Catalogue {
    /// Draws a call for a region; global services are seen in their home region only.
    pub(crate) fn draw(&self, home: bool, rng: &mut super::rng::Rng) -> &Call {
        let weights = if home { &self.home } else { &self.elsewhere };
        &self.calls[weights.draw(rng).min(self.calls.len() - 1)]
    }

    /// The call of that name.
    pub(crate) fn find(&self, source: &str, name: &str) -> Option<&Call> {
        self.calls.iter().find(|call| call.api.source == source && call.api.name == name)
    }
}

/// Parses the catalogue.
pub(crate) fn catalogue() -> anyhow::Result<Catalogue> {
    let apis = || APIS.iter().chain(&super::services_tail::APIS);
    let calls = apis()
        .map(|api| {
            Ok(Call {
                api: *api,
                request: Template::parse(api.request)?,
                response: Template::parse(api.response)?,
                resources: Template::parse(api.resources)?,
                additional: Template::parse(api.additional)?,
            })
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let home = Weighted::new(apis().map(|api| api.weight));
    let elsewhere = Weighted::new(apis().map(|api| if api.global { 0 } else { api.weight }));
    Ok(Catalogue { calls, home, elsewhere })
}

/// An API of the account's principals, with nothing but a request.
pub(crate) const fn api(source: &'static str, name: &'static str, weight: u64, sort: Sort, request: &'static str) -> Api {
    Api { source, name, weight, sort, who: Who::Anyone, global: false, request, response: "", resources: "", additional: "" }
}

impl Api {
    pub(crate) const fn by(self, who: Who) -> Api {
        Api { who, ..self }
    }

    pub(crate) const fn global(self) -> Api {
        Api { global: true, ..self }
    }

    pub(crate) const fn gives(self, response: &'static str) -> Api {
        Api { response, ..self }
    }

    pub(crate) const fn touches(self, resources: &'static str) -> Api {
        Api { resources, ..self }
    }

    pub(crate) const fn adds(self, additional: &'static str) -> Api {
        Api { additional, ..self }
    }
}

const KEY_ARN: &str = r#"[{"accountId":"<account>","type":"AWS::KMS::Key","ARN":"arn:aws:kms:<region>:<account>:key/<key>"}]"#;
const ROLE_ARN: &str = r#"[{"accountId":"<account>","type":"AWS::IAM::Role","ARN":"arn:aws:iam::<account>:role/<role>"}]"#;
const OBJECT_ARN: &str = r#"[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::<bucket>/<object>"},{"accountId":"<account>","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::<bucket>"}]"#;
const BUCKET_ARN: &str = r#"[{"accountId":"<account>","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::<bucket>"}]"#;
const TABLE_ARN: &str =
    r#"[{"accountId":"<account>","type":"AWS::DynamoDB::Table","ARN":"arn:aws:dynamodb:<region>:<account>:table/<name>"}]"#;
const S3_TRANSFER: &str = r#"{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":<0-0>,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"<b64x75>=","bytesTransferredOut":<100-90000000>}"#;
/// Older writers print counts as floating point.
const S3_UPLOAD: &str = r#"{"SignatureVersion":"SigV4","CipherSuite":"ECDHE-RSA-AES128-GCM-SHA256","bytesTransferredIn":<1-9000000>.0,"SSEApplied":"<Default_SSE_S3|SSE_KMS>","AuthenticationMethod":"<AuthHeader|QueryString>","x-amz-id-2":"<b64x75>=","bytesTransferredOut":0.0}"#;
const ROLE_SESSION: &str = r#"{"credentials":{"accessKeyId":"ASIA<keyPart><b8>","sessionToken":"IQoJb3JpZ2luX2VjE<token>==","expiration":"<later>"},"assumedRoleUser":{"assumedRoleId":"<roleId>:<instance>","arn":"arn:aws:sts::<account>:assumed-role/<role>/<instance>"}}"#;

use Sort::{DataRead, DataWrite, Read, Write};

/// The head of the distribution; the tail is in `services_tail`.
#[rustfmt::skip]
const APIS: [Api; 34] = [
    api("sts", "AssumeRole", 13_000, Read,
        r#"{"roleArn":"arn:aws:iam::<account>:role/<role>","roleSessionName":"<instance>","durationSeconds":<3600|"3600"|900|43200>}"#)
        .by(Who::Assumers).gives(ROLE_SESSION).touches(ROLE_ARN),
    api("sts", "AssumeRoleWithWebIdentity", 1_800, Read,
        r#"{"roleArn":"arn:aws:iam::<account>:role/<role>","roleSessionName":"botocore-session-<1700000000-1700999999>","durationSeconds":3600}"#)
        .by(Who::Pods).gives(ROLE_SESSION).touches(ROLE_ARN),
    api("sts", "AssumeRoleWithSAML", 150, Read,
        r#"{"sAMLAssertionID":"_<hex32>","roleSessionName":"<user>","principalArn":"arn:aws:iam::<account>:saml-provider/corp","roleArn":"arn:aws:iam::<account>:role/<role>","durationSeconds":3600}"#)
        .by(Who::Saml).gives(ROLE_SESSION).touches(ROLE_ARN),
    api("sts", "GetCallerIdentity", 1_300, Read, ""),
    api("kms", "Decrypt", 11_000, Read,
        r#"{"encryptionContext":{"SecretARN":"arn:aws:secretsmanager:<region>:<account>:secret:<name>-7ChiHt","SecretVersionId":"<uuid>"},"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}"#)
        .by(Who::Forwarded).touches(KEY_ARN),
    api("kms", "GenerateDataKey", 4_800, Read,
        r#"{"keyId":"arn:aws:kms:<region>:<account>:key/<key>","encryptionContext":{"aws:s3:arn":"arn:aws:s3:::<bucket>"},"keySpec":"AES_256"}"#)
        .by(Who::Forwarded).touches(KEY_ARN),
    api("kms", "Encrypt", 600, Read, r#"{"keyId":"alias/<name>","encryptionAlgorithm":"SYMMETRIC_DEFAULT"}"#).touches(KEY_ARN),
    api("kms", "DescribeKey", 700, Read, r#"{"keyId":"<key>"}"#).touches(KEY_ARN),
    api("kms", "CreateGrant", 250, Write,
        r#"{"keyId":"arn:aws:kms:<region>:<account>:key/<key>","granteePrincipal":"arn:aws:iam::<account>:role/<role>","operations":["Decrypt","GenerateDataKeyWithoutPlaintext"],"constraints":{"encryptionContextSubset":{"aws:ebs:id":"vol-0<hex17>"}}}"#)
        .by(Who::Forwarded).gives(r#"{"grantId":"<hex64>","keyId":"arn:aws:kms:<region>:<account>:key/<key>"}"#).touches(KEY_ARN),
    api("kms", "RotateKey", 3, Write, "").by(Who::Aws).touches(KEY_ARN),
    api("s3", "GetObject", 14_500, DataRead,
        r#"{"bucketName":"<bucket>","Host":"<bucket>.s3.<region>.amazonaws.com","key":"<object>"}"#)
        .touches(OBJECT_ARN).adds(S3_TRANSFER),
    api("s3", "PutObject", 5_500, DataWrite,
        r#"{"X-Amz-Date":"20261122T101500Z","bucketName":"<bucket>","X-Amz-Algorithm":"AWS4-HMAC-SHA256","x-amz-acl":"bucket-owner-full-control","X-Amz-SignedHeaders":"content-md5;content-type;host","Host":"<bucket>.s3.<region>.amazonaws.com","X-Amz-Expires":"<300|900>","key":"<object>"}"#)
        .gives(r#"{"x-amz-server-side-encryption":"<AES256|aws:kms>","x-amz-expiration":"expiry-date=\"Tue, 24 Nov 2026 00:00:00 GMT\", rule-id=\"tmp\""}"#)
        .touches(OBJECT_ARN).adds(S3_UPLOAD),
    api("s3", "ListObjects", 2_600, DataRead,
        r#"{"list-type":"2","bucketName":"<bucket>","max-keys":<1000|"1000">,"prefix":"events/dt=2026-11-<10-28>/","delimiter":"%2F","encoding-type":"url","Host":"<bucket>.s3.<region>.amazonaws.com"}"#)
        .touches(r#"[{"type":"AWS::S3::Object","ARNPrefix":"arn:aws:s3:::<bucket>/events/"},{"accountId":"<account>","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::<bucket>"}]"#).adds(S3_TRANSFER),
    api("s3", "HeadObject", 2_200, DataRead, r#"{"bucketName":"<bucket>","Host":"<bucket>.s3.<region>.amazonaws.com","key":"<object>"}"#)
        .touches(OBJECT_ARN).adds(S3_TRANSFER),
    api("s3", "DeleteObject", 500, DataWrite, r#"{"bucketName":"<bucket>","Host":"<bucket>.s3.amazonaws.com","key":"<object>"}"#)
        .touches(OBJECT_ARN).adds(S3_TRANSFER),
    api("s3", "GetBucketAcl", 900, Read, r#"{"bucketName":"<bucket>","Host":"<bucket>.s3.<region>.amazonaws.com","acl":""}"#)
        .by(Who::Forwarded).touches(BUCKET_ARN).adds(S3_TRANSFER),
    api("s3", "GetBucketLocation", 400, Read, r#"{"location":"","bucketName":"<bucket>","Host":"s3.<region>.amazonaws.com"}"#)
        .touches(BUCKET_ARN).adds(S3_TRANSFER),
    api("s3", "ListBuckets", 250, Read, r#"{"Host":"s3.<region>.amazonaws.com"}"#).adds(S3_TRANSFER),
    api("s3", "PutBucketPolicy", 12, Write,
        r#"{"bucketPolicy":{"Version":"2012-10-17","Statement":[{"Sid":"AWSCloudTrailWrite","Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::<bucket>/AWSLogs/*","Condition":{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}}}]},"bucketName":"<bucket>","Host":"<bucket>.s3.amazonaws.com","policy":""}"#)
        .touches(BUCKET_ARN).adds(S3_TRANSFER),
    api("ec2", "DescribeInstances", 3_200, Read,
        r#"{"maxResults":<1000|"1000"|100>,"instancesSet":{"items":[{"instanceId":"<instance>"}]},"filterSet":{"items":[{"name":"instance-state-name","valueSet":{"items":[{"value":"running"}]}}]}}"#),
    api("ec2", "DescribeVolumes", 900, Read, r#"{"maxResults":500,"volumeSet":{},"filterSet":{}}"#),
    api("ec2", "DescribeSecurityGroups", 1_200, Read, r#"{"securityGroupSet":{},"securityGroupIdSet":{"items":[{"groupId":"sg-0<hex17>"}]},"filterSet":{}}"#),
    api("ec2", "DescribeSubnets", 700, Read, r#"{"subnetSet":{},"filterSet":{}}"#),
    api("ec2", "DescribeNetworkInterfaces", 1_800, Read, r#"{"networkInterfaceIdSet":{"items":[{"networkInterfaceId":"eni-0<hex17>"}]},"filterSet":{}}"#)
        .by(Who::Forwarded),
    api("ec2", "DescribeTags", 800, Read, r#"{"filterSet":{"items":[{"name":"resource-id","valueSet":{"items":[{"value":"<instance>"}]}}]}}"#),
    api("ec2", "DescribeNatGateways", 300, Read, r#"{"DescribeNatGatewaysRequest":{"NatGatewayId":{"tag":1,"content":"nat-0<hex17>"}}}"#),
    api("ec2", "RunInstances", 120, Write,
        r#"{"instancesSet":{"items":[{"imageId":"ami-0<hex17>","minCount":1,"maxCount":<1-4>,"keyName":"ops"}]},"instanceType":"<m6i.large|c7g.xlarge|t4g.medium>","blockDeviceMapping":{},"monitoring":{"enabled":false},"disableApiTermination":false,"userData":"\u003csensitiveDataRemoved\u003e","tagSpecificationSet":{"items":[{"resourceType":"instance","tags":[{"key":"Name","value":"<name>"}]}]}}"#)
        .by(Who::Forwarded)
        .gives(r#"{"requestId":"<uuid>","reservationId":"r-0<hex17>","ownerId":"<account>","groupSet":{},"instancesSet":{"items":[{"instanceId":"<instance>","imageId":"ami-0<hex17>","instanceState":{"code":0,"name":"pending"},"privateIpAddress":"10.0.<0-255>.<1-254>","launchTime":<millis>,"placement":{"availabilityZone":"<region>a","tenancy":"default"}}]}}"#),
    api("ec2", "TerminateInstances", 90, Write, r#"{"instancesSet":{"items":[{"instanceId":"<instance>"}]}}"#).by(Who::Forwarded)
        .gives(r#"{"requestId":"<uuid>","instancesSet":{"items":[{"instanceId":"<instance>","currentState":{"code":32,"name":"shutting-down"},"previousState":{"code":16,"name":"running"}}]}}"#),
    api("ec2", "CreateTags", 300, Write, r#"{"resourcesSet":{"items":[{"resourceId":"<instance>"}]},"tagSet":{"items":[{"key":"team","value":"<name>"}]}}"#)
        .gives(r#"{"requestId":"<uuid>","_return":true}"#),
    api("ec2", "CreateNetworkInterface", 350, Write, r#"{"subnetId":"subnet-0<hex17>","description":"AWS Lambda VPC ENI-<name>-<uuid>","groupSet":{"items":[{"groupId":"sg-0<hex17>"}]},"privateIpAddressesSet":{}}"#)
        .by(Who::Forwarded)
        .gives(r#"{"requestId":"<uuid>","networkInterface":{"networkInterfaceId":"eni-0<hex17>","vpcId":"vpc-0<hex17>","ownerId":"<account>","status":"pending","sourceDestCheck":true,"tagSet":{}}}"#),
    api("ec2", "AuthorizeSecurityGroupIngress", 40, Write,
        r#"{"groupId":"sg-0<hex17>","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":<22|443|3389>,"toPort":443,"groups":{},"ipRanges":{"items":[{"cidrIp":"<0.0.0.0/0|10.0.0.0/8|192.0.2.0/24>"}]},"ipv6Ranges":{},"prefixListIds":{}}]}}"#)
        .gives(r#"{"requestId":"<uuid>","_return":true}"#),
    api("dynamodb", "GetItem", 2_400, DataRead, r#"{"tableName":"<name>","key":{"pk":"HIDDEN_DUE_TO_SECURITY_REASONS"},"consistentRead":false}"#).touches(TABLE_ARN),
    api("dynamodb", "PutItem", 900, DataWrite, r#"{"tableName":"<name>","key":{"pk":"HIDDEN_DUE_TO_SECURITY_REASONS"},"items":["pk","sk","ttl"]}"#).touches(TABLE_ARN),
    api("dynamodb", "DescribeTable", 900, Read, r#"{"tableName":"<name>"}"#).touches(TABLE_ARN),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_of_the_catalogue_can_be_read() {
        let catalogue = catalogue().expect("catalogue");
        assert!(catalogue.calls.len() > 70);
        assert!(catalogue.find("iam", "CreateAccessKey").is_some());
    }

    #[test]
    fn a_global_service_is_seen_in_its_home_region_only() {
        let catalogue = catalogue().expect("catalogue");
        let mut rng = super::super::rng::Rng::new(1, 1);
        let mut drawn = |home| (0..50_000).filter(|_| catalogue.draw(home, &mut rng).api.source == "iam").count();
        assert_eq!(drawn(false), 0);
        assert!(drawn(true) > 0);
    }
}
