/** Alerts: the rules as they stand, what they did, silences, and the editor of own rules. */
import { Empty } from "../../components/feedback";
import { useKeys } from "../../state/keys";
import { href, navigate } from "../../state/url";
import { HistoryView } from "./history-view";
import { RuleEditor } from "./rule-editor";
import { RuleList } from "./rule-list";
import { SilencesView } from "./silences-view";
import "../../styles/alerts.css";

const VIEWS = [
  { name: "", title: "Rules" },
  { name: "history", title: "History" },
  { name: "silences", title: "Silences" },
];

export function AlertsPage({ name }: { name: string }) {
  useKeys("Alerts", [{ keys: ["n"], does: "New alert", run: () => navigate(href("/alerts/new")) }]);
  const editing = name === "new" || name.startsWith("edit/");
  return (
    <main class="page alerts-page" id="main">
      <header class="page-head alerts-head">
        {editing ? <h1>{name === "new" ? "New alert" : "Edit alert"}</h1> : <h1>Alerts</h1>}
        {!editing && (
          <>
            <nav class="segments" aria-label="Views of alerts">
              {VIEWS.map((view) => (
                <a key={view.name} href={href(view.name ? `/alerts/${view.name}` : "/alerts")} aria-current={view.name === name ? "page" : undefined}>
                  {view.title}
                </a>
              ))}
            </nav>
            <a class="button primary" href={href("/alerts/new")} title="New alert (n)" data-testid="new-alert">
              New alert
            </a>
          </>
        )}
      </header>
      <View name={name} />
    </main>
  );
}

function View({ name }: { name: string }) {
  if (name === "") return <RuleList />;
  if (name === "history") return <HistoryView />;
  if (name === "silences") return <SilencesView />;
  if (name === "new") return <RuleEditor key="new" />;
  if (name.startsWith("edit/")) return <RuleEditor key={name} edit={name.slice("edit/".length)} />;
  return (
    <Empty title="There is no such page.">
      <a href={href("/alerts")}>All alerts</a>
    </Empty>
  );
}
