//! Amazon's cloud: Lambda, ECS, EKS, Elastic Beanstalk and EC2, from variables and files. What only the network knows, such as an
//! EC2 machine's zone and account, is left to [`super::aws_metadata`], which is asked for, and to `OTEL_RESOURCE_ATTRIBUTES`.

use tripod_wire::otlp::AnyValue;

use super::{Found, Surroundings, json};

/// The file in which the firmware names its maker, and what it says on EC2.
pub(super) const VENDOR: &str = "/sys/class/dmi/id/sys_vendor";
pub(super) const EC2_VENDOR: &str = "Amazon EC2";

pub(super) fn detect(surroundings: &Surroundings<'_>, found: &mut Found) {
    // The machine first: what runs on it says more.
    let on = [ec2, elastic_beanstalk, eks, ecs, lambda].map(|detect| detect(surroundings, found));
    if let Some(platform) = on.into_iter().flatten().last() {
        found.add("cloud.provider", "aws");
        found.add("cloud.platform", platform);
        found.add_some("cloud.region", surroundings.any_variable(&["AWS_REGION", "AWS_DEFAULT_REGION"]));
    }
}

fn lambda(surroundings: &Surroundings<'_>, found: &mut Found) -> Option<&'static str> {
    let name = surroundings.variable("AWS_LAMBDA_FUNCTION_NAME")?;
    found.add("faas.name", name);
    found.add_some("faas.version", surroundings.variable("AWS_LAMBDA_FUNCTION_VERSION"));
    found.add_some("faas.instance", surroundings.variable("AWS_LAMBDA_LOG_STREAM_NAME"));
    let mebibytes = surroundings.variable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|text| text.parse::<i64>().ok());
    found.add_some("faas.max_memory", mebibytes.and_then(|mebibytes| mebibytes.checked_mul(1 << 20)));
    let group = surroundings.variable("AWS_LAMBDA_LOG_GROUP_NAME");
    found.add_some("aws.log.group.names", group.map(|group| AnyValue::Array(vec![AnyValue::String(group)])));
    Some("aws_lambda")
}

