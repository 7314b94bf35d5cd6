//! What Amazon's cloud tells those who ask it over the network: EC2's instance metadata (IMDSv2) and the ECS agent's endpoint.
//!
//! Only on demand, as telemetry waits for the answers when it starts: all of them together take a second at most, and most
//! machines that are not Amazon's are known by their firmware and not asked for. What was found once is known for as long as the process
//! runs. An address that does not answer costs its part of that second and is no error: the attributes are missing.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tripod_wire::otlp::{AnyValue, KeyValue};
use ureq::Agent;

use super::{Found, Surroundings, aws, json};
use crate::sync::fork::Inside;

/// For all answers together.
const PATIENCE: Duration = Duration::from_secs(1);

/// For one; what answers at all does so within milliseconds.
const ONE: Duration = Duration::from_millis(400);

const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// Where every machine of EC2 finds its metadata.
const EC2: &str = "http://169.254.169.254";

pub(super) fn detect(surroundings: &Surroundings<'_>, found: &mut Found) {
    static KNOWN: OnceLock<Vec<KeyValue>> = OnceLock::new();
    if !surroundings.is_real() {
        return ask_all(surroundings, found);
    }
    if KNOWN.get().is_none() {
        let mut asked = Found::default();
        ask_all(surroundings, &mut asked);
        // A child is not to meet it half done.
        let _inside = Inside::enter();
        let _ = KNOWN.set(asked.0);
    }
    for KeyValue { key, value } in KNOWN.get().into_iter().flatten() {
        found.add(key, value.clone());
    }
}

fn ask_all(surroundings: &Surroundings<'_>, found: &mut Found) {
    let asking = Asking::new();
    // The machine first: what runs on it says more.
    ec2(surroundings, &asking, found);
    ecs(surroundings, &asking, found);
}

fn ec2(surroundings: &Surroundings<'_>, asking: &Asking, found: &mut Found) -> Option<()> {
    let is_disabled =
        surroundings.variable("AWS_EC2_METADATA_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true"));
    let given = surroundings.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if is_disabled || given.is_none() && surroundings.file(aws::VENDOR).is_some_and(|vendor| vendor != aws::EC2_VENDOR)
    {
        return None;
    }
    let base = given.as_deref().unwrap_or(EC2).trim_end_matches('/');
    let ttl = ("x-aws-ec2-metadata-token-ttl-seconds", "60");
    let token = asking.ask("PUT", &format!("{base}/latest/api/token"), ttl)?;
    let get = |path: &str| asking.ask("GET", &format!("{base}/latest/{path}"), ("x-aws-ec2-metadata-token", &token));
    let document = get("dynamic/instance-identity/document")?;
    let names = [
        ("accountId", "cloud.account.id"),
        ("availabilityZone", "cloud.availability_zone"),
        ("region", "cloud.region"),
        ("imageId", "host.image.id"),
        ("instanceId", "host.id"),
        ("instanceType", "host.type"),
    ];
    found.add("cloud.provider", "aws");
    found.add("cloud.platform", "aws_ec2");
    add(&document, &names, found);
    found.add_some("host.name", get("meta-data/hostname"));
    Some(())
}

