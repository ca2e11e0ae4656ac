//! The APIs that are called most; `services_tail` has the others.
//!
//! Weights follow what large trails show: AssumeRole, KMS and S3 object access make up most of it, the rest is a long
//! tail of Describe calls. Field shapes follow the CloudTrail chapters of each service's guide, quirks included: numbers
//! that are sometimes strings, tags as a list or as an object, policies as JSON in a string.

use super::api::{Api, Sort, Who, api};
use Sort::{DataRead, DataWrite, Read, Write};

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

/// The head of the distribution.
#[rustfmt::skip]
pub(crate) const APIS: [Api; 34] = [
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