/// The agent puts a file with what it knows into the container where it is told to.
fn ecs(surroundings: &Surroundings<'_>, found: &mut Found) -> Option<&'static str> {
    let addresses = ["ECS_CONTAINER_METADATA_URI_V4", "ECS_CONTAINER_METADATA_URI"];
    let file = surroundings.variable("ECS_CONTAINER_METADATA_FILE").and_then(|path| surroundings.file(&path));
    if file.is_none() && surroundings.any_variable(&addresses).is_none() {
        return None;
    }
    let names = [
        ("ContainerID", "container.id"),
        ("ContainerName", "container.name"),
        ("ImageName", "container.image.name"),
        ("ContainerInstanceARN", "aws.ecs.container.arn"),
        ("TaskARN", "aws.ecs.task.arn"),
        ("TaskDefinitionFamily", "aws.ecs.task.family"),
        ("TaskDefinitionRevision", "aws.ecs.task.revision"),
        ("AvailabilityZone", "cloud.availability_zone"),
    ];
    for (name, value) in json::fields(&file.unwrap_or_default()) {
        if let Some((_, key)) = names.iter().find(|(known, _)| *known == name) {
            found.add(key, value.clone());
        }
        if name == "Cluster" {
            found.add("aws.ecs.cluster.name", value.clone());
        }
        if name == "TaskARN" {
            // arn:aws:ecs:<region>:<account>:task/…
            let mut parts = value.split(':').skip(3);
            found.add_some("cloud.region", parts.next());
            found.add_some("cloud.account.id", parts.next());
        }
    }
    Some("aws_ecs")
}

/// A pod of EKS that may use other services is given a token of its cluster.
fn eks(surroundings: &Surroundings<'_>, _: &mut Found) -> Option<&'static str> {
    surroundings.variable("KUBERNETES_SERVICE_HOST")?;
    let signs = ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"];
    let token = surroundings.any_variable(&signs)?;
    (token.contains("eks.amazonaws.com") || token.contains("eks-pod-identity")).then_some("aws_eks")
}

fn elastic_beanstalk(surroundings: &Surroundings<'_>, found: &mut Found) -> Option<&'static str> {
    let file = surroundings.file("/var/elasticbeanstalk/xray/environment.conf")?;
    for (name, value) in json::fields(&file) {
        match name.as_str() {
            "deployment_id" => found.add("service.instance.id", value),
            "version_label" => found.add("service.version", value),
            "environment_name" => found.add("service.namespace", value),
            _ => {}
        }
    }
    Some("aws_elastic_beanstalk")
}

/// The firmware of a virtual machine names its maker, its id and its type.
fn ec2(surroundings: &Surroundings<'_>, found: &mut Found) -> Option<&'static str> {
    let firmware = |name: &str| surroundings.file(&format!("/sys/class/dmi/id/{name}"));
    surroundings.file(VENDOR).filter(|vendor| vendor == EC2_VENDOR)?;
    found.add_some("host.id", firmware("board_asset_tag").filter(|id| id.starts_with("i-")));
    found.add_some("host.type", firmware("product_name"));
    Some("aws_ec2")
}

#[cfg(test)]
mod tests {
    use super::super::surroundings::fake::found;
    use super::*;

    const EC2: [(&str, &str); 3] = [
        ("/sys/class/dmi/id/sys_vendor", "Amazon EC2\n"),
        ("/sys/class/dmi/id/board_asset_tag", "i-0abc\n"),
        ("/sys/class/dmi/id/product_name", "m7g.large\n"),
    ];

    #[test]
    fn elsewhere_nothing_is_found_even_with_a_region() {
        let vendor = [("/sys/class/dmi/id/sys_vendor", "QEMU")];
        assert_eq!(found(detect, &vendor, &[("AWS_REGION", "eu-west-1")]), Vec::<String>::new());
    }

    #[test]
    fn a_machine_of_ec2_is_known_by_its_firmware() {
        let expected = ["cloud.platform=aws_ec2", "cloud.provider=aws", "host.id=i-0abc", "host.type=m7g.large"];
        assert_eq!(found(detect, &EC2, &[]), expected);
    }

    #[test]
    fn a_function_of_lambda_is_known_by_its_variables() {
        let variables = [
            ("AWS_LAMBDA_FUNCTION_NAME", "resize"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "7"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/21/[7]abc"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/resize"),
            ("AWS_REGION", "eu-west-1"),
        ];
        let expected = [
            "aws.log.group.names=[\"/aws/lambda/resize\"]",
            "cloud.platform=aws_lambda",
            "cloud.provider=aws",
            "cloud.region=eu-west-1",
            "faas.instance=2026/11/21/[7]abc",
            "faas.max_memory=134217728",
            "faas.name=resize",
            "faas.version=7",
        ];
        assert_eq!(found(detect, &[], &variables), expected);
    }

    #[test]
    fn a_task_of_ecs_is_known_by_the_agents_file_whatever_it_runs_on() {
        let file = r#"{"Cluster": "shop", "TaskARN": "arn:aws:ecs:eu-west-1:012345678901:task/shop/abc",
            "TaskDefinitionFamily": "web", "TaskDefinitionRevision": "5", "ContainerID": "98e4", "ContainerName": "web",
            "PortMappings": [{"ContainerPort": 80}], "ImageName": "shop/web", "AvailabilityZone": "eu-west-1b",
            "MetadataFileStatus": "READY"}"#;
        let mut files = EC2.to_vec();
        files.push(("/opt/ecs/metadata.json", file));
        let expected = [
            "aws.ecs.cluster.name=shop",
            "aws.ecs.task.arn=arn:aws:ecs:eu-west-1:012345678901:task/shop/abc",
            "aws.ecs.task.family=web",
            "aws.ecs.task.revision=5",
            "cloud.account.id=012345678901",
            "cloud.availability_zone=eu-west-1b",
            "cloud.platform=aws_ecs",
            "cloud.provider=aws",
            "cloud.region=eu-west-1",
            "container.id=98e4",
            "container.image.name=shop/web",
            "container.name=web",
            "host.id=i-0abc",
            "host.type=m7g.large",
        ];
        assert_eq!(found(detect, &files, &[("ECS_CONTAINER_METADATA_FILE", "/opt/ecs/metadata.json")]), expected);
        let fargate = [("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/x"), ("AWS_REGION", "eu-west-1")];
        assert_eq!(
            found(detect, &[], &fargate),
            ["cloud.platform=aws_ecs", "cloud.provider=aws", "cloud.region=eu-west-1"]
        );
    }

    #[test]
    fn eks_and_elastic_beanstalk_are_known_by_what_they_put_there() {
        let pod = [
            ("KUBERNETES_SERVICE_HOST", "10.0.0.1"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"),
        ];
        assert_eq!(found(detect, &[], &pod), ["cloud.platform=aws_eks", "cloud.provider=aws"]);
        let file = r#"{"deployment_id":23,"version_label":"v-8","environment_name":"shop-prod"}"#;
        let expected = [
            "cloud.platform=aws_elastic_beanstalk",
            "cloud.provider=aws",
            "service.instance.id=23",
            "service.namespace=shop-prod",
            "service.version=v-8",
        ];
        assert_eq!(found(detect, &[("/var/elasticbeanstalk/xray/environment.conf", file)], &[]), expected);
    }
}
