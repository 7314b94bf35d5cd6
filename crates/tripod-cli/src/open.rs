//! `tripod open`: the web page of a trace, a service, a metric, or the first one.

use std::io::IsTerminal;
use std::process::{Command, ExitCode, Stdio};

use clap::Args;
use url::Url;

use crate::client::{Client, ServerArgs};
use crate::outcome::{self, Failure, Found};
use crate::terminal::print;
use crate::traces;

/// What `tripod open` can be told.
#[derive(Debug, Args)]
pub(crate) struct OpenArgs {
    /// The id of a trace
    #[arg(value_name = "TRACE_ID", value_parser = traces::trace_id, conflicts_with_all = ["service", "metric"])]
    id: Option<String>,
    /// The traces of a service
    #[arg(long, short, value_name = "NAME", conflicts_with = "metric")]
    service: Option<String>,
    /// A metric
    #[arg(long, short, value_name = "NAME")]
    metric: Option<String>,
    /// Only print the address
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the command.
pub(crate) fn run(args: &OpenArgs) -> ExitCode {
    outcome::end(open(args))
}

fn open(args: &OpenArgs) -> Result<Found, Failure> {
    let client = args.server.client()?;
    if let Some(id) = &args.id
        && client.get_protobuf(&format!("/api/traces/{id}"))?.is_none()
    {
        eprintln!("there is no trace {id}: it was never sent, or is kept no longer");
        return Ok(Found::Nothing);
    }
    // A page that nobody serves is opened for no one.
    client.get("/api/status", &[])?;
    let page = page(&client, args);
    if args.print || !opened(&page) {
        print(&format!("{page}\n"))?;
    }
    Ok(Found::Something)
}

/// The address of what was asked for.
fn page(client: &Client, args: &OpenArgs) -> Url {
    let below = |path: &str, name: &str| {
        let mut url = client.address(path, &[]);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push(name);
        }
        url
    };
    match (&args.id, &args.service, &args.metric) {
        (Some(id), _, _) => below("/traces", id),
        (_, Some(service), _) => client.address("/traces", &[("service", service.clone())]),
        (_, _, Some(metric)) => below("/metric", metric),
        _ => client.address("/", &[]),
    }
}

/// Whether a browser was told; where there is no screen, none is looked for.
fn opened(page: &Url) -> bool {
    let has_screen =
        ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if !has_screen || !std::io::stdout().is_terminal() {
        return false;
    }
    let mut command = Command::new("xdg-open");
    command.arg(page.as_str()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