fn ecs(surroundings: &Surroundings<'_>, asking: &Asking, found: &mut Found) -> Option<()> {
    let base = surroundings.variable("ECS_CONTAINER_METADATA_URI_V4")?;
    let get = |path: &str| asking.ask("GET", &format!("{}{path}", base.trim_end_matches('/')), ("accept", "*/*"));
    let container = get("")?;
    found.add("cloud.provider", "aws");
    found.add("cloud.platform", "aws_ecs");
    let names = [
        ("ContainerARN", "aws.ecs.container.arn"),
        ("ContainerARN", "cloud.resource_id"),
        ("DockerId", "container.id"),
        ("DockerName", "container.name"),
    ];
    add(&container, &names, found);
    let fields = json::fields(&container);
    let image = value(&fields, "Image");
    // `host:5000/shop/web:5`, where the tag may be missing and a digest may follow.
    let image = image.map(|image| image.split('@').next().unwrap_or_default());
    let tag = image.and_then(|image| image.rsplit_once(':')).filter(|(_, tag)| !tag.contains('/'));
    found.add_some("container.image.name", tag.map_or(image, |(name, _)| Some(name)));
    found.add_some("container.image.tags", tag.map(|(_, tag)| list(tag)));
    if value(&fields, "LogDriver") == Some("awslogs") {
        let options =
            json::fields(container.split_once("\"LogOptions\":").map_or("", |(_, options)| options.trim_start()));
        found.add_some("aws.log.group.names", value(&options, "awslogs-group").map(list));
        found.add_some("aws.log.stream.names", value(&options, "awslogs-stream").map(list));
    }
    let task = get("/task")?;
    let names = [
        ("TaskARN", "aws.ecs.task.arn"),
        ("Family", "aws.ecs.task.family"),
        ("Revision", "aws.ecs.task.revision"),
        ("AvailabilityZone", "cloud.availability_zone"),
    ];
    add(&task, &names, found);
    let fields = json::fields(&task);
    found.add_some("aws.ecs.launchtype", value(&fields, "LaunchType").map(str::to_lowercase));
    // arn:aws:ecs:<region>:<account>:task/<cluster>/<id>
    let arn = value(&fields, "TaskARN")?;
    found.add_some("aws.ecs.task.id", arn.rsplit('/').next());
    let mut parts = arn.split(':').skip(3);
    found.add_some("cloud.region", parts.next());
    found.add_some("cloud.account.id", parts.next());
    let cluster = value(&fields, "Cluster")?;
    let own = |(before, _): (&str, _)| format!("{before}:cluster/{cluster}");
    let cluster_arn =
        if cluster.starts_with("arn:") { Some(cluster.to_owned()) } else { arn.split_once(":task/").map(own) };
    found.add_some("aws.ecs.cluster.arn", cluster_arn);
    Some(())
}

/// Takes those fields of an object that have a name here.
fn add(object: &str, names: &[(&str, &str)], found: &mut Found) {
    let fields = json::fields(object);
    for (name, key) in names {
        found.add_some(key, value(&fields, name));
    }
}

fn value<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn list(one: &str) -> AnyValue {
    AnyValue::Array(vec![one.into()])
}

/// Requests that together take no longer than they may.
struct Asking {
    agent: Agent,
    until: Instant,
}

impl Asking {
    fn new() -> Self {
        // These addresses are the machine's own: no proxy knows them.
        let config = Agent::config_builder().proxy(None).max_redirects(0);
        Self { agent: config.build().into(), until: Instant::now() + PATIENCE }
    }

    /// The answer's text, if it comes in time and is one.
    fn ask(&self, method: &str, url: &str, (name, value): (&str, &str)) -> Option<String> {
        let left = self.until.saturating_duration_since(Instant::now()).min(ONE);
        if left.is_zero() {
            return None;
        }
        let request = ureq::http::Request::builder().method(method).uri(url).header(name, value).body(()).ok()?;
        let request = self.agent.configure_request(request).timeout_global(Some(left)).build();
        let mut answer = self.agent.run(request).ok()?;
        answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_string().ok().filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};

    use super::super::surroundings::fake::found;
    use super::*;

