/** What a panel says when it has nothing to draw. */
import type { ComponentChildren } from "preact";

export const Nothing = ({ children }: { children: ComponentChildren }) => (
  <div class="panel-nothing" data-testid="no-data">
    <div>{children}</div>
  </div>
);
