/** "Alert on this": from a query that somebody looks at to a rule that looks at it. */
import { href } from "../state/url";

export const alertHref = (expr: string) => href("/alerts/new", { expr });

export const AlertLink = ({ expr }: { expr: string }) => (
  <a class="chart-link" href={alertHref(expr)} title={`Alert on ${expr}`} data-testid="alert-on-this">
    Alert on this
  </a>
);