    const DOCUMENT: &str = r#"{"accountId": "012345678901", "architecture": "arm64", "availabilityZone": "eu-west-1b",
        "devpayProductCodes": null, "imageId": "ami-0abc", "instanceId": "i-0abc", "instanceType": "m7g.large",
        "region": "eu-west-1"}"#;
    const CONTAINER: &str = r#"{"DockerId": "98e4", "Name": "web", "DockerName": "ecs-web-5", "Image": "registry:5000/shop/web:5",
        "Labels": {"com.amazonaws.ecs.cluster": "shop"}, "ContainerARN": "arn:aws:ecs:eu-west-1:012345678901:container/c1",
        "LogDriver": "awslogs", "LogOptions": {"awslogs-group": "/ecs/web", "awslogs-stream": "web/abc"}}"#;
    const TASK: &str = r#"{"Cluster": "shop", "TaskARN": "arn:aws:ecs:eu-west-1:012345678901:task/shop/abc", "Family": "web",
        "Revision": "5", "AvailabilityZone": "eu-west-1b", "LaunchType": "FARGATE", "Containers": [{"DockerId": "98e4"}]}"#;

    /// Answers as the metadata services do; gives its address.
    fn service() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || listener.incoming().for_each(|stream| answer(&stream.unwrap())));
        url
    }

    fn answer(stream: &TcpStream) {
        let lines = BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
        let head: Vec<String> = lines.map(|line| line.to_ascii_lowercase()).collect();
        let has = |line: &str| head.iter().any(|own| own == line);
        let text = match head.first().map_or("", |line| line.trim_end_matches(" http/1.1")) {
            "put /latest/api/token" if has("x-aws-ec2-metadata-token-ttl-seconds: 60") => "secret",
            "get /latest/dynamic/instance-identity/document" if has("x-aws-ec2-metadata-token: secret") => DOCUMENT,
            "get /latest/meta-data/hostname" if has("x-aws-ec2-metadata-token: secret") => "ip-10-0-0-1.internal",
            "get /v4/x" => CONTAINER,
            "get /v4/x/task" => TASK,
            _ => "",
        };
        let status = if text.is_empty() { "401 Unauthorized" } else { "200 OK" };
        let (mut stream, length) = (stream, text.len());
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        stream.write_all((head + text).as_bytes()).unwrap();
    }

    #[test]
    fn a_machine_of_ec2_tells_who_asks_with_a_token() {
        let base = service();
        let variables = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", base.as_str())];
        let expected = [
            "cloud.account.id=012345678901",
            "cloud.availability_zone=eu-west-1b",
            "cloud.platform=aws_ec2",
            "cloud.provider=aws",
            "cloud.region=eu-west-1",
            "host.id=i-0abc",
            "host.image.id=ami-0abc",
            "host.name=ip-10-0-0-1.internal",
            "host.type=m7g.large",
        ];
        assert_eq!(found(detect, &[], &variables), expected);
        let disabled = [variables[0], ("AWS_EC2_METADATA_DISABLED", "true")];
        assert_eq!(found(detect, &[], &disabled), Vec::<String>::new());
    }

    #[test]
    fn a_task_of_ecs_tells_of_its_container_and_itself() {
        let base = format!("{}/v4/x", service());
        let variables = [("ECS_CONTAINER_METADATA_URI_V4", base.as_str()), ("AWS_EC2_METADATA_DISABLED", "true")];
        let expected = [
            "aws.ecs.cluster.arn=arn:aws:ecs:eu-west-1:012345678901:cluster/shop",
            "aws.ecs.container.arn=arn:aws:ecs:eu-west-1:012345678901:container/c1",
            "aws.ecs.launchtype=fargate",
            "aws.ecs.task.arn=arn:aws:ecs:eu-west-1:012345678901:task/shop/abc",
            "aws.ecs.task.family=web",
            "aws.ecs.task.id=abc",
            "aws.ecs.task.revision=5",
            "aws.log.group.names=[\"/ecs/web\"]",
            "aws.log.stream.names=[\"web/abc\"]",
            "cloud.account.id=012345678901",
            "cloud.availability_zone=eu-west-1b",
            "cloud.platform=aws_ecs",
            "cloud.provider=aws",
            "cloud.region=eu-west-1",
            "cloud.resource_id=arn:aws:ecs:eu-west-1:012345678901:container/c1",
            "container.id=98e4",
            "container.image.name=registry:5000/shop/web",
            "container.image.tags=[\"5\"]",
            "container.name=ecs-web-5",
        ];
        assert_eq!(found(detect, &[], &variables), expected);
    }

    #[test]
    fn elsewhere_nobody_is_asked_and_who_does_not_answer_is_not_waited_for() {
        let vendor = [("/sys/class/dmi/id/sys_vendor", "QEMU")];
        assert_eq!(found(detect, &vendor, &[]), Vec::<String>::new());
        // Takes connections, and says nothing.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", silent.local_addr().unwrap());
        let variables =
            [("AWS_EC2_METADATA_SERVICE_ENDPOINT", base.as_str()), ("ECS_CONTAINER_METADATA_URI_V4", &base)];
        assert_eq!(found(detect, &[], &variables), Vec::<String>::new());
        let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let base = format!("http://{refused}");
        assert_eq!(found(detect, &[], &[("ECS_CONTAINER_METADATA_URI_V4", &base), variables[0]]), Vec::<String>::new());
    }
}
