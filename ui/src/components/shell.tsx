/** What is around every page: mark, navigation, search, window of time, theme. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { PLACES } from "../pages/places";
import { useKeys } from "../state/keys";
import { underWay } from "../state/load";
import { theme, toggleTheme } from "../state/theme";
import { href, navigate, param, route } from "../state/url";
import { FiringBadge } from "./firing-badge";
import { KeyboardIcon, Mark, MoonIcon, PlugIcon, SunIcon } from "./icons";
import { KeyHelp } from "./key-help";
import { QuickSearch } from "./quick-search";
import { TimePicker } from "./time-picker";
import { DifferencesDrawer } from "./differences-drawer";
import { TraceDrawer } from "./trace-drawer";

export function Shell({ children }: { children: ComponentChildren }) {
  void route.value;
  const [help, setHelp] = useState(false);
  useKeys("Go to", PLACES.map((place) => ({ keys: [`g ${place.key}`], does: place.title, run: () => navigate(href(place.path)) })));
  useKeys("Help", [
    { keys: ["?"], does: "Show this", run: () => setHelp(true) },
    { keys: ["T"], does: "Light or dark", run: toggleTheme },
  ]);
  return (
    <div class={`shell${param("trace") || param("near") || param("differs") ? " with-drawer" : ""}`}>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.querySelector<HTMLElement>("#main a, #main button, #main input")?.focus())}>
        Skip to the content
      </a>
      {underWay.value > 0 && <div class="progress" aria-hidden="true" />}
      <header class="topbar">
        <a class="brand" href={href("/services")} aria-label="Tripod, services">
          <Mark />
          <span>Tripod</span>
        </a>
        <Places />
        <QuickSearch />
        <TimePicker />
        <div class="topbar-tools">
          <FiringBadge />
          <a class="icon-button" href={href("/setup")} aria-label="Send data" title="Send data">
            <PlugIcon />
          </a>
          <button type="button" class="icon-button key-button" aria-label="Keyboard" title="Keyboard (?)" onClick={() => setHelp(true)}>
            <KeyboardIcon />
          </button>
          <button type="button" class="icon-button" aria-label={theme.value === "dark" ? "Light theme" : "Dark theme"} title="Light or dark (T)" data-testid="theme" onClick={toggleTheme}>
            {theme.value === "dark" ? <SunIcon /> : <MoonIcon />}
          </button>
        </div>
      </header>
      <div class="content">{children}</div>
      <TraceDrawer />
      <DifferencesDrawer />
      {help && <KeyHelp close={() => setHelp(false)} />}
    </div>
  );
}

function Places() {
  const path = route.value.path;
  return (
    <nav class="places" aria-label="Pages">
      {PLACES.map((place) => (
        <a key={place.path} href={href(place.path)} aria-current={path === place.path || path.startsWith(`${place.path}/`) ? "page" : undefined}>
          {place.title}
        </a>
      ))}
    </nav>
  );
}
