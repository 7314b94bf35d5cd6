/** Starts the page. */
import { render } from "preact";
import "@preact/signals";
import { App } from "./app";
import { startKeys } from "./state/keys";
import { startTheme } from "./state/theme";
import { startClock } from "./state/time-range";
import { startRouter } from "./state/url";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/tables.css";
import "./styles/charts.css";
import "./styles/trace.css";
import "./styles/metrics.css";
import "./styles/logs.css";
import "./styles/waiting.css";

startTheme();
startRouter();
startKeys();
startClock();
render(<App />, document.getElementById("app")!);
