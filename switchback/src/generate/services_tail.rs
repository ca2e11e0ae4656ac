//! The long tail of the catalogue: everything that is called now and then.

use super::api::{Api, Sort, Who, api};
use Sort::{DataRead, DataWrite, Read, Write};

/// A policy as JSON in a string, escaped once more by the record around it.
const POLICY_TEXT: &str = r#"{"roleName":"<role>","policyName":"inline-<hex8>","policyDocument":"{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \"Action\": [\"s3:GetObject\", \"s3:ListBucket\"],\n      \"Resource\": \"arn:aws:s3:::<bucket>/*\"\n    }\n  ]\n}"}"#;

/// The tail.
#[rustfmt::skip]
pub(crate) const APIS: [Api; 62] = [
    api("iam", "GetRole", 450, Read, r#"{"roleName":"<role>"}"#).global(),
    api("iam", "GetUser", 120, Read, "").global(),
    api("iam", "ListRoles", 120, Read, r#"{"maxItems":<100|"100">}"#).global(),
    api("iam", "ListUsers", 60, Read, "").global(),
    api("iam", "ListAttachedRolePolicies", 500, Read, r#"{"roleName":"<role>"}"#).global(),
    api("iam", "GetAccountAuthorizationDetails", 20, Read, r#"{"filter":["User","Role","Group","LocalManagedPolicy"],"maxItems":1000}"#).global(),
    api("iam", "CreateRole", 30, Write,
        r#"{"path":"/service-role/","roleName":"<role>","assumeRolePolicyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"lambda.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}]}","tags":<[{"key":"team","value":"data"}]|{"team":"data"}>}"#)
        .global()
        .gives(r#"{"role":{"path":"/service-role/","roleName":"<role>","roleId":"<roleId>","arn":"arn:aws:iam::<account>:role/service-role/<role>","createDate":"<later>","assumeRolePolicyDocument":"%7B%22Version%22%3A%222012-10-17%22%7D"}}"#),
    api("iam", "PutRolePolicy", 40, Write, POLICY_TEXT).global(),
    api("iam", "AttachUserPolicy", 6, Write, r#"{"userName":"<user>","policyArn":"arn:aws:iam::aws:policy/ReadOnlyAccess"}"#).global(),
    api("iam", "CreateAccessKey", 8, Write, r#"{"userName":"<user>"}"#).global()
        .gives(r#"{"accessKey":{"accessKeyId":"AKIA<keyPart><b8>","status":"Active","userName":"<user>","createDate":"<later>"}}"#),
    api("iam", "GetAccountSummary", 40, Read, "").global(),
    api("lambda", "Invoke", 3_200, DataWrite,
        r#"{"functionName":"arn:aws:lambda:<region>:<account>:function:<function>","invocationType":"<Event|RequestResponse>","sourceArn":"arn:aws:s3:::<bucket>"}"#)
        .touches(r#"[{"accountId":"<account>","type":"AWS::Lambda::Function","ARN":"arn:aws:lambda:<region>:<account>:function:<function>"}]"#)
        .adds(r#"{"customerEniId":"eni-0<hex17>","functionVersion":"arn:aws:lambda:<region>:<account>:function:<function>:$LATEST"}"#),
    api("lambda", "GetFunction20150331v2", 400, Read, r#"{"functionName":"<function>"}"#),
    api("lambda", "ListFunctions20150331", 120, Read, r#"{"maxItems":<50|"50">}"#),
    api("lambda", "UpdateFunctionCode20150331v2", 50, Write, r#"{"fullyQualifiedArn":{"arnPrefix":{"partition":"aws","region":"<region>","account":"<account>"},"relativeId":{"functionName":"<function>"},"functionQualifier":{}},"functionName":"<function>","publish":false,"dryRun":false}"#)
        .gives(r#"{"functionName":"<function>","functionArn":"arn:aws:lambda:<region>:<account>:function:<function>","runtime":"python3.12","codeSize":<1000-9000000>,"timeout":30,"memorySize":512,"lastModified":"<time>","codeSha256":"<b64x75>=","tracingConfig":{"mode":"PassThrough"},"revisionId":"<uuid>"}"#),
    api("logs", "CreateLogStream", 3_000, Write, r#"{"logGroupName":"/aws/lambda/<function>","logStreamName":"2026/11/22/[$LATEST]<hex32>"}"#),
    api("logs", "CreateLogGroup", 150, Write, r#"{"logGroupName":"/aws/lambda/<function>","tags":<{"env":"prod"}|[]>}"#),
    api("logs", "DescribeLogGroups", 900, Read, r#"{"logGroupNamePrefix":"/aws/lambda/","limit":<50|"50">}"#),
    api("logs", "DescribeLogStreams", 600, Read, r#"{"logGroupName":"/ecs/<name>","orderBy":"LastEventTime","descending":true,"limit":1}"#),
    api("monitoring", "DescribeAlarms", 800, Read, r#"{"alarmNamePrefix":"TargetTracking-<name>","maxRecords":100}"#).by(Who::Forwarded),
    api("monitoring", "GetMetricData", 500, DataRead, r#"{"startTime":<epoch>,"endTime":<epoch>,"scanBy":"TimestampDescending","maxDatapoints":100800}"#),
    api("monitoring", "PutMetricAlarm", 60, Write, r#"{"alarmName":"TargetTracking-<name>-AlarmLow-<uuid>","namespace":"AWS/ECS","metricName":"CPUUtilization","threshold":<31.5|45|7.0E1|0.1>,"period":60,"evaluationPeriods":15,"statistic":"Average","dimensions":[{"name":"ServiceName","value":"<name>"}]}"#).by(Who::Forwarded),
    api("secretsmanager", "GetSecretValue", 1_300, Read, r#"{"secretId":"arn:aws:secretsmanager:<region>:<account>:secret:<name>-7ChiHt"}"#),
    api("secretsmanager", "ListSecrets", 60, Read, r#"{"maxResults":<100|"100">,"includePlannedDeletion":false}"#),
    api("secretsmanager", "DescribeSecret", 200, Read, r#"{"secretId":"<name>"}"#),
    api("ssm", "UpdateInstanceInformation", 2_600, Write, r#"{"instanceId":"<instance>","agentVersion":"3.3.551.0","agentStatus":"Active","platformType":"Linux","platformName":"Amazon Linux","platformVersion":"2023","iPAddress":"10.0.<0-255>.<1-254>","computerName":"ip-10-0-0-1.<region>.compute.internal","agentName":"amazon-ssm-agent","availabilityZone":"<region>b","availabilityZoneId":"use1-az<1-6>"}"#),
    api("ssm", "GetParameter", 900, Read, r#"{"name":"/<name>/prod/token","withDecryption":true}"#)
        .touches(r#"[{"accountId":"<account>","ARN":"arn:aws:ssm:<region>:<account>:parameter/<name>/prod/token"}]"#),
    api("ssm", "GetParametersByPath", 300, Read, r#"{"path":"/<name>/prod","recursive":true,"withDecryption":true,"maxResults":10}"#),
    api("ssm", "OpenDataChannel", 250, Write, r#"{"sessionId":"<user>-<hex17>","messageSchemaVersion":"1.0","requestId":"<uuid>","tokenValue":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#),
    api("ssm", "SendCommand", 15, Write, r#"{"documentName":"AWS-RunShellScript","instanceIds":["<instance>"],"parameters":"HIDDEN_DUE_TO_SECURITY_REASONS","interactive":false,"timeoutSeconds":600}"#)
        .gives(r#"{"command":{"commandId":"<uuid>","documentName":"AWS-RunShellScript","requestedDateTime":"<later>","expiresAfter":"<later>","status":"Pending","targetCount":1,"deliveryTimedOutCount":0}}"#),
    api("signin", "ConsoleLogin", 80, Write, "").by(Who::Login),
    api("cloudtrail", "DescribeTrails", 200, Read, r#"{"includeShadowTrails":true,"trailNameList":[]}"#),
    api("cloudtrail", "GetTrailStatus", 200, Read, r#"{"name":"arn:aws:cloudtrail:us-east-1:<account>:trail/org-trail"}"#),
    api("cloudtrail", "LookupEvents", 80, Read, r#"{"maxResults":<50|"50">,"startTime":"<later>","lookupAttributes":[{"attributeKey":"EventName","attributeValue":"ConsoleLogin"}]}"#),
    api("cloudtrail", "StopLogging", 1, Write, r#"{"name":"sandbox-trail"}"#),
    api("elasticloadbalancing", "DescribeTargetHealth", 900, Read, r#"{"targetGroupArn":"arn:aws:elasticloadbalancing:<region>:<account>:targetgroup/<name>/50dc6c495c0c9188"}"#),
    api("elasticloadbalancing", "DescribeLoadBalancers", 700, Read, r#"{"pageSize":<400|"400">}"#),
    api("autoscaling", "DescribeAutoScalingGroups", 700, Read, r#"{"autoScalingGroupNames":["<name>"],"maxRecords":<100|"100">}"#),
    api("autoscaling", "SetDesiredCapacity", 60, Write, r#"{"autoScalingGroupName":"<name>","desiredCapacity":<1-40>,"honorCooldown":false}"#),
    api("ecr", "GetAuthorizationToken", 700, Read, ""),
    api("ecr", "BatchGetImage", 1_100, Read, r#"{"registryId":"<account>","repositoryName":"<name>","imageIds":[{"imageTag":"<latest|v1.42.0>"}],"acceptedMediaTypes":["application/vnd.docker.distribution.manifest.v2+json","application/vnd.oci.image.index.v1+json"]}"#)
        .touches(r#"[{"accountId":"<account>","ARN":"arn:aws:ecr:<region>:<account>:repository/<name>"}]"#),
    api("ecr", "GetDownloadUrlForLayer", 700, Read, r#"{"registryId":"<account>","repositoryName":"<name>","layerDigest":"sha256:<hex64>"}"#)
        .touches(r#"[{"accountId":"<account>","ARN":"arn:aws:ecr:<region>:<account>:repository/<name>"}]"#),
    api("ecs", "DescribeTasks", 700, Read, r#"{"cluster":"<name>","tasks":["arn:aws:ecs:<region>:<account>:task/<name>/<hex32>"]}"#),
    api("ecs", "DescribeServices", 500, Read, r#"{"cluster":"<name>","services":["<name>"],"include":["TAGS"]}"#),
    api("ecs", "SubmitTaskStateChange", 400, Write, r#"{"cluster":"<name>","task":"arn:aws:ecs:<region>:<account>:task/<name>/<hex32>","status":"<RUNNING|STOPPED>","containers":[{"containerName":"app","exitCode":<0|137>,"status":"STOPPED"}]}"#)
        .gives(r#"{"acknowledgment":"<uuid>"}"#),
    api("eks", "DescribeCluster", 350, Read, r#"{"name":"<name>"}"#),
    api("eks", "CreateNodegroup", 4, Write, r#"{"clusterName":"<name>","nodegroupName":"spot","scalingConfig":{"minSize":1,"maxSize":10,"desiredSize":3},"tags":{"team":"platform"}}"#)
        .gives(r#"{"nodegroup":{"nodegroupName":"spot","status":"CREATING","createdAt":<epoch>,"modifiedAt":<epoch>,"capacityType":"SPOT"}}"#),
    api("rds", "DescribeDBInstances", 600, Read, r#"{"dBInstanceIdentifier":"<name>","maxRecords":100}"#),
    api("config", "PutEvaluations", 600, Write, r#"{"evaluations":[{"complianceResourceType":"AWS::S3::Bucket","complianceResourceId":"<bucket>","complianceType":"<COMPLIANT|NON_COMPLIANT>","orderingTimestamp":"<later>"}],"resultToken":"***","testMode":false}"#)
        .gives(r#"{"failedEvaluations":[]}"#),
    api("cloudformation", "DescribeStacks", 400, Read, r#"{"stackName":"<name>"}"#),
    api("cloudformation", "CreateChangeSet", 15, Write, r#"{"stackName":"<name>","changeSetName":"cdk-deploy-<hex8>","capabilities":["CAPABILITY_IAM"],"parameters":[{"parameterKey":"Env","parameterValue":"prod"}],"tags":<[{"key":"team","value":"web"}]|[]>}"#)
        .gives(r#"{"id":"arn:aws:cloudformation:<region>:<account>:changeSet/cdk-deploy/<uuid>"}"#),
    api("sqs", "ReceiveMessage", 700, DataWrite, r#"{"queueUrl":"https://sqs.<region>.amazonaws.com/<account>/<name>","maxNumberOfMessages":10,"waitTimeSeconds":20,"attributeNames":["All"]}"#)
        .touches(r#"[{"accountId":"<account>","type":"AWS::SQS::Queue","ARN":"arn:aws:sqs:<region>:<account>:<name>"}]"#),
    api("sqs", "GetQueueAttributes", 500, Read, r#"{"queueUrl":"https://sqs.<region>.amazonaws.com/<account>/<name>","attributeNames":["ApproximateNumberOfMessages"]}"#),
    api("sns", "Publish", 300, DataWrite, r#"{"topicArn":"arn:aws:sns:<region>:<account>:<name>","message":"HIDDEN_DUE_TO_SECURITY_REASONS","messageStructure":"json"}"#)
        .gives(r#"{"messageId":"<uuid>"}"#),
    api("health", "DescribeEventAggregates", 300, Read, r#"{"aggregateField":"eventTypeCategory","filter":{"eventStatusCodes":["open","upcoming"],"startTimes":[{"from":"<later>"}]}}"#),
    api("tagging", "GetResources", 200, Read, r#"{"resourcesPerPage":<100|"100">,"tagFilters":<[{"key":"team","values":["web"]}]|[]>}"#),
    api("glue", "GetTable", 800, Read, r#"{"databaseName":"lake","name":"<name>"}"#).by(Who::Forwarded),
    api("glue", "GetPartitions", 900, Read, r#"{"databaseName":"lake","tableName":"<name>","expression":"(dt \u003e= '2026-11-01' and dt \u003c= '2026-11-22')","maxResults":<1000|"1000">}"#).by(Who::Forwarded),
    api("athena", "StartQueryExecution", 150, Write, r#"{"queryString":"***OMITTED***","clientRequestToken":"<uuid>","queryExecutionContext":{"database":"lake"},"resultConfiguration":{"outputLocation":"s3://<bucket>/athena/"},"workGroup":"primary"}"#)
        .gives(r#"{"queryExecutionId":"<uuid>"}"#),
    api("organizations", "ListAccounts", 60, Read, r#"{"maxResults":20}"#).global(),
    api("events", "PutTargets", 40, Write, r#"{"rule":"<name>","eventBusName":"default","targets":[{"id":"1","arn":"arn:aws:lambda:<region>:<account>:function:<function>","input":"{\"source\":\"scheduler\",\"attempt\":1}"}]}"#)
        .gives(r#"{"failedEntryCount":0,"failedEntries":[]}"#),
    api("sso", "ListAccountRoles", 80, Read, r#"{"accountId":"<account>","maxResults":50}"#),
];
