/** How to send data: copy-paste variables with this server's real addresses, and a counter that shows it arrive. */
import { useState } from "preact/hooks";
import type { Status } from "../../api/status";
import { CopyButton } from "../../components/copy-button";
import { formatCount } from "../../lib/format";
import { href, param, route, setParams } from "../../state/url";
import { recipes } from "./recipes";

export function WaitingPage({ status, waiting }: { status: Status | undefined; waiting: boolean }) {
  void route.value;
  const list = status ? recipes(status.endpoints) : [];
  const chosen = list.find((one) => one.key === param("with")) ?? list[0];
  return (
    <main class="page waiting" id="main" data-testid="waiting">
      <header class="waiting-head">
        <h1>{waiting ? "Waiting for data" : "Send data"}</h1>
        <p>
          {waiting
            ? "Tripod is up and its store is empty. Point a service at it; this page moves on by itself when something arrives."
            : "Point a service at Tripod. Anything that speaks OTLP will do."}
        </p>
      </header>
      <Counters status={status} waiting={waiting} />
      {status && (
        <section class="card endpoints" aria-label="Endpoints">
          <Endpoint name="OTLP over HTTP" value={`http://${status.endpoints.otlp_http}`} note="protobuf or JSON; /v1/traces, /v1/metrics, /v1/logs" />
          <Endpoint name="OTLP over gRPC" value={`http://${status.endpoints.otlp_grpc}`} note="traces, metrics, logs" />
        </section>
      )}
      {chosen && (
        <section class="card recipes" aria-label="Quick starts">
          <div class="segments" role="group" aria-label="Language">
            {list.map((one) => (
              <button key={one.key} type="button" aria-pressed={one === chosen} onClick={() => setParams({ with: one === list[0] ? null : one.key }, "replace")}>
                {one.title}
              </button>
            ))}
          </div>
          {chosen.steps.map((step) => (
            <Code key={step.title} title={step.title} text={step.text} />
          ))}
        </section>
      )}
      {!waiting && (
        <p>
          <a href={href("/services")}>Back to the services</a>
        </p>
      )}
    </main>
  );
}

function Counters({ status, waiting }: { status: Status | undefined; waiting: boolean }) {
  const store = status?.store;
  const [first] = useState(Date.now());
  return (
    <div class="counters" role="status" aria-live="polite" data-testid="counters">
      <Counter name="spans" value={store?.spans} />
      <Counter name="metric samples" value={store?.samples} />
      <Counter name="log records" value={store?.logs} />
      <span class={`listening${waiting ? " is-waiting" : ""}`}>
        <i class="live-dot" /> {waiting ? `listening since ${new Date(first).toLocaleTimeString()}` : "receiving"}
      </span>
    </div>
  );
}

const Counter = ({ name, value }: { name: string; value: number | undefined }) => (
  <div class="counter">
    <b>{value === undefined ? "–" : formatCount(value)}</b>
    <span>{name}</span>
  </div>
);

const Endpoint = ({ name, value, note }: { name: string; value: string; note: string }) => (
  <div class="endpoint">
    <span class="endpoint-name">{name}</span>
    <code>{value}</code>
    <CopyButton text={value} label={`Copy the address of ${name}`} />
    <span class="faint">{note}</span>
  </div>
);

const Code = ({ title, text }: { title: string; text: string }) => (
  <div class="code">
    <div class="code-head">
      <span>{title}</span>
      <CopyButton text={text} label={`Copy: ${title}`} withText />
    </div>
    <pre tabIndex={0} role="region" aria-label={title}>
      <code>{text}</code>
    </pre>
  </div>
);
